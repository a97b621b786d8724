"""AlterClientQuotas, API key 49: set and remove quotas (KIP-546)."""

from pykbroker.wire.schema import Nullable, api
from pykbroker.wire.types import Array, Boolean, Float64, Int16, Int32, String, Struct

AlterClientQuotas = api(
    49, "AlterClientQuotas", versions="0-1", flexible="1+",  # KIP-482
    request=Struct(
        "entries"       / Array(Struct(
            "entity" / Array(Struct(
                "entity_type" / String,
                "entity_name" / Nullable(String),  # null: the default
            )),
            "ops"    / Array(Struct(
                "key"    / String,
                "value"  / Float64,
                "remove" / Boolean,
            )),
        )),
        "validate_only" / Boolean,
    ),
    response=Struct(
        "throttle_time_ms" / Int32,
        "entries"          / Array(Struct(
            "error_code"    / Int16,
            "error_message" / Nullable(String),
            "entity"        / Array(Struct(
                "entity_type" / String,
                "entity_name" / Nullable(String),  # null: the default
            )),
        )),
    ),
)  # fmt: skip
