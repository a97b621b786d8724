"""DescribeAcls, API key 29: the access rules that match a filter (KIP-140).

v1 knows prefixed resource names (KIP-290).
"""

from pykbroker.wire.schema import Nullable, api, default
from pykbroker.wire.types import Array, Int8, Int16, Int32, String, Struct

DescribeAcls = api(
    29, "DescribeAcls", versions="1-3", flexible="2+",  # KIP-482
    request=Struct(
        "resource_type_filter" / Int8,
        "resource_name_filter" / Nullable(String),  # null: any
        "pattern_type_filter"  / default(3, Int8),
        "principal_filter"     / Nullable(String),  # null: any
        "host_filter"          / Nullable(String),  # null: any
        "operation"            / Int8,
        "permission_type"      / Int8,
    ),
    response=Struct(
        "throttle_time_ms" / Int32,
        "error_code"       / Int16,
        "error_message"    / Nullable(String),
        "resources"        / Array(Struct(
            "resource_type" / Int8,
            "resource_name" / String,
            "pattern_type"  / default(3, Int8),
            "acls"          / Array(Struct(
                "principal"       / String,
                "host"            / String,
                "operation"       / Int8,
                "permission_type" / Int8,
            )),
        )),
    ),
)  # fmt: skip
