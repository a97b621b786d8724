"""Envelope, API key 58: a client's request, passed on to the controller in the client's name.

Defined by KIP-590.
"""

from pykbroker.wire.schema import Nullable, api, default
from pykbroker.wire.types import Bytes, Int16, Struct

Envelope = api(
    58, "Envelope", versions="0", flexible="0+",
    request=Struct(
        "request_data"        / Bytes,
        "request_principal"   / Nullable(Bytes),
        "client_host_address" / Bytes,
    ),
    response=Struct(
        "response_data" / default(None, Nullable(Bytes)),
        "error_code"    / Int16,
    ),
)  # fmt: skip
