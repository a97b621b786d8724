"""AlterReplicaLogDirs, API key 34: move replicas between the log directories of one broker.

Defined by KIP-113.
"""

from pykbroker.wire.schema import api
from pykbroker.wire.types import Array, Int16, Int32, String, Struct

AlterReplicaLogDirs = api(
    34, "AlterReplicaLogDirs", versions="1-2", flexible="2+",  # KIP-482
    request=Struct(
        "dirs" / Array(Struct(
            "path"   / String,
            "topics" / Array(Struct(
                "name"       / String,
                "partitions" / Array(Int32),
            )),
        )),
    ),
    response=Struct(
        "throttle_time_ms" / Int32,
        "results"          / Array(Struct(
            "topic_name" / String,
            "partitions" / Array(Struct(
                "partition_index" / Int32,
                "error_code"      / Int16,
            )),
        )),
    ),
)  # fmt: skip
