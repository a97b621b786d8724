"""DescribeTopicPartitions, API key 75: topics with their partitions, a page at a time (KIP-966)."""

from pykbroker.wire.schema import Nullable, api, default
from pykbroker.wire.types import Array, Boolean, Int16, Int32, String, Struct, Uuid

Cursor = Struct(
    "topic_name"      / String,
    "partition_index" / Int32,
)  # fmt: skip

DescribeTopicPartitions = api(
    75, "DescribeTopicPartitions", versions="0", flexible="0+",
    request=Struct(
        "topics"                   / Array(Struct(
            "name" / String,
        )),
        "response_partition_limit" / default(2000, Int32),
        "cursor"                   / default(None, Nullable(Cursor)),
    ),
    response=Struct(
        "throttle_time_ms" / Int32,
        "topics"           / Array(Struct(
            "error_code"                  / Int16,
            "name"                        / Nullable(String),
            "topic_id"                    / Uuid,
            "is_internal"                 / Boolean,
            "partitions"                  / Array(Struct(
                "error_code"               / Int16,
                "partition_index"          / Int32,
                "leader_id"                / Int32,
                "leader_epoch"             / default(-1, Int32),
                "replica_nodes"            / Array(Int32),
                "isr_nodes"                / Array(Int32),
                "eligible_leader_replicas" / default(None, Nullable(Array(Int32))),  # KIP-966
                "last_known_elr"           / default(None, Nullable(Array(Int32))),
                "offline_replicas"         / Array(Int32),
            )),
            "topic_authorized_operations" / default(-(2**31), Int32),  # bit set; minimum: not asked
        )),
        "next_cursor"      / default(None, Nullable(Cursor)),
    ),
)  # fmt: skip
