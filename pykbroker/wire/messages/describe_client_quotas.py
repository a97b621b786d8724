"""DescribeClientQuotas, API key 48: the quotas that match a filter (KIP-546)."""

from pykbroker.wire.schema import Nullable, api
from pykbroker.wire.types import Array, Boolean, Float64, Int8, Int16, Int32, String, Struct

DescribeClientQuotas = api(
    48, "DescribeClientQuotas", versions="0-1", flexible="1+",  # KIP-482
    request=Struct(
        "components" / Array(Struct(
            "entity_type" / String,
            "match_type"  / Int8,  # 0: exactly, 1: the default, 2: any
            "match"       / Nullable(String),
        )),
        "strict"     / Boolean,
    ),
    response=Struct(
        "throttle_time_ms" / Int32,
        "error_code"       / Int16,
        "error_message"    / Nullable(String),
        "entries"          / Nullable(Array(Struct(
            "entity" / Array(Struct(
                "entity_type" / String,
                "entity_name" / Nullable(String),  # null: the default
            )),
            "values" / Array(Struct(
                "key"   / String,
                "value" / Float64,
            )),
        ))),
    ),
)  # fmt: skip
