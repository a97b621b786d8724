"""OffsetDelete, API key 47: delete offsets of a group for topics it no longer reads (KIP-496).

Never flexible.
"""

from pykbroker.wire.schema import api
from pykbroker.wire.types import Array, Int16, Int32, String, Struct

OffsetDelete = api(
    47, "OffsetDelete", versions="0", flexible="none",
    request=Struct(
        "group_id" / String,
        "topics"   / Array(Struct(
            "name"       / String,
            "partitions" / Array(Struct(
                "partition_index" / Int32,
            )),
        )),
    ),
    response=Struct(
        "error_code"       / Int16,
        "throttle_time_ms" / Int32,
        "topics"           / Array(Struct(
            "name"       / String,
            "partitions" / Array(Struct(
                "partition_index" / Int32,
                "error_code"      / Int16,
            )),
        )),
    ),
)  # fmt: skip
