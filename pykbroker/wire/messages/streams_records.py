"""Records of the topic __consumer_offsets: streams groups (KIP-1071).

A key is the record type (int16) and the key message in version 0; a value is its version (int16)
and the value message. A null value is a tombstone.
"""

from collections.abc import Mapping
from typing import Final

from pykbroker.wire.schema import Message, Nullable, default, message, tagged
from pykbroker.wire.types import Array, Int8, Int16, Int32, Int64, String, Struct, UInt16

StreamsGroupMetadataKey = message(
    "StreamsGroupMetadataKey", versions="0", flexible="none",
    fields=Struct(
        "group_id" / String,
    ),
)  # fmt: skip

StreamsGroupMetadataValue = message(
    "StreamsGroupMetadataValue", versions="0", flexible="0+",
    fields=Struct(
        "epoch"                             / Int32,
        "metadata_hash"                     / Int64,
        "validated_topology_epoch"          / tagged(0, default(-1, Int32)),
        "last_assignment_configs"           / tagged(1, Nullable(Array(Struct(
            "key"   / String,
            "value" / String,
        )))),
        # -1: none, -2: uncertain
        "stored_description_topology_epoch" / tagged(2, default(-1, Int32)),
        "failed_description_topology_epoch" / tagged(3, default(-1, Int32)),  # -1: none
    ),
)  # fmt: skip

StreamsGroupMemberMetadataKey = message(
    "StreamsGroupMemberMetadataKey", versions="0", flexible="none",
    fields=Struct(
        "group_id"  / String,
        "member_id" / String,
    ),
)  # fmt: skip

Endpoint = Struct(
    "host" / String,
    "port" / UInt16,
)  # fmt: skip

StreamsGroupMemberMetadataValue = message(
    "StreamsGroupMemberMetadataValue", versions="0", flexible="0+",
    fields=Struct(
        "instance_id"          / Nullable(String),
        "rack_id"              / Nullable(String),
        "client_id"            / String,
        "client_host"          / String,
        "rebalance_timeout_ms" / default(-1, Int32),
        "topology_epoch"       / Int32,
        "process_id"           / String,
        "user_endpoint"        / default(None, Nullable(Endpoint)),
        "client_tags"          / Array(Struct(
            "key"   / String,
            "value" / String,
        )),
    ),
)  # fmt: skip

StreamsGroupTargetAssignmentMetadataKey = message(
    "StreamsGroupTargetAssignmentMetadataKey", versions="0", flexible="none",
    fields=Struct(
        "group_id" / String,
    ),
)  # fmt: skip

StreamsGroupTargetAssignmentMetadataValue = message(
    "StreamsGroupTargetAssignmentMetadataValue", versions="0", flexible="0+",
    fields=Struct(
        "assignment_epoch"     / Int32,
        "assignment_timestamp" / tagged(0, Int64),
    ),
)  # fmt: skip

StreamsGroupTargetAssignmentMemberKey = message(
    "StreamsGroupTargetAssignmentMemberKey", versions="0", flexible="none",
    fields=Struct(
        "group_id"  / String,
        "member_id" / String,
    ),
)  # fmt: skip

TaskIds = Struct(
    "subtopology_id" / String,
    "partitions"     / Array(Int32),
)  # fmt: skip

StreamsGroupTargetAssignmentMemberValue = message(
    "StreamsGroupTargetAssignmentMemberValue", versions="0", flexible="0+",
    fields=Struct(
        "active_tasks"  / Array(TaskIds),
        "standby_tasks" / Array(TaskIds),
        "warmup_tasks"  / Array(TaskIds),
    ),
)  # fmt: skip

StreamsGroupCurrentMemberAssignmentKey = message(
    "StreamsGroupCurrentMemberAssignmentKey", versions="0", flexible="none",
    fields=Struct(
        "group_id"  / String,
        "member_id" / String,
    ),
)  # fmt: skip

StreamsGroupCurrentMemberAssignmentValueTaskIds = Struct(
    "subtopology_id"    / String,
    "partitions"        / Array(Int32),
    "assignment_epochs" / tagged(0, Nullable(Array(Int32))),
)  # fmt: skip

StreamsGroupCurrentMemberAssignmentValue = message(
    "StreamsGroupCurrentMemberAssignmentValue", versions="0", flexible="0+",
    fields=Struct(
        "member_epoch"                     / Int32,
        "previous_member_epoch"            / Int32,
        "state"                            / Int8,
        "active_tasks"                     / Array(StreamsGroupCurrentMemberAssignmentValueTaskIds),
        "standby_tasks"                    / Array(StreamsGroupCurrentMemberAssignmentValueTaskIds),
        "warmup_tasks"                     / Array(StreamsGroupCurrentMemberAssignmentValueTaskIds),
        "active_tasks_pending_revocation"  / Array(StreamsGroupCurrentMemberAssignmentValueTaskIds),
        "standby_tasks_pending_revocation" / Array(StreamsGroupCurrentMemberAssignmentValueTaskIds),
        "warmup_tasks_pending_revocation"  / Array(StreamsGroupCurrentMemberAssignmentValueTaskIds),
    ),
)  # fmt: skip

StreamsGroupTopologyKey = message(
    "StreamsGroupTopologyKey", versions="0", flexible="none",
    fields=Struct(
        "group_id" / String,
    ),
)  # fmt: skip

TopicInfo = Struct(
    "name"               / String,
    "partitions"         / Int32,
    "replication_factor" / Int16,
    "topic_configs"      / Array(Struct(
        "key"   / String,
        "value" / String,
    )),
)  # fmt: skip

StreamsGroupTopologyValue = message(
    "StreamsGroupTopologyValue", versions="0", flexible="0+",
    fields=Struct(
        "epoch"         / Int32,
        "subtopologies" / Array(Struct(
            "subtopology_id"            / String,
            "source_topics"             / Array(String),
            "source_topic_regex"        / Array(String),
            "state_changelog_topics"    / Array(TopicInfo),
            "repartition_sink_topics"   / Array(String),
            "repartition_source_topics" / Array(TopicInfo),
            "copartition_groups"        / Array(Struct(
                "source_topics"             / Array(Int16),
                "source_topic_regex"        / Array(Int16),
                "repartition_source_topics" / Array(Int16),
            )),
        )),
    ),
)  # fmt: skip

STREAMS_RECORDS: Final[Mapping[int, tuple[Message, Message]]] = {
    17: (StreamsGroupMetadataKey, StreamsGroupMetadataValue),
    19: (StreamsGroupMemberMetadataKey, StreamsGroupMemberMetadataValue),
    20: (StreamsGroupTargetAssignmentMetadataKey, StreamsGroupTargetAssignmentMetadataValue),
    21: (StreamsGroupTargetAssignmentMemberKey, StreamsGroupTargetAssignmentMemberValue),
    22: (StreamsGroupCurrentMemberAssignmentKey, StreamsGroupCurrentMemberAssignmentValue),
    23: (StreamsGroupTopologyKey, StreamsGroupTopologyValue),
}
"""Record type, the number in front of the key, to the messages of key and value."""
