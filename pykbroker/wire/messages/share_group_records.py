"""Records of the topic __consumer_offsets: share groups (KIP-932).

A key is the record type (int16) and the key message in version 0; a value is its version (int16)
and the value message. A null value is a tombstone.
"""

from collections.abc import Mapping
from typing import Final

from pykbroker.wire.schema import Message, Nullable, message, tagged
from pykbroker.wire.types import Array, Int8, Int32, Int64, String, Struct, Uuid

ShareGroupMemberMetadataKey = message(
    "ShareGroupMemberMetadataKey", versions="0", flexible="none",
    fields=Struct(
        "group_id"  / String,
        "member_id" / String,
    ),
)  # fmt: skip

ShareGroupMemberMetadataValue = message(
    "ShareGroupMemberMetadataValue", versions="0", flexible="0+",
    fields=Struct(
        "rack_id"                / Nullable(String),
        "client_id"              / String,
        "client_host"            / String,
        "subscribed_topic_names" / Array(String),
    ),
)  # fmt: skip

ShareGroupMetadataKey = message(
    "ShareGroupMetadataKey", versions="0", flexible="none",
    fields=Struct(
        "group_id" / String,
    ),
)  # fmt: skip

ShareGroupMetadataValue = message(
    "ShareGroupMetadataValue", versions="0", flexible="0+",
    fields=Struct(
        "epoch"         / Int32,
        "metadata_hash" / Int64,
    ),
)  # fmt: skip

ShareGroupTargetAssignmentMetadataKey = message(
    "ShareGroupTargetAssignmentMetadataKey", versions="0", flexible="none",
    fields=Struct(
        "group_id" / String,
    ),
)  # fmt: skip

ShareGroupTargetAssignmentMetadataValue = message(
    "ShareGroupTargetAssignmentMetadataValue", versions="0", flexible="0+",
    fields=Struct(
        "assignment_epoch"     / Int32,
        "assignment_timestamp" / tagged(0, Int64),
    ),
)  # fmt: skip

ShareGroupTargetAssignmentMemberKey = message(
    "ShareGroupTargetAssignmentMemberKey", versions="0", flexible="none",
    fields=Struct(
        "group_id"  / String,
        "member_id" / String,
    ),
)  # fmt: skip

ShareGroupTargetAssignmentMemberValue = message(
    "ShareGroupTargetAssignmentMemberValue", versions="0", flexible="0+",
    fields=Struct(
        "topic_partitions" / Array(Struct(
            "topic_id"   / Uuid,
            "partitions" / Array(Int32),
        )),
    ),
)  # fmt: skip

ShareGroupCurrentMemberAssignmentKey = message(
    "ShareGroupCurrentMemberAssignmentKey", versions="0", flexible="none",
    fields=Struct(
        "group_id"  / String,
        "member_id" / String,
    ),
)  # fmt: skip

ShareGroupCurrentMemberAssignmentValue = message(
    "ShareGroupCurrentMemberAssignmentValue", versions="0", flexible="0+",
    fields=Struct(
        "member_epoch"          / Int32,
        "previous_member_epoch" / Int32,
        "state"                 / Int8,
        "assigned_partitions"   / Array(Struct(
            "topic_id"   / Uuid,
            "partitions" / Array(Int32),
        )),
    ),
)  # fmt: skip

ShareGroupStatePartitionMetadataKey = message(
    "ShareGroupStatePartitionMetadataKey", versions="0", flexible="none",
    fields=Struct(
        "group_id" / String,
    ),
)  # fmt: skip

TopicPartitionsInfo = Struct(
    "topic_id"   / Uuid,
    "topic_name" / String,
    "partitions" / Array(Int32),
)  # fmt: skip

ShareGroupStatePartitionMetadataValue = message(
    "ShareGroupStatePartitionMetadataValue", versions="0", flexible="0+",
    fields=Struct(
        "initializing_topics" / Array(TopicPartitionsInfo),
        "initialized_topics"  / Array(TopicPartitionsInfo),
        "deleting_topics"     / Array(Struct(
            "topic_id"   / Uuid,
            "topic_name" / String,
        )),
    ),
)  # fmt: skip

SHARE_GROUP_RECORDS: Final[Mapping[int, tuple[Message, Message]]] = {
    10: (ShareGroupMemberMetadataKey, ShareGroupMemberMetadataValue),
    11: (ShareGroupMetadataKey, ShareGroupMetadataValue),
    12: (ShareGroupTargetAssignmentMetadataKey, ShareGroupTargetAssignmentMetadataValue),
    13: (ShareGroupTargetAssignmentMemberKey, ShareGroupTargetAssignmentMemberValue),
    14: (ShareGroupCurrentMemberAssignmentKey, ShareGroupCurrentMemberAssignmentValue),
    15: (ShareGroupStatePartitionMetadataKey, ShareGroupStatePartitionMetadataValue),
}
"""Record type, the number in front of the key, to the messages of key and value."""
