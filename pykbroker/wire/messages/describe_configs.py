"""DescribeConfigs, API key 32: the configuration of topics, brokers, groups and client metrics.

Defined by KIP-133.
"""

from pykbroker.wire.schema import Nullable, api, default, since
from pykbroker.wire.types import Array, Boolean, Int8, Int16, Int32, String, Struct

DescribeConfigs = api(
    32, "DescribeConfigs", versions="1-4", flexible="4+",  # KIP-482
    request=Struct(
        "resources"             / Array(Struct(
            "resource_type"      / Int8,
            "resource_name"      / String,
            "configuration_keys" / Nullable(Array(String)),  # null: all
        )),
        "include_synonyms"      / Boolean,
        "include_documentation" / since(3, Boolean),  # KIP-569
    ),
    response=Struct(
        "throttle_time_ms" / Int32,
        "results"          / Array(Struct(
            "error_code"    / Int16,
            "error_message" / Nullable(String),
            "resource_type" / Int8,
            "resource_name" / String,
            "configs"       / Array(Struct(
                "name"          / String,
                "value"         / Nullable(String),
                "read_only"     / Boolean,
                "config_source" / default(-1, Int8),
                "is_sensitive"  / Boolean,
                "synonyms"      / Array(Struct(
                    "name"   / String,
                    "value"  / Nullable(String),
                    "source" / Int8,
                )),
                "config_type"   / since(3, Int8),  # KIP-569
                "documentation" / since(3, Nullable(String)),  # KIP-569
            )),
        )),
    ),
)  # fmt: skip
