"""DeleteShareGroupState, API key 86: delete the state of share-partitions (KIP-932)."""

from pykbroker.wire.schema import Nullable, api, default
from pykbroker.wire.types import Array, Int16, Int32, String, Struct, Uuid

DeleteShareGroupState = api(
    86, "DeleteShareGroupState", versions="0", flexible="0+",
    request=Struct(
        "group_id" / String,
        "topics"   / Array(Struct(
            "topic_id"   / Uuid,
            "partitions" / Array(Struct(
                "partition" / Int32,
            )),
        )),
    ),
    response=Struct(
        "results" / Array(Struct(
            "topic_id"   / Uuid,
            "partitions" / Array(Struct(
                "partition"     / Int32,
                "error_code"    / Int16,
                "error_message" / default(None, Nullable(String)),
            )),
        )),
    ),
)  # fmt: skip
