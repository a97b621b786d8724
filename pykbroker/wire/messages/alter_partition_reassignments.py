"""AlterPartitionReassignments, API key 45: move partitions to other replicas, or stop such moves.

Defined by KIP-455.
"""

from pykbroker.wire.schema import Nullable, api, default, since
from pykbroker.wire.types import Array, Boolean, Int16, Int32, String, Struct

AlterPartitionReassignments = api(
    45, "AlterPartitionReassignments", versions="0-1", flexible="0+",
    request=Struct(
        "timeout_ms"                      / default(60_000, Int32),
        "allow_replication_factor_change" / since(1, default(True, Boolean)),  # KIP-860
        "topics"                          / Array(Struct(
            "name"       / String,
            "partitions" / Array(Struct(
                "partition_index" / Int32,
                "replicas"        / default(None, Nullable(Array(Int32))),  # null: stop the move
            )),
        )),
    ),
    response=Struct(
        "throttle_time_ms"                / Int32,
        "allow_replication_factor_change" / since(1, default(True, Boolean)),  # KIP-860
        "error_code"                      / Int16,
        "error_message"                   / Nullable(String),
        "responses"                       / Array(Struct(
            "name"       / String,
            "partitions" / Array(Struct(
                "partition_index" / Int32,
                "error_code"      / Int16,
                "error_message"   / Nullable(String),
            )),
        )),
    ),
)  # fmt: skip
