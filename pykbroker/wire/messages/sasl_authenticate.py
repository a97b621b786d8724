"""SaslAuthenticate, API key 36: one step of a SASL exchange (KIP-152)."""

from pykbroker.wire.schema import Nullable, api, since
from pykbroker.wire.types import Bytes, Int16, Int64, String, Struct

SaslAuthenticate = api(
    36, "SaslAuthenticate", versions="0-2", flexible="2+",  # KIP-482
    request=Struct(
        "auth_bytes" / Bytes,
    ),
    response=Struct(
        "error_code"          / Int16,
        "error_message"       / Nullable(String),
        "auth_bytes"          / Bytes,
        "session_lifetime_ms" / since(1, Int64),  # 0: no end, KIP-368
    ),
)  # fmt: skip
