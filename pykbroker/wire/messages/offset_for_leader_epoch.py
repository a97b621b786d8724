"""OffsetForLeaderEpoch, API key 23: where a leader epoch ends in the leader's log.

Defined by KIP-101 and KIP-320.
"""

from pykbroker.wire.schema import api, default, since
from pykbroker.wire.types import Array, Int16, Int32, Int64, String, Struct

OffsetForLeaderEpoch = api(
    23, "OffsetForLeaderEpoch", versions="2-4", flexible="4+",  # KIP-482
    request=Struct(
        # -1: a consumer, -2: may see above the high watermark, KIP-392
        "replica_id" / since(3, default(-2, Int32)),
        "topics"     / Array(Struct(
            "topic"      / String,
            "partitions" / Array(Struct(
                "partition"            / Int32,
                "current_leader_epoch" / default(-1, Int32),  # -1: do not check
                "leader_epoch"         / Int32,
            )),
        )),
    ),
    response=Struct(
        "throttle_time_ms" / Int32,
        "topics"           / Array(Struct(
            "topic"      / String,
            "partitions" / Array(Struct(
                "error_code"   / Int16,
                "partition"    / Int32,
                "leader_epoch" / default(-1, Int32),
                "end_offset"   / default(-1, Int64),
            )),
        )),
    ),
)  # fmt: skip
