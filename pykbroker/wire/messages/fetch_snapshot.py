"""FetchSnapshot, API key 59: read a piece of a metadata snapshot (KIP-630)."""

from pykbroker.wire.schema import Nullable, api, default, since, tagged
from pykbroker.wire.types import Array, Int16, Int32, Int64, Records, String, Struct, UInt16, Uuid

SnapshotId = Struct(
    "end_offset" / Int64,
    "epoch"      / Int32,
)  # fmt: skip

LeaderIdAndEpoch = Struct(
    "leader_id"    / Int32,
    "leader_epoch" / Int32,
)  # fmt: skip

FetchSnapshot = api(
    59, "FetchSnapshot", versions="0-1", flexible="0+",
    request=Struct(
        "cluster_id" / tagged(0, default(None, Nullable(String))),
        "replica_id" / default(-1, Int32),
        "max_bytes"  / default(0x7FFFFFFF, Int32),
        "topics"     / Array(Struct(
            "name"       / String,
            "partitions" / Array(Struct(
                "partition"            / Int32,
                "current_leader_epoch" / Int32,
                "snapshot_id"          / SnapshotId,
                "position"             / Int64,
                "replica_directory_id" / since(1, tagged(0, Uuid)),  # KIP-853
            )),
        )),
    ),
    response=Struct(
        "throttle_time_ms" / Int32,
        "error_code"       / Int16,
        "topics"           / Array(Struct(
            "name"       / String,
            "partitions" / Array(Struct(
                "index"             / Int32,
                "error_code"        / Int16,
                "snapshot_id"       / SnapshotId,
                "current_leader"    / tagged(0, LeaderIdAndEpoch),
                "size"              / Int64,
                "position"          / Int64,
                "unaligned_records" / Records,
            )),
        )),
        "node_endpoints"   / since(1, tagged(0, Array(Struct(  # KIP-853
            "node_id" / Int32,
            "host"    / String,
            "port"    / UInt16,
        )))),
    ),
)  # fmt: skip
