"""WriteShareGroupState, API key 85: write the state of share-partitions (KIP-932)."""

from pykbroker.wire.schema import Nullable, api, default, since
from pykbroker.wire.types import Array, Int8, Int16, Int32, Int64, String, Struct, Uuid

WriteShareGroupState = api(
    85, "WriteShareGroupState", versions="0-1", flexible="0+",
    request=Struct(
        "group_id" / String,
        "topics"   / Array(Struct(
            "topic_id"   / Uuid,
            "partitions" / Array(Struct(
                "partition"               / Int32,
                "state_epoch"             / Int32,
                "leader_epoch"            / Int32,
                "start_offset"            / Int64,  # -1: unchanged
                "delivery_complete_count" / since(1, default(-1, Int32)),  # KIP-1226
                "state_batches"           / Array(Struct(
                    "first_offset"   / Int64,
                    "last_offset"    / Int64,
                    "delivery_state" / Int8,  # 0: available, 2: acknowledged, 4: archived
                    "delivery_count" / Int16,
                )),
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
