"""CreatePartitions, API key 37: raise the number of partitions of topics (KIP-195).

From v3 it may be throttled (KIP-599).
"""

from pykbroker.wire.schema import Nullable, api, default
from pykbroker.wire.types import Array, Boolean, Int16, Int32, String, Struct

CreatePartitions = api(
    37, "CreatePartitions", versions="0-3", flexible="2+",  # KIP-482
    request=Struct(
        "topics"        / Array(Struct(
            "name"        / String,
            "count"       / Int32,
            "assignments" / Nullable(Array(Struct(
                "broker_ids" / Array(Int32),
            ))),
        )),
        "timeout_ms"    / Int32,
        "validate_only" / Boolean,
    ),
    response=Struct(
        "throttle_time_ms" / Int32,
        "results"          / Array(Struct(
            "name"          / String,
            "error_code"    / Int16,
            "error_message" / default(None, Nullable(String)),
        )),
    ),
)  # fmt: skip
