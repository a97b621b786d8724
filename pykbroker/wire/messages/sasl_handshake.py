"""SaslHandshake, API key 17: choose the SASL mechanism.

After v0 the exchange goes on in bare frames, after v1 inside SaslAuthenticate (KIP-152). Never
flexible.
"""

from pykbroker.wire.schema import api
from pykbroker.wire.types import Array, Int16, String, Struct

SaslHandshake = api(
    17, "SaslHandshake", versions="0-1", flexible="none",
    request=Struct(
        "mechanism" / String,
    ),
    response=Struct(
        "error_code" / Int16,
        "mechanisms" / Array(String),
    ),
)  # fmt: skip
