"""ListOffsets, API key 2: find the offset for a timestamp, or one of the ends of a partition.

Negative timestamps have meanings: -1 the end, -2 the start, -3 the largest timestamp (v7, KIP-734),
-4 the local start (v8, KIP-405), -5 the last tiered offset (v9, KIP-1005), -6 the first offset not
yet tiered (v11, KIP-1023).
"""

from pykbroker.wire.schema import api, default, since
from pykbroker.wire.types import Array, Int8, Int16, Int32, Int64, String, Struct

ListOffsets = api(
    2, "ListOffsets", versions="1-11", flexible="6+",  # KIP-482
    request=Struct(
        "replica_id"      / Int32,  # -1: a consumer
        "isolation_level" / since(2, Int8),  # 0: read uncommitted, 1: read committed, KIP-98
        "topics"          / Array(Struct(
            "name"       / String,
            "partitions" / Array(Struct(
                "partition_index"      / Int32,
                "current_leader_epoch" / since(4, default(-1, Int32)),  # -1: do not check, KIP-320
                "timestamp"            / Int64,  # negative: see above
            )),
        )),
        "timeout_ms"      / since(10, Int32),  # for reads of tiered storage, KIP-1075
    ),
    response=Struct(
        "throttle_time_ms" / since(2, Int32),  # KIP-98
        "topics"           / Array(Struct(
            "name"       / String,
            "partitions" / Array(Struct(
                "partition_index" / Int32,
                "error_code"      / Int16,
                "timestamp"       / default(-1, Int64),
                "offset"          / default(-1, Int64),
                "leader_epoch"    / since(4, default(-1, Int32)),  # KIP-320
            )),
        )),
    ),
)  # fmt: skip
