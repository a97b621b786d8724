"""DeleteShareGroupOffsets, API key 92: let a share group forget topics (KIP-932)."""

from pykbroker.wire.schema import Nullable, api, default
from pykbroker.wire.types import Array, Int16, Int32, String, Struct, Uuid

DeleteShareGroupOffsets = api(
    92, "DeleteShareGroupOffsets", versions="0", flexible="0+",
    request=Struct(
        "group_id" / String,
        "topics"   / Array(Struct(
            "topic_name" / String,
        )),
    ),
    response=Struct(
        "throttle_time_ms" / Int32,
        "error_code"       / Int16,
        "error_message"    / default(None, Nullable(String)),
        "responses"        / Array(Struct(
            "topic_name"    / String,
            "topic_id"      / Uuid,
            "error_code"    / Int16,
            "error_message" / default(None, Nullable(String)),
        )),
    ),
)  # fmt: skip
