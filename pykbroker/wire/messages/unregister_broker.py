"""UnregisterBroker, API key 64: strike a broker that will not come back (KIP-631)."""

from pykbroker.wire.schema import Nullable, api
from pykbroker.wire.types import Int16, Int32, String, Struct

UnregisterBroker = api(
    64, "UnregisterBroker", versions="0", flexible="0+",
    request=Struct(
        "broker_id" / Int32,
    ),
    response=Struct(
        "throttle_time_ms" / Int32,
        "error_code"       / Int16,
        "error_message"    / Nullable(String),
    ),
)  # fmt: skip
