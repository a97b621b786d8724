"""ControllerRegistration, API key 70: a controller introduces itself to the active one.

Defined by KIP-919.
"""

from pykbroker.wire.schema import Nullable, api
from pykbroker.wire.types import Array, Boolean, Int16, Int32, String, Struct, UInt16, Uuid

ControllerRegistration = api(
    70, "ControllerRegistration", versions="0", flexible="0+",
    request=Struct(
        "controller_id"      / Int32,
        "incarnation_id"     / Uuid,
        "zk_migration_ready" / Boolean,
        "listeners"          / Array(Struct(
            "name"              / String,
            "host"              / String,
            "port"              / UInt16,
            "security_protocol" / Int16,
        )),
        "features"           / Array(Struct(
            "name"                  / String,
            "min_supported_version" / Int16,
            "max_supported_version" / Int16,
        )),
    ),
    response=Struct(
        "throttle_time_ms" / Int32,
        "error_code"       / Int16,
        "error_message"    / Nullable(String),
    ),
)  # fmt: skip
