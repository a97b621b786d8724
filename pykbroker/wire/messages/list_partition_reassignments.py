"""ListPartitionReassignments, API key 46: the moves of partitions under way (KIP-455)."""

from pykbroker.wire.schema import Nullable, api, default
from pykbroker.wire.types import Array, Int16, Int32, String, Struct

ListPartitionReassignments = api(
    46, "ListPartitionReassignments", versions="0", flexible="0+",
    request=Struct(
        "timeout_ms" / default(60_000, Int32),
        "topics"     / default(None, Nullable(Array(Struct(  # null: all
            "name"              / String,
            "partition_indexes" / Array(Int32),
        )))),
    ),
    response=Struct(
        "throttle_time_ms" / Int32,
        "error_code"       / Int16,
        "error_message"    / Nullable(String),
        "topics"           / Array(Struct(
            "name"       / String,
            "partitions" / Array(Struct(
                "partition_index"   / Int32,
                "replicas"          / Array(Int32),
                "adding_replicas"   / Array(Int32),
                "removing_replicas" / Array(Int32),
            )),
        )),
    ),
)  # fmt: skip
