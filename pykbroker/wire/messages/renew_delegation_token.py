"""RenewDelegationToken, API key 39: let a delegation token live longer (KIP-48)."""

from pykbroker.wire.schema import api
from pykbroker.wire.types import Bytes, Int16, Int32, Int64, Struct

RenewDelegationToken = api(
    39, "RenewDelegationToken", versions="1-2", flexible="2+",  # KIP-482
    request=Struct(
        "hmac"            / Bytes,
        "renew_period_ms" / Int64,  # -1: the broker's default
    ),
    response=Struct(
        "error_code"          / Int16,
        "expiry_timestamp_ms" / Int64,
        "throttle_time_ms"    / Int32,
    ),
)  # fmt: skip
