"""DescribeTransactions, API key 65: the state of transactions by their ids (KIP-664)."""

from pykbroker.wire.schema import api
from pykbroker.wire.types import Array, Int16, Int32, Int64, String, Struct

DescribeTransactions = api(
    65, "DescribeTransactions", versions="0", flexible="0+",
    request=Struct(
        "transactional_ids" / Array(String),
    ),
    response=Struct(
        "throttle_time_ms"   / Int32,
        "transaction_states" / Array(Struct(
            "error_code"                / Int16,
            "transactional_id"          / String,
            "transaction_state"         / String,
            "transaction_timeout_ms"    / Int32,
            "transaction_start_time_ms" / Int64,  # -1: none open
            "producer_id"               / Int64,
            "producer_epoch"            / Int16,
            "topics"                    / Array(Struct(
                "topic"      / String,
                "partitions" / Array(Int32),
            )),
        )),
    ),
)  # fmt: skip
