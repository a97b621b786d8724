"""AllocateProducerIds, API key 67: a broker takes a block of producer ids (KIP-730)."""

from pykbroker.wire.schema import api, default
from pykbroker.wire.types import Int16, Int32, Int64, Struct

AllocateProducerIds = api(
    67, "AllocateProducerIds", versions="0", flexible="0+",
    request=Struct(
        "broker_id"    / Int32,
        "broker_epoch" / default(-1, Int64),
    ),
    response=Struct(
        "throttle_time_ms"  / Int32,
        "error_code"        / Int16,
        "producer_id_start" / Int64,
        "producer_id_len"   / Int32,
    ),
)  # fmt: skip
