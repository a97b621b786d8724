"""ReadShareGroupState, API key 84: read the state of share-partitions (KIP-932)."""

from pykbroker.wire.schema import Nullable, api, default
from pykbroker.wire.types import Array, Int8, Int16, Int32, Int64, String, Struct, Uuid

ReadShareGroupState = api(
    84, "ReadShareGroupState", versions="0", flexible="0+",
    request=Struct(
        "group_id" / String,
        "topics"   / Array(Struct(
            "topic_id"   / Uuid,
            "partitions" / Array(Struct(
                "partition"    / Int32,
                "leader_epoch" / Int32,
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
                "state_epoch"   / Int32,
                "start_offset"  / Int64,  # -1: not set
                "state_batches" / Array(Struct(
                    "first_offset"   / Int64,
                    "last_offset"    / Int64,
                    "delivery_state" / Int8,  # 0: available, 2: acknowledged, 4: archived
                    "delivery_count" / Int16,
                )),
            )),
        )),
    ),
)  # fmt: skip
