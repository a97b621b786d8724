"""ListGroups, API key 16: the groups this broker coordinates."""

from pykbroker.wire.schema import api, since
from pykbroker.wire.types import Array, Int16, Int32, String, Struct

ListGroups = api(
    16, "ListGroups", versions="0-5", flexible="3+",  # KIP-482
    request=Struct(
        "states_filter" / since(4, Array(String)),  # KIP-518
        "types_filter"  / since(5, Array(String)),  # KIP-848
    ),
    response=Struct(
        "throttle_time_ms" / since(1, Int32),  # KIP-124
        "error_code"       / Int16,
        "groups"           / Array(Struct(
            "group_id"      / String,
            "protocol_type" / String,
            "group_state"   / since(4, String),  # KIP-518
            "group_type"    / since(5, String),  # KIP-848
        )),
    ),
)  # fmt: skip
