"""TxnOffsetCommit, API key 28: store a group's offsets as part of a transaction (KIP-98).

v3 checks the member (KIP-447), from v5 the commit also adds the group to the transaction (KIP-890),
v6 names topics by id (KIP-1319).
"""

from pykbroker.wire.schema import Nullable, api, default, since, until
from pykbroker.wire.types import Array, Int16, Int32, Int64, String, Struct, Uuid

TxnOffsetCommit = api(
    28, "TxnOffsetCommit", versions="0-6", flexible="3+",  # KIP-482
    request=Struct(
        "transactional_id"              / String,
        "group_id"                      / String,
        "producer_id"                   / Int64,
        "producer_epoch"                / Int16,
        "generation_id_or_member_epoch" / since(3, default(-1, Int32)),  # -1: not a member, KIP-447
        "member_id"                     / since(3, String),  # KIP-447
        # null: a dynamic member, KIP-447
        "group_instance_id"             / since(3, default(None, Nullable(String))),
        "topics"                        / Array(Struct(
            "name"       / until(5, String),
            "topic_id"   / since(6, Uuid),  # KIP-1319
            "partitions" / Array(Struct(
                "partition_index"        / Int32,
                "committed_offset"       / Int64,
                "committed_leader_epoch" / since(2, default(-1, Int32)),  # KIP-320
                "committed_metadata"     / Nullable(String),
            )),
        )),
    ),
    response=Struct(
        "throttle_time_ms" / Int32,
        "topics"           / Array(Struct(
            "name"       / until(5, String),
            "topic_id"   / since(6, Uuid),  # KIP-1319
            "partitions" / Array(Struct(
                "partition_index" / Int32,
                "error_code"      / Int16,
            )),
        )),
    ),
)  # fmt: skip
