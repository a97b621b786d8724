"""WriteTxnMarkers, API key 27: write the ends of transactions into partitions (KIP-98).

Sent by the coordinator of the transaction to the leaders of its partitions.
"""

from pykbroker.wire.schema import api, since
from pykbroker.wire.types import Array, Boolean, Int8, Int16, Int32, Int64, String, Struct

WriteTxnMarkers = api(
    27, "WriteTxnMarkers", versions="1-2", flexible="1+",
    request=Struct(
        "markers" / Array(Struct(
            "producer_id"         / Int64,
            "producer_epoch"      / Int16,
            "transaction_result"  / Boolean,  # true: commit
            "topics"              / Array(Struct(
                "name"              / String,
                "partition_indexes" / Array(Int32),
            )),
            "coordinator_epoch"   / Int32,
            "transaction_version" / since(2, Int8),  # 0 and 1: before KIP-890 part 2, KIP-1228
        )),
    ),
    response=Struct(
        "markers" / Array(Struct(
            "producer_id" / Int64,
            "topics"      / Array(Struct(
                "name"       / String,
                "partitions" / Array(Struct(
                    "partition_index" / Int32,
                    "error_code"      / Int16,
                )),
            )),
        )),
    ),
)  # fmt: skip
