"""StreamsGroupHeartbeat, API key 88: join, report to and leave a streams group (KIP-1071)."""

from pykbroker.wire.schema import Nullable, api, default, since, until
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
)  # fmt: skip

TaskIds = Struct(
    "subtopology_id" / String,
    "partitions"     / Array(Int32),
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

TopicPartition = Struct(
    "topic"      / String,
    "partitions" / Array(Int32),
)  # fmt: skip

StreamsGroupHeartbeat = api(
    88, "StreamsGroupHeartbeat", versions="0-1", flexible="0+",
    request=Struct(
        "group_id"                   / String,
        "member_id"                  / String,
        # 0: join, -1: leave, -2: a static member leaves for a while
        "member_epoch"               / Int32,
        "endpoint_information_epoch" / Int32,
        "instance_id"                / default(None, Nullable(String)),  # null: none, or unchanged
        "rack_id"                    / default(None, Nullable(String)),
        "rebalance_timeout_ms"       / default(-1, Int32),  # -1: unchanged
        "topology"                   / default(None, Nullable(Topology)),  # null: not joining
        # unchanged when null
        "active_tasks"               / default(None, Nullable(Array(TaskIds))),
        # unchanged when null
        "standby_tasks"              / default(None, Nullable(Array(TaskIds))),
        # unchanged when null
        "warmup_tasks"               / default(None, Nullable(Array(TaskIds))),
        "process_id"                 / default(None, Nullable(String)),
        "user_endpoint"              / default(None, Nullable(Endpoint)),  # null: unchanged
        "client_tags"                / default(None, Nullable(Array(KeyValue))),
        "task_offsets"               / default(None, Nullable(Array(TaskOffset))),
        "task_end_offsets"           / default(None, Nullable(Array(TaskOffset))),
        "shutdown_application"       / Boolean,
    ),
    response=Struct(
        "throttle_time_ms"               / Int32,
        "error_code"                     / Int16,
        "error_message"                  / default(None, Nullable(String)),
        "member_id"                      / String,
        "member_epoch"                   / Int32,
        "heartbeat_interval_ms"          / Int32,
        "acceptable_recovery_lag_legacy" / until(0, Int32),
        "task_offset_interval_ms"        / Int32,
        # offsets; -1: not supported
        "acceptable_recovery_lag"        / since(1, default(-1, Int64)),
        "status"                         / Nullable(Array(Struct(
            "status_code"   / Int8,
            "status_detail" / String,
        ))),
        # unchanged when null
        "active_tasks"                   / default(None, Nullable(Array(TaskIds))),
        # unchanged when null
        "standby_tasks"                  / default(None, Nullable(Array(TaskIds))),
        # unchanged when null
        "warmup_tasks"                   / default(None, Nullable(Array(TaskIds))),
        "topology_description_required"  / since(1, Boolean),  # KIP-1331
        "endpoint_information_epoch"     / Int32,
        "partitions_by_user_endpoint"    / default(None, Nullable(Array(Struct(
            "user_endpoint"      / Endpoint,
            "active_partitions"  / Array(TopicPartition),
            "standby_partitions" / Array(TopicPartition),
        )))),
    ),
)  # fmt: skip
