"""ReadShareGroupStateSummary, API key 87: read where share-partitions start, without their batches.

Defined by KIP-932.
"""

from pykbroker.wire.schema import Nullable, api, default, since
from pykbroker.wire.types import Array, Int16, Int32, Int64, String, Struct, Uuid

ReadShareGroupStateSummary = api(
    87, "ReadShareGroupStateSummary", versions="0-1", flexible="0+",
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
                "partition"               / Int32,
                "error_code"              / Int16,
                "error_message"           / default(None, Nullable(String)),
                "state_epoch"             / Int32,
                "leader_epoch"            / Int32,
                "start_offset"            / Int64,
                "delivery_complete_count" / since(1, default(-1, Int32)),  # KIP-1226
            )),
        )),
    ),
)  # fmt: skip
