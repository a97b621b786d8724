"""ShareGroupDescribe, API key 77: the state and the members of share groups (KIP-932)."""

from pykbroker.wire.schema import Nullable, api, default
from pykbroker.wire.types import Array, Boolean, Int16, Int32, String, Struct, Uuid

Assignment = Struct(
    "topic_partitions" / Array(Struct(
        "topic_id"   / Uuid,
        "topic_name" / String,
        "partitions" / Array(Int32),
    )),
)  # fmt: skip

ShareGroupDescribe = api(
    77, "ShareGroupDescribe", versions="1", flexible="0+",
    request=Struct(
        "group_ids"                     / Array(String),
        "include_authorized_operations" / Boolean,
    ),
    response=Struct(
        "throttle_time_ms" / Int32,
        "groups"           / Array(Struct(
            "error_code"            / Int16,
            "error_message"         / default(None, Nullable(String)),
            "group_id"              / String,
            "group_state"           / String,
            "group_epoch"           / Int32,
            "assignment_epoch"      / Int32,
            "assignor_name"         / String,
            "members"               / Array(Struct(
                "member_id"              / String,
                "rack_id"                / default(None, Nullable(String)),
                "member_epoch"           / Int32,
                "client_id"              / String,
                "client_host"            / String,
                "subscribed_topic_names" / Array(String),
                "assignment"             / Assignment,
            )),
            "authorized_operations" / default(-(2**31), Int32),  # bit set; minimum: not asked
        )),
    ),
)  # fmt: skip
