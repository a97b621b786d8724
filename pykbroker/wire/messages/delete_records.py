"""DeleteRecords, API key 21: raise the log start offset of partitions (KIP-107)."""

from pykbroker.wire.schema import api
from pykbroker.wire.types import Array, Int16, Int32, Int64, String, Struct

DeleteRecords = api(
    21, "DeleteRecords", versions="0-2", flexible="2+",  # KIP-482
    request=Struct(
        "topics"     / Array(Struct(
            "name"       / String,
            "partitions" / Array(Struct(
                "partition_index" / Int32,
                "offset"          / Int64,  # -1: the high watermark
            )),
        )),
        "timeout_ms" / Int32,
    ),
    response=Struct(
        "throttle_time_ms" / Int32,
        "topics"           / Array(Struct(
            "name"       / String,
            "partitions" / Array(Struct(
                "partition_index" / Int32,
                "low_watermark"   / Int64,
                "error_code"      / Int16,
            )),
        )),
    ),
)  # fmt: skip
