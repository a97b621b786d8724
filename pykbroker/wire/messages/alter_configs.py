"""AlterConfigs, API key 33: replace the whole configuration of resources (KIP-133).

Superseded by IncrementalAlterConfigs: what is not named here returns to its default.
"""

from pykbroker.wire.schema import Nullable, api
from pykbroker.wire.types import Array, Boolean, Int8, Int16, Int32, String, Struct

AlterConfigs = api(
    33, "AlterConfigs", versions="0-2", flexible="2+",  # KIP-482
    request=Struct(
        "resources"     / Array(Struct(
            "resource_type" / Int8,
            "resource_name" / String,
            "configs"       / Array(Struct(
                "name"  / String,
                "value" / Nullable(String),
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
