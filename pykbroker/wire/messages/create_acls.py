"""CreateAcls, API key 30: add access rules (KIP-140).

v1 knows prefixed resource names (KIP-290).
"""

from pykbroker.wire.schema import Nullable, api, default
from pykbroker.wire.types import Array, Int8, Int16, Int32, String, Struct

CreateAcls = api(
    30, "CreateAcls", versions="1-3", flexible="2+",  # KIP-482
    request=Struct(
        "creations" / Array(Struct(
            "resource_type"         / Int8,
            "resource_name"         / String,
            "resource_pattern_type" / default(3, Int8),
            "principal"             / String,
            "host"                  / String,
            "operation"             / Int8,
            "permission_type"       / Int8,
        )),
    ),
    response=Struct(
        "throttle_time_ms" / Int32,
        "results"          / Array(Struct(
            "error_code"    / Int16,
            "error_message" / Nullable(String),
        )),
    ),
)  # fmt: skip
