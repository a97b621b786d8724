"""StreamsGroupDescribe, API key 89: the state, topology and members of streams groups.

Defined by KIP-1071.
"""

from pykbroker.wire.schema import Nullable, api, default, since
from pykbroker.wire.types import Array, Boolean, Int8, Int16, Int32, Int64, String, Struct, UInt16

KeyValue = Struct(
    "key"   / String,
    "value" / String,
)  # fmt: skip

TopicInfo = Struct(
    "name"               / String,
    "partitions"         / Int32,
    "replication_factor" / Int16,
    "topic_configs"      / Array(KeyValue),
)  # fmt: skip

Topology = Struct(
    "epoch"         / Int32,
    "subtopologies" / default(None, Nullable(Array(Struct(
        "subtopology_id"            / String,
        "source_topics"             / Array(String),
        "repartition_sink_topics"   / Array(String),
        "state_changelog_topics"    / Array(TopicInfo),
        "repartition_source_topics" / Array(TopicInfo),
    )))),
)  # fmt: skip

Endpoint = Struct(
    "host" / String,
    "port" / UInt16,
)  # fmt: skip

TaskOffset = Struct(
    "subtopology_id" / String,
    "partition"      / Int32,
    "offset"         / Int64,
)  # fmt: skip

TaskIds = Struct(
    "subtopology_id" / String,
    "partitions"     / Array(Int32),
)  # fmt: skip

Assignment = Struct(
    "active_tasks"  / Array(TaskIds),
    "standby_tasks" / Array(TaskIds),
    "warmup_tasks"  / Array(TaskIds),
)  # fmt: skip

TopologyDescriptionNode = Struct(
    "name"          / String,
    "node_type"     / Int8,  # 1: source, 2: processor, 3: sink
    "source_topics" / Array(String),
    "sink_topic"    / default(None, Nullable(String)),
    "stores"        / Array(String),
    "successors"    / Array(String),
)  # fmt: skip

TopologyDescription = Struct(
    "subtopologies" / Array(Struct(
        "subtopology_id" / String,
        "nodes"          / Array(TopologyDescriptionNode),
    )),
    "global_stores" / Array(Struct(
        "source"    / TopologyDescriptionNode,
        "processor" / TopologyDescriptionNode,
    )),
)  # fmt: skip

StreamsGroupDescribe = api(
    89, "StreamsGroupDescribe", versions="0-1", flexible="0+",
    request=Struct(
        "group_ids"                     / Array(String),
        "include_authorized_operations" / Boolean,
        "include_topology_description"  / since(1, Boolean),  # KIP-1331
    ),
    response=Struct(
        "throttle_time_ms" / Int32,
        "groups"           / Array(Struct(
            "error_code"                  / Int16,
            "error_message"               / default(None, Nullable(String)),
            "group_id"                    / String,
            "group_state"                 / String,
            "group_epoch"                 / Int32,
            "assignment_epoch"            / Int32,
            "topology"                    / default(None, Nullable(Topology)),
            "members"                     / Array(Struct(
                "member_id"         / String,
                "member_epoch"      / Int32,
                "instance_id"       / default(None, Nullable(String)),
                "rack_id"           / default(None, Nullable(String)),
                "client_id"         / String,
                "client_host"       / String,
                "topology_epoch"    / Int32,
                "process_id"        / String,
                "user_endpoint"     / default(None, Nullable(Endpoint)),
                "client_tags"       / Array(KeyValue),
                "task_offsets"      / Array(TaskOffset),
                "task_end_offsets"  / Array(TaskOffset),
                "assignment"        / Assignment,
                "target_assignment" / Assignment,
                "is_classic"        / Boolean,
            )),
            "authorized_operations"       / default(-(2**31), Int32),  # bit set; minimum: not asked
            # KIP-1331
            "topology_description"        / since(1, default(None, Nullable(TopologyDescription))),
            "topology_description_status" / since(1, Int8),  # KIP-1331
            "assignor_name"               / since(1, default(None, Nullable(String))),  # KIP-1357
        )),
    ),
)  # fmt: skip
