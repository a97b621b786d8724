"""InitializeShareGroupState, API key 83: give share-partitions their first state (KIP-932)."""

from pykbroker.wire.schema import Nullable, api, default
from pykbroker.wire.types import Array, Int16, Int32, Int64, String, Struct, Uuid

InitializeShareGroupState = api(
    83, "InitializeShareGroupState", versions="0", flexible="0+",
    request=Struct(
        "group_id" / String,
        "topics"   / Array(Struct(
            "topic_id"   / Uuid,
            "partitions" / Array(Struct(
                "partition"    / Int32,
                "state_epoch"  / Int32,
                "start_offset" / Int64,  # -1: not set
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
