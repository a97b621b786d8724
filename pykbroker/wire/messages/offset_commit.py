"""OffsetCommit, API key 8: store how far a group has read.

v7 knows static members (KIP-345), v9 members of the consumer protocol (KIP-848), v10 names topics
by id.
"""

from pykbroker.wire.schema import Nullable, api, default, since, until
from pykbroker.wire.types import Array, Int16, Int32, Int64, String, Struct, Uuid

OffsetCommit = api(
    8, "OffsetCommit", versions="2-10", flexible="8+",  # KIP-482
    request=Struct(
        "group_id"                      / String,
        "generation_id_or_member_epoch" / default(-1, Int32),  # -1: not a member
        "member_id"                     / String,
        # null: a dynamic member, KIP-345
        "group_instance_id"             / since(7, default(None, Nullable(String))),
        "retention_time_ms"             / until(4, default(-1, Int64)),  # -1: the broker's setting
        "topics"                        / Array(Struct(
            "name"       / until(9, String),
            "topic_id"   / since(10, Uuid),  # KIP-848
            "partitions" / Array(Struct(
                "partition_index"        / Int32,
                "committed_offset"       / Int64,
                "committed_leader_epoch" / since(6, default(-1, Int32)),  # KIP-320
                "committed_metadata"     / Nullable(String),
            )),
        )),
    ),
    response=Struct(
        "throttle_time_ms" / since(3, Int32),  # KIP-124
        "topics"           / Array(Struct(
            "name"       / until(9, String),
            "topic_id"   / since(10, Uuid),  # KIP-848
            "partitions" / Array(Struct(
                "partition_index" / Int32,
                "error_code"      / Int16,
            )),
        )),
    ),
)  # fmt: skip
