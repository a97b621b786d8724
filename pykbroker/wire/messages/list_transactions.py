"""ListTransactions, API key 66: the transactions this broker coordinates (KIP-664)."""

from pykbroker.wire.schema import Nullable, api, default, since
from pykbroker.wire.types import Array, Int16, Int32, Int64, String, Struct

ListTransactions = api(
    66, "ListTransactions", versions="0-2", flexible="0+",
    request=Struct(
        "state_filters"            / Array(String),  # empty: any
        "producer_id_filters"      / Array(Int64),  # empty: any
        # ms open at least; negative: any, KIP-994
        "duration_filter"          / since(1, default(-1, Int64)),
        # null or empty: any, KIP-1152
        "transactional_id_pattern" / since(2, default(None, Nullable(String))),
    ),
    response=Struct(
        "throttle_time_ms"      / Int32,
        "error_code"            / Int16,
        "unknown_state_filters" / Array(String),
        "transaction_states"    / Array(Struct(
            "transactional_id"  / String,
            "producer_id"       / Int64,
            "transaction_state" / String,
        )),
    ),
)  # fmt: skip
