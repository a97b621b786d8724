"""Heartbeat, API key 12: stay a member of a classic group, and hear of rebalances."""

from pykbroker.wire.schema import Nullable, api, default, since
from pykbroker.wire.types import Int16, Int32, String, Struct

Heartbeat = api(
    12, "Heartbeat", versions="0-4", flexible="4+",  # KIP-482
    request=Struct(
        "group_id"          / String,
        "generation_id"     / Int32,
        "member_id"         / String,
        # null: a dynamic member, KIP-345
        "group_instance_id" / since(3, default(None, Nullable(String))),
    ),
    response=Struct(
        "throttle_time_ms" / since(1, Int32),  # KIP-124
        "error_code"       / Int16,
    ),
)  # fmt: skip
