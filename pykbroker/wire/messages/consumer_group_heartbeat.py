"""ConsumerGroupHeartbeat, API key 68: join, report to and leave a group of the consumer protocol.

Defined by KIP-848. v1 adds a subscription by expression, and the member chooses its own id
(KIP-1082).
"""

from pykbroker.wire.schema import Nullable, api, default, since
from pykbroker.wire.types import Array, Int16, Int32, String, Struct, Uuid

Assignment = Struct(
    "topic_partitions" / Array(Struct(
        "topic_id"   / Uuid,
        "partitions" / Array(Int32),
    )),
)  # fmt: skip

ConsumerGroupHeartbeat = api(
    68, "ConsumerGroupHeartbeat", versions="0-1", flexible="0+",
    request=Struct(
        "group_id"               / String,
        "member_id"              / String,
        # 0: join, -1: leave, -2: a static member leaves for a while
        "member_epoch"           / Int32,
        "instance_id"            / default(None, Nullable(String)),  # null: none, or unchanged
        "rack_id"                / default(None, Nullable(String)),
        "rebalance_timeout_ms"   / default(-1, Int32),  # -1: unchanged
        "subscribed_topic_names" / default(None, Nullable(Array(String))),  # null: unchanged
        # null: unchanged, KIP-848
        "subscribed_topic_regex" / since(1, default(None, Nullable(String))),
        "server_assignor"        / default(None, Nullable(String)),  # null: unchanged
        "topic_partitions"       / default(None, Nullable(Array(Struct(  # null: unchanged
            "topic_id"   / Uuid,
            "partitions" / Array(Int32),
        )))),
    ),
    response=Struct(
        "throttle_time_ms"      / Int32,
        "error_code"            / Int16,
        "error_message"         / default(None, Nullable(String)),
        "member_id"             / default(None, Nullable(String)),
        "member_epoch"          / Int32,
        "heartbeat_interval_ms" / Int32,
        "assignment"            / default(None, Nullable(Assignment)),  # null: unchanged
    ),
)  # fmt: skip
