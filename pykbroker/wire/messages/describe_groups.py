"""DescribeGroups, API key 15: the state and the members of classic groups.

From v6 an unknown group is an error rather than a dead group (KIP-1043).
"""

from pykbroker.wire.schema import Nullable, api, default, since
from pykbroker.wire.types import Array, Boolean, Bytes, Int16, Int32, String, Struct

DescribeGroups = api(
    15, "DescribeGroups", versions="0-6", flexible="5+",  # KIP-482
    request=Struct(
        "groups"                        / Array(String),
        "include_authorized_operations" / since(3, Boolean),  # KIP-430
    ),
    response=Struct(
        "throttle_time_ms" / since(1, Int32),  # KIP-124
        "groups"           / Array(Struct(
            "error_code"            / Int16,
            "error_message"         / since(6, default(None, Nullable(String))),  # KIP-1043
            "group_id"              / String,
            "group_state"           / String,
            "protocol_type"         / String,
            "protocol_data"         / String,
            "members"               / Array(Struct(
                "member_id"         / String,
                # null: a dynamic member, KIP-345
                "group_instance_id" / since(4, default(None, Nullable(String))),
                "client_id"         / String,
                "client_host"       / String,
                "member_metadata"   / Bytes,
                "member_assignment" / Bytes,
            )),
            # bit set; minimum: not asked, KIP-430
            "authorized_operations" / since(3, default(-(2**31), Int32)),
        )),
    ),
)  # fmt: skip
