"""Fetch, API key 1: read record batches, as a consumer or as a follower.

v7 brings sessions that name only what changed (KIP-227), v9 fences old leader epochs (KIP-320), v10
may carry zstd (KIP-110), v11 reads from the nearest replica (KIP-392), v12 detects divergence
(KIP-595), v13 speaks of topics by id (KIP-516), v14 may find the offset in tiered storage
(KIP-405).
"""

from pykbroker.wire.schema import Nullable, api, default, since, tagged, until
from pykbroker.wire.types import Array, Int8, Int16, Int32, Int64, Records, String, Struct, Uuid

ReplicaState = Struct(
    "replica_id"    / default(-1, Int32),  # -1: a consumer
    "replica_epoch" / default(-1, Int64),  # -1: unknown
)  # fmt: skip

EpochEndOffset = Struct(
    "epoch"      / default(-1, Int32),
    "end_offset" / default(-1, Int64),
)  # fmt: skip

LeaderIdAndEpoch = Struct(
    "leader_id"    / default(-1, Int32),  # -1: unknown
    "leader_epoch" / default(-1, Int32),
)  # fmt: skip

SnapshotId = Struct(
    "end_offset" / default(-1, Int64),
    "epoch"      / default(-1, Int32),
)  # fmt: skip

Fetch = api(
    1, "Fetch", versions="4-18", flexible="12+",  # KIP-482
    request=Struct(
        "cluster_id"            / since(12, tagged(0, default(None, Nullable(String)))),  # KIP-595
        "replica_id"            / until(14, default(-1, Int32)),  # -1: a consumer
        "replica_state"         / since(15, tagged(1, ReplicaState)),  # KIP-903
        "max_wait_ms"           / Int32,
        "min_bytes"             / Int32,
        "max_bytes"             / default(0x7FFFFFFF, Int32),
        "isolation_level"       / Int8,  # 0: read uncommitted, 1: read committed
        "session_id"            / since(7, Int32),  # 0: no session, KIP-227
        # -1: no session, 0: a new one, KIP-227
        "session_epoch"         / since(7, default(-1, Int32)),
        "topics"                / Array(Struct(
            "topic"      / until(12, String),
            "topic_id"   / since(13, Uuid),  # KIP-516
            "partitions" / Array(Struct(
                "partition"            / Int32,
                "current_leader_epoch" / since(9, default(-1, Int32)),  # -1: do not check, KIP-320
                "fetch_offset"         / Int64,
                # -1: nothing fetched yet, KIP-595
                "last_fetched_epoch"   / since(12, default(-1, Int32)),
                # of the follower, -1 for a consumer, KIP-107
                "log_start_offset"     / since(5, default(-1, Int64)),
                "partition_max_bytes"  / Int32,
                "replica_directory_id" / since(17, tagged(0, Uuid)),  # KIP-853
                # -1: unknown, maximum: not supported, KIP-1166
                "high_watermark"       / since(18, tagged(1, default(2**63 - 1, Int64))),
            )),
        )),
        "forgotten_topics_data" / since(7, Array(Struct(  # KIP-227
            "topic"      / until(12, String),
            "topic_id"   / since(13, Uuid),  # KIP-516
            "partitions" / Array(Int32),
        ))),
        "rack_id"               / since(11, String),  # KIP-392
    ),
    response=Struct(
        "throttle_time_ms" / Int32,
        "error_code"       / since(7, Int16),  # KIP-227
        "session_id"       / since(7, Int32),  # 0: no session, KIP-227
        "responses"        / Array(Struct(
            "topic"      / until(12, String),
            "topic_id"   / since(13, Uuid),  # KIP-516
            "partitions" / Array(Struct(
                "partition_index"        / Int32,
                "error_code"             / Int16,
                "high_watermark"         / Int64,
                "last_stable_offset"     / default(-1, Int64),  # exclusive end of what is decided
                "log_start_offset"       / since(5, default(-1, Int64)),  # KIP-107
                "diverging_epoch"        / since(12, tagged(0, EpochEndOffset)),  # KIP-595
                "current_leader"         / since(12, tagged(1, LeaderIdAndEpoch)),  # KIP-595
                "snapshot_id"            / since(12, tagged(2, SnapshotId)),  # KIP-595
                "aborted_transactions"   / Nullable(Array(Struct(  # null: not read committed
                    "producer_id"  / Int64,
                    "first_offset" / Int64,
                ))),
                # -1: read from the leader, KIP-392
                "preferred_read_replica" / since(11, default(-1, Int32)),
                "records"                / Nullable(Records),
            )),
        )),
        "node_endpoints"   / since(16, tagged(0, Array(Struct(  # KIP-951
            "node_id" / Int32,
            "host"    / String,
            "port"    / Int32,
            "rack"    / default(None, Nullable(String)),
        )))),
    ),
)  # fmt: skip
