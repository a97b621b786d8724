"""EndTxn, API key 26: commit or abort a transaction (KIP-98).

v5 answers with the epoch for the next transaction (KIP-890).
"""

from pykbroker.wire.schema import api, default, since
from pykbroker.wire.types import Boolean, Int16, Int32, Int64, String, Struct

EndTxn = api(
    26, "EndTxn", versions="0-5", flexible="3+",  # KIP-482
    request=Struct(
        "transactional_id" / String,
        "producer_id"      / Int64,
        "producer_epoch"   / Int16,
        "committed"        / Boolean,
    ),
    response=Struct(
        "throttle_time_ms" / Int32,
        "error_code"       / Int16,
        "producer_id"      / since(5, default(-1, Int64)),  # KIP-890
        "producer_epoch"   / since(5, default(-1, Int16)),  # KIP-890
    ),
)  # fmt: skip
