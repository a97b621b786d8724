"""IncrementalAlterConfigs, API key 44: set, delete, append to or subtract from single properties.

Defined by KIP-339.
"""

from pykbroker.wire.schema import Nullable, api
from pykbroker.wire.types import Array, Boolean, Int8, Int16, Int32, String, Struct

IncrementalAlterConfigs = api(
    44, "IncrementalAlterConfigs", versions="0-1", flexible="1+",  # KIP-482
    request=Struct(
        "resources"     / Array(Struct(
            "resource_type" / Int8,
            "resource_name" / String,
            "configs"       / Array(Struct(
                "name"             / String,
                "config_operation" / Int8,  # 0: set, 1: delete, 2: append, 3: subtract
                "value"            / Nullable(String),
            )),
        )),
        "validate_only" / Boolean,
    ),
    response=Struct(
        "throttle_time_ms" / Int32,
        "responses"        / Array(Struct(
            "error_code"    / Int16,
            "error_message" / Nullable(String),
            "resource_type" / Int8,
            "resource_name" / String,
        )),
    ),
)  # fmt: skip
