"""AlterShareGroupOffsets, API key 91: let an empty share group start reading elsewhere.

Defined by KIP-932.
"""

from pykbroker.wire.schema import Nullable, api, default
from pykbroker.wire.types import Array, Int16, Int32, Int64, String, Struct, Uuid

AlterShareGroupOffsets = api(
    91, "AlterShareGroupOffsets", versions="0", flexible="0+",
    request=Struct(
        "group_id" / String,
        "topics"   / Array(Struct(
            "topic_name" / String,
            "partitions" / Array(Struct(
                "partition_index" / Int32,
                "start_offset"    / Int64,
            )),
        )),
    ),
    response=Struct(
        "throttle_time_ms" / Int32,
        "error_code"       / Int16,
        "error_message"    / default(None, Nullable(String)),
        "responses"        / Array(Struct(
            "topic_name" / String,
            "topic_id"   / Uuid,
            "partitions" / Array(Struct(
                "partition_index" / Int32,
                "error_code"      / Int16,
                "error_message"   / default(None, Nullable(String)),
            )),
        )),
    ),
)  # fmt: skip
