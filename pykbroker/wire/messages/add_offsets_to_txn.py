"""AddOffsetsToTxn, API key 25: add a group's offsets to a transaction (KIP-98)."""

from pykbroker.wire.schema import api
from pykbroker.wire.types import Int16, Int32, Int64, String, Struct

AddOffsetsToTxn = api(
    25, "AddOffsetsToTxn", versions="0-4", flexible="3+",  # KIP-482
    request=Struct(
        "transactional_id" / String,
        "producer_id"      / Int64,
        "producer_epoch"   / Int16,
        "group_id"         / String,
    ),
    response=Struct(
        "throttle_time_ms" / Int32,
        "error_code"       / Int16,
    ),
)  # fmt: skip
