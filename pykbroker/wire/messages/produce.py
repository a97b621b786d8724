"""Produce, API key 0: append record batches to partitions.

v8 explains refused records (KIP-467), v10 hints at the new leader (KIP-951), from v12 a write also
adds its partition to the transaction (KIP-890), v13 speaks of topics by id (KIP-516). Versions 0 to
2 are advertised for the sake of librdkafka and never parsed (KAFKA-18659).
"""

from pykbroker.wire.schema import Nullable, api, default, since, tagged, until
from pykbroker.wire.types import Array, Int16, Int32, Int64, Records, String, Struct, Uuid

LeaderIdAndEpoch = Struct(
    "leader_id"    / default(-1, Int32),  # -1: unknown
    "leader_epoch" / default(-1, Int32),
)  # fmt: skip

Produce = api(
    0, "Produce", versions="3-13", flexible="9+",  # KIP-482
    request=Struct(
        "transactional_id" / default(None, Nullable(String)),  # null: no transaction
        "acks"             / Int16,  # 0: no reply, 1: the leader, -1: all in-sync replicas
        "timeout_ms"       / Int32,
        "topic_data"       / Array(Struct(
            "name"           / until(12, String),
            "topic_id"       / since(13, Uuid),  # KIP-516
            "partition_data" / Array(Struct(
                "index"   / Int32,
                "records" / Nullable(Records),
            )),
        )),
    ),
    response=Struct(
        "responses"        / Array(Struct(
            "name"                / until(12, String),
            "topic_id"            / since(13, Uuid),  # KIP-516
            "partition_responses" / Array(Struct(
                "index"              / Int32,
                "error_code"         / Int16,
                "base_offset"        / Int64,  # of the first record written
                "log_append_time_ms" / default(-1, Int64),  # -1: the record keeps its CreateTime
                "log_start_offset"   / since(5, default(-1, Int64)),
                "record_errors"      / since(8, Array(Struct(  # KIP-467
                    "batch_index"               / Int32,
                    "batch_index_error_message" / default(None, Nullable(String)),
                ))),
                "error_message"      / since(8, default(None, Nullable(String))),  # KIP-467
                "current_leader"     / since(10, tagged(0, LeaderIdAndEpoch)),  # KIP-951
            )),
        )),
        "throttle_time_ms" / Int32,
        "node_endpoints"   / since(10, tagged(0, Array(Struct(  # KIP-951
            "node_id" / Int32,
            "host"    / String,
            "port"    / Int32,
            "rack"    / default(None, Nullable(String)),
        )))),
    ),
)  # fmt: skip
