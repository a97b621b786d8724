"""DeleteGroups, API key 42: delete empty groups with their offsets (KIP-229)."""

from pykbroker.wire.schema import Nullable, api, default, since
from pykbroker.wire.types import Array, Int16, Int32, String, Struct

DeleteGroups = api(
    42, "DeleteGroups", versions="0-3", flexible="2+",  # KIP-482
    request=Struct(
        "groups_names" / Array(String),
    ),
    response=Struct(
        "throttle_time_ms" / Int32,
        "results"          / Array(Struct(
            "group_id"      / String,
            "error_code"    / Int16,
            "error_message" / since(3, default(None, Nullable(String))),  # KIP-1331
        )),
    ),
)  # fmt: skip
