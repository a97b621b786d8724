"""UnregisterController, API key 94: strike a controller that will not come back."""

from pykbroker.wire.schema import Nullable, api
from pykbroker.wire.types import Int16, Int32, String, Struct

UnregisterController = api(
    94, "UnregisterController", versions="0", flexible="0+",
    request=Struct(
        "controller_id" / Int32,
    ),
    response=Struct(
        "throttle_time_ms" / Int32,
        "error_code"       / Int16,
        "error_message"    / Nullable(String),
    ),
)  # fmt: skip
