"""DescribeProducers, API key 61: the producers a partition leader remembers (KIP-664)."""

from pykbroker.wire.schema import Nullable, api, default
from pykbroker.wire.types import Array, Int16, Int32, Int64, String, Struct

DescribeProducers = api(
    61, "DescribeProducers", versions="0", flexible="0+",
    request=Struct(
        "topics" / Array(Struct(
            "name"              / String,
            "partition_indexes" / Array(Int32),
        )),
    ),
    response=Struct(
        "throttle_time_ms" / Int32,
        "topics"           / Array(Struct(
            "name"       / String,
            "partitions" / Array(Struct(
                "partition_index"  / Int32,
                "error_code"       / Int16,
                "error_message"    / default(None, Nullable(String)),
                "active_producers" / Array(Struct(
                    "producer_id"              / Int64,
                    "producer_epoch"           / Int32,
                    "last_sequence"            / default(-1, Int32),  # -1: none yet
                    "last_timestamp"           / default(-1, Int64),  # ms; -1: none yet
                    "coordinator_epoch"        / Int32,
                    "current_txn_start_offset" / default(-1, Int64),  # -1: none open
                )),
            )),
        )),
    ),
)  # fmt: skip
