"""SyncGroup, API key 14: hand in the leader's assignment, and collect one's own share."""

from pykbroker.wire.schema import Nullable, api, default, since
from pykbroker.wire.types import Array, Bytes, Int16, Int32, String, Struct

SyncGroup = api(
    14, "SyncGroup", versions="0-5", flexible="4+",  # KIP-482
    request=Struct(
        "group_id"          / String,
        "generation_id"     / Int32,
        "member_id"         / String,
        # null: a dynamic member, KIP-345
        "group_instance_id" / since(3, default(None, Nullable(String))),
        "protocol_type"     / since(5, default(None, Nullable(String))),  # KIP-559
        "protocol_name"     / since(5, default(None, Nullable(String))),  # KIP-559
        "assignments"       / Array(Struct(
            "member_id"  / String,
            "assignment" / Bytes,
        )),
    ),
    response=Struct(
        "throttle_time_ms" / since(1, Int32),  # KIP-124
        "error_code"       / Int16,
        "protocol_type"    / since(5, default(None, Nullable(String))),  # KIP-559
        "protocol_name"    / since(5, default(None, Nullable(String))),  # KIP-559
        "assignment"       / Bytes,
    ),
)  # fmt: skip
