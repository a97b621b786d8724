"""AssignReplicasToDirs, API key 73: a broker tells which directory holds which replica.

Defined by KIP-858.
"""

from pykbroker.wire.schema import api, default
from pykbroker.wire.types import Array, Int16, Int32, Int64, Struct, Uuid

AssignReplicasToDirs = api(
    73, "AssignReplicasToDirs", versions="0", flexible="0+",
    request=Struct(
        "broker_id"    / Int32,
        "broker_epoch" / default(-1, Int64),
        "directories"  / Array(Struct(
            "id"     / Uuid,
            "topics" / Array(Struct(
                "topic_id"   / Uuid,
                "partitions" / Array(Struct(
                    "partition_index" / Int32,
                )),
            )),
        )),
    ),
    response=Struct(
        "throttle_time_ms" / Int32,
        "error_code"       / Int16,
        "directories"      / Array(Struct(
            "id"     / Uuid,
            "topics" / Array(Struct(
                "topic_id"   / Uuid,
                "partitions" / Array(Struct(
                    "partition_index" / Int32,
                    "error_code"      / Int16,
                )),
            )),
        )),
    ),
)  # fmt: skip
