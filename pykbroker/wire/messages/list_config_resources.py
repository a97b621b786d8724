"""ListConfigResources, API key 74: the names of resources that have a configuration.

Defined by KIP-714 and KIP-1142. v0, ListClientMetricsResources, lists the client metrics only.
"""

from pykbroker.wire.schema import api, default, since
from pykbroker.wire.types import Array, Int8, Int16, Int32, String, Struct

ListConfigResources = api(
    74, "ListConfigResources", versions="0-1", flexible="0+",
    request=Struct(
        "resource_types" / since(1, Array(Int8)),  # empty: all, KIP-1142
    ),
    response=Struct(
        "throttle_time_ms" / Int32,
        "error_code"       / Int16,
        "config_resources" / Array(Struct(
            "resource_name" / String,
            "resource_type" / since(1, default(16, Int8)),  # KIP-1142
        )),
    ),
)  # fmt: skip
