"""LeaveGroup, API key 13: take members out of a classic group.

v3 removes several members, static ones too (KIP-345).
"""

from pykbroker.wire.schema import Nullable, api, default, since, until
from pykbroker.wire.types import Array, Int16, Int32, String, Struct

LeaveGroup = api(
    13, "LeaveGroup", versions="0-5", flexible="4+",  # KIP-482
    request=Struct(
        "group_id"  / String,
        "member_id" / until(2, String),
        "members"   / since(3, Array(Struct(  # KIP-345
            "member_id"         / String,
            "group_instance_id" / default(None, Nullable(String)),  # null: a dynamic member
            "reason"            / since(5, default(None, Nullable(String))),  # KIP-800
        ))),
    ),
    response=Struct(
        "throttle_time_ms" / since(1, Int32),  # KIP-124
        "error_code"       / Int16,
        "members"          / since(3, Array(Struct(  # KIP-345
            "member_id"         / String,
            "group_instance_id" / Nullable(String),  # null: a dynamic member
            "error_code"        / Int16,
        ))),
    ),
)  # fmt: skip
