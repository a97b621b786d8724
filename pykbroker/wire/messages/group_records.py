"""Records of the topic __consumer_offsets: classic groups and consumer groups (KIP-848).

A key is the record type (int16) and the key message in version 0; a value is its version (int16)
and the value message. A null value is a tombstone.
"""

from collections.abc import Mapping
from typing import Final

from pykbroker.wire.schema import Message, Nullable, default, message, since, tagged
from pykbroker.wire.types import Array, Bytes, Int8, Int32, Int64, String, Struct, Uuid

GroupMetadataKey = message(
    "GroupMetadataKey", versions="0", flexible="none",
    fields=Struct(
        "group" / String,
    ),
)  # fmt: skip

# KIP-915: whatever comes after version 4 comes as tagged fields.
GroupMetadataValue = message(
    "GroupMetadataValue", versions="0-4", flexible="4+",
    fields=Struct(
        "protocol_type"           / String,
        "generation"              / Int32,
        "protocol"                / Nullable(String),
        "leader"                  / Nullable(String),
        "current_state_timestamp" / since(2, default(-1, Int64)),  # ms; -1: unknown
        "members"                 / Array(Struct(
            "member_id"         / String,
            # null: a dynamic member
            "group_instance_id" / since(3, default(None, Nullable(String))),
            "client_id"         / String,
            "client_host"       / String,
            "rebalance_timeout" / since(1, default(-1, Int32)),
            "session_timeout"   / Int32,
            "subscription"      / Bytes,
            "assignment"        / Bytes,
        )),
    ),
)  # fmt: skip

ConsumerGroupMetadataKey = message(
    "ConsumerGroupMetadataKey", versions="0", flexible="none",
    fields=Struct(
        "group_id" / String,
    ),
)  # fmt: skip

ConsumerGroupMetadataValue = message(
    "ConsumerGroupMetadataValue", versions="0", flexible="0+",
    fields=Struct(
        "epoch"         / Int32,
        "metadata_hash" / tagged(0, Int64),  # of the subscribed topics (KIP-1101)
    ),
)  # fmt: skip

# Not written any more: the metadata hash of the group has taken its place (KIP-1101).
ConsumerGroupPartitionMetadataKey = message(
    "ConsumerGroupPartitionMetadataKey", versions="0", flexible="none",
    fields=Struct(
        "group_id" / String,
    ),
)  # fmt: skip

ConsumerGroupPartitionMetadataValue = message(
    "ConsumerGroupPartitionMetadataValue", versions="0", flexible="0+",
    fields=Struct(
        "topics" / Array(Struct(
            "topic_id"           / Uuid,
            "topic_name"         / String,
            "num_partitions"     / Int32,
            "partition_metadata" / Array(Struct(
                "partition" / Int32,
                "racks"     / Array(String),
            )),
        )),
    ),
)  # fmt: skip

ConsumerGroupMemberMetadataKey = message(
    "ConsumerGroupMemberMetadataKey", versions="0", flexible="none",
    fields=Struct(
        "group_id"  / String,
        "member_id" / String,
    ),
)  # fmt: skip

ClassicMemberMetadata = Struct(
    "session_timeout_ms"  / Int32,
    "supported_protocols" / Array(Struct(
        "name"     / String,
        "metadata" / Bytes,
    )),
)  # fmt: skip

ConsumerGroupMemberMetadataValue = message(
    "ConsumerGroupMemberMetadataValue", versions="0", flexible="0+",
    fields=Struct(
        "instance_id"             / Nullable(String),
        "rack_id"                 / Nullable(String),
        "client_id"               / String,
        "client_host"             / String,
        "subscribed_topic_names"  / Array(String),
        "subscribed_topic_regex"  / Nullable(String),
        "rebalance_timeout_ms"    / default(-1, Int32),
        "server_assignor"         / Nullable(String),  # null: the group's
        # null: not a classic member
        "classic_member_metadata" / tagged(0, Nullable(ClassicMemberMetadata)),
    ),
)  # fmt: skip

ConsumerGroupTargetAssignmentMetadataKey = message(
    "ConsumerGroupTargetAssignmentMetadataKey", versions="0", flexible="none",
    fields=Struct(
        "group_id" / String,
    ),
)  # fmt: skip

ConsumerGroupTargetAssignmentMetadataValue = message(
    "ConsumerGroupTargetAssignmentMetadataValue", versions="0", flexible="0+",
    fields=Struct(
        "assignment_epoch"     / Int32,
        "assignment_timestamp" / tagged(0, Int64),
    ),
)  # fmt: skip

ConsumerGroupTargetAssignmentMemberKey = message(
    "ConsumerGroupTargetAssignmentMemberKey", versions="0", flexible="none",
    fields=Struct(
        "group_id"  / String,
        "member_id" / String,
    ),
)  # fmt: skip

ConsumerGroupTargetAssignmentMemberValue = message(
    "ConsumerGroupTargetAssignmentMemberValue", versions="0", flexible="0+",
    fields=Struct(
        "topic_partitions" / Array(Struct(
            "topic_id"   / Uuid,
            "partitions" / Array(Int32),
        )),
    ),
)  # fmt: skip

ConsumerGroupCurrentMemberAssignmentKey = message(
    "ConsumerGroupCurrentMemberAssignmentKey", versions="0", flexible="none",
    fields=Struct(
        "group_id"  / String,
        "member_id" / String,
    ),
)  # fmt: skip

TopicPartitions = Struct(
    "topic_id"          / Uuid,
    "partitions"        / Array(Int32),
    "assignment_epochs" / tagged(0, Nullable(Array(Int32))),
)  # fmt: skip

ConsumerGroupCurrentMemberAssignmentValue = message(
    "ConsumerGroupCurrentMemberAssignmentValue", versions="0", flexible="0+",
    fields=Struct(
        "member_epoch"                  / Int32,
        "previous_member_epoch"         / Int32,
        "state"                         / Int8,
        "assigned_partitions"           / Array(TopicPartitions),
        "partitions_pending_revocation" / Array(TopicPartitions),
    ),
)  # fmt: skip

ConsumerGroupRegularExpressionKey = message(
    "ConsumerGroupRegularExpressionKey", versions="0", flexible="none",
    fields=Struct(
        "group_id"           / String,
        "regular_expression" / String,
    ),
)  # fmt: skip

ConsumerGroupRegularExpressionValue = message(
    "ConsumerGroupRegularExpressionValue", versions="0", flexible="0+",
    fields=Struct(
        "topics"    / Array(String),
        "version"   / Int64,
        "timestamp" / Int64,
    ),
)  # fmt: skip

GROUP_RECORDS: Final[Mapping[int, tuple[Message, Message]]] = {
    2: (GroupMetadataKey, GroupMetadataValue),
    3: (ConsumerGroupMetadataKey, ConsumerGroupMetadataValue),
    4: (ConsumerGroupPartitionMetadataKey, ConsumerGroupPartitionMetadataValue),
    5: (ConsumerGroupMemberMetadataKey, ConsumerGroupMemberMetadataValue),
    6: (ConsumerGroupTargetAssignmentMetadataKey, ConsumerGroupTargetAssignmentMetadataValue),
    7: (ConsumerGroupTargetAssignmentMemberKey, ConsumerGroupTargetAssignmentMemberValue),
    8: (ConsumerGroupCurrentMemberAssignmentKey, ConsumerGroupCurrentMemberAssignmentValue),
    16: (ConsumerGroupRegularExpressionKey, ConsumerGroupRegularExpressionValue),
}
"""Record type, the number in front of the key, to the messages of key and value."""
