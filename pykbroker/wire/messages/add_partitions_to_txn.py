"""AddPartitionsToTxn, API key 24: add partitions to a transaction (KIP-98).

Clients use versions up to 3; from v4 brokers ask for several transactions, or only verify
(KIP-890).
"""

from pykbroker.wire.schema import api, since, until
from pykbroker.wire.types import Array, Boolean, Int16, Int32, Int64, String, Struct

AddPartitionsToTxnTopic = Struct(
    "name"       / String,
    "partitions" / Array(Int32),
)  # fmt: skip

AddPartitionsToTxnTopicResult = Struct(
    "name"                 / String,
    "results_by_partition" / Array(Struct(
        "partition_index"      / Int32,
        "partition_error_code" / Int16,
    )),
)  # fmt: skip

AddPartitionsToTxn = api(
    24, "AddPartitionsToTxn", versions="0-5", flexible="3+",  # KIP-482
    request=Struct(
        "transactions"                  / since(4, Array(Struct(  # KIP-890
            "transactional_id" / String,
            "producer_id"      / Int64,
            "producer_epoch"   / Int16,
            "verify_only"      / Boolean,
            "topics"           / Array(AddPartitionsToTxnTopic),
        ))),
        "v3_and_below_transactional_id" / until(3, String),
        "v3_and_below_producer_id"      / until(3, Int64),
        "v3_and_below_producer_epoch"   / until(3, Int16),
        "v3_and_below_topics"           / until(3, Array(AddPartitionsToTxnTopic)),
    ),
    response=Struct(
        "throttle_time_ms"              / Int32,
        "error_code"                    / since(4, Int16),  # KIP-890
        "results_by_transaction"        / since(4, Array(Struct(  # KIP-890
            "transactional_id" / String,
            "topic_results"    / Array(AddPartitionsToTxnTopicResult),
        ))),
        "results_by_topic_v3_and_below" / until(3, Array(AddPartitionsToTxnTopicResult)),
    ),
)  # fmt: skip
