"""ConsumerGroupDescribe, API key 69: the state and the members of groups of the consumer protocol.

Defined by KIP-848.
"""

from pykbroker.wire.schema import Nullable, api, default, since
from pykbroker.wire.types import Array, Boolean, Int8, Int16, Int32, String, Struct, Uuid

Assignment = Struct(
    "topic_partitions" / Array(Struct(
        "topic_id"   / Uuid,
        "topic_name" / String,
        "partitions" / Array(Int32),
    )),
)  # fmt: skip

ConsumerGroupDescribe = api(
    69, "ConsumerGroupDescribe", versions="0-1", flexible="0+",
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
                "instance_id"            / default(None, Nullable(String)),
                "rack_id"                / default(None, Nullable(String)),
                "member_epoch"           / Int32,
                "client_id"              / String,
                "client_host"            / String,
                "subscribed_topic_names" / Array(String),
                "subscribed_topic_regex" / default(None, Nullable(String)),
                "assignment"             / Assignment,
                "target_assignment"      / Assignment,
                # -1: unknown, 0: classic, 1: consumer, KIP-1099
                "member_type"            / since(1, default(-1, Int8)),
            )),
            "authorized_operations" / default(-(2**31), Int32),  # bit set; minimum: not asked
        )),
    ),
)  # fmt: skip
