"""OffsetFetch, API key 9: tell how far a group has read.

A null list of topics (from v2) means all of them. v7 can insist on offsets without a pending
transaction (KIP-447), v8 asks for several groups (KIP-709), v9 checks the member epoch (KIP-848),
v10 names topics by id.
"""

from pykbroker.wire.schema import Nullable, api, default, since, until
from pykbroker.wire.types import Array, Boolean, Int16, Int32, Int64, String, Struct, Uuid

OffsetFetch = api(
    9, "OffsetFetch", versions="1-10", flexible="6+",  # KIP-482
    request=Struct(
        "group_id"       / until(7, String),
        "topics"         / until(7, Nullable(Array(Struct(
            "name"              / String,
            "partition_indexes" / Array(Int32),
        )), since=2)),
        "groups"         / since(8, Array(Struct(  # KIP-709
            "group_id"     / String,
            "member_id"    / since(9, default(None, Nullable(String))),  # KIP-848
            "member_epoch" / since(9, default(-1, Int32)),  # -1: not a member, KIP-848
            "topics"       / Nullable(Array(Struct(
                "name"              / until(9, String),
                "topic_id"          / since(10, Uuid),  # KIP-848
                "partition_indexes" / Array(Int32),
            ))),
        ))),
        "require_stable" / since(7, Boolean),  # KIP-447
    ),
    response=Struct(
        "throttle_time_ms" / since(3, Int32),  # KIP-124
        "topics"           / until(7, Array(Struct(
            "name"       / String,
            "partitions" / Array(Struct(
                "partition_index"        / Int32,
                "committed_offset"       / Int64,
                "committed_leader_epoch" / since(5, default(-1, Int32)),  # KIP-320
                "metadata"               / Nullable(String),
                "error_code"             / Int16,
            )),
        ))),
        "error_code"       / since(2, until(7, Int16)),
        "groups"           / since(8, Array(Struct(  # KIP-709
            "group_id"   / String,
            "topics"     / Array(Struct(
                "name"       / until(9, String),
                "topic_id"   / since(10, Uuid),  # KIP-848
                "partitions" / Array(Struct(
                    "partition_index"        / Int32,
                    "committed_offset"       / Int64,
                    "committed_leader_epoch" / default(-1, Int32),
                    "metadata"               / Nullable(String),
                    "error_code"             / Int16,
                )),
            )),
            "error_code" / Int16,
        ))),
    ),
)  # fmt: skip
