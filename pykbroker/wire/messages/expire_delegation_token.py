"""ExpireDelegationToken, API key 40: let a delegation token end sooner (KIP-48)."""

from pykbroker.wire.schema import api
from pykbroker.wire.types import Bytes, Int16, Int32, Int64, Struct

ExpireDelegationToken = api(
    40, "ExpireDelegationToken", versions="1-2", flexible="2+",  # KIP-482
    request=Struct(
        "hmac"                  / Bytes,
        "expiry_time_period_ms" / Int64,  # negative: at once
    ),
    response=Struct(
        "error_code"          / Int16,
        "expiry_timestamp_ms" / Int64,
        "throttle_time_ms"    / Int32,
    ),
)  # fmt: skip
