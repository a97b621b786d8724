"""JoinGroup, API key 11: enter a classic group and wait for its rebalance.

From v4 a new member is refused once to learn its member id (KIP-394), from v5 it may be static
(KIP-345), from v9 a rejoining static leader can be told to skip the assignment (KIP-814).
"""

from pykbroker.wire.schema import Nullable, api, default, since
from pykbroker.wire.types import Array, Boolean, Bytes, Int16, Int32, String, Struct

JoinGroup = api(
    11, "JoinGroup", versions="0-9", flexible="6+",  # KIP-482
    request=Struct(
        "group_id"             / String,
        "session_timeout_ms"   / Int32,
        "rebalance_timeout_ms" / since(1, default(-1, Int32)),  # -1: the session timeout, KIP-62
        "member_id"            / String,
        # null: a dynamic member, KIP-345
        "group_instance_id"    / since(5, default(None, Nullable(String))),
        "protocol_type"        / String,
        "protocols"            / Array(Struct(
            "name"     / String,
            "metadata" / Bytes,
        )),
        "reason"               / since(8, default(None, Nullable(String))),  # KIP-800
    ),
    response=Struct(
        "throttle_time_ms" / since(2, Int32),  # KIP-124
        "error_code"       / Int16,
        "generation_id"    / default(-1, Int32),
        "protocol_type"    / since(7, default(None, Nullable(String))),  # KIP-559
        "protocol_name"    / Nullable(String, since=7),
        "leader"           / String,
        "skip_assignment"  / since(9, Boolean),  # KIP-814
        "member_id"        / String,
        "members"          / Array(Struct(
            "member_id"         / String,
            # null: a dynamic member, KIP-345
            "group_instance_id" / since(5, default(None, Nullable(String))),
            "metadata"          / Bytes,
        )),
    ),
)  # fmt: skip
