"""ShareGroupHeartbeat, API key 76: join, report to and leave a share group (KIP-932)."""

from pykbroker.wire.schema import Nullable, api, default
from pykbroker.wire.types import Array, Int16, Int32, String, Struct, Uuid

Assignment = Struct(
    "topic_partitions" / Array(Struct(
        "topic_id"   / Uuid,
        "partitions" / Array(Int32),
    )),
)  # fmt: skip

ShareGroupHeartbeat = api(
    76, "ShareGroupHeartbeat", versions="1", flexible="0+",
    request=Struct(
        "group_id"               / String,
        "member_id"              / String,
        "member_epoch"           / Int32,  # 0: join, -1: leave
        "rack_id"                / default(None, Nullable(String)),
        "subscribed_topic_names" / default(None, Nullable(Array(String))),  # null: unchanged
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
