"""DefaultPrincipalData: a principal inside an Envelope request (KIP-590).

The bytes begin with the version (int16).
"""

from pykbroker.wire.schema import message
from pykbroker.wire.types import Boolean, String, Struct

DefaultPrincipalData = message(
    "DefaultPrincipalData", versions="0", flexible="0+",
    fields=Struct(
        "type"                / String,
        "name"                / String,
        "token_authenticated" / Boolean,
    ),
)  # fmt: skip
