"""Records of the topic __transaction_state: transactions and their producers (KIP-98).

A key is the record type (int16) and the key message in version 0; a value is its version (int16)
and the value message. A null value is a tombstone.
"""

from collections.abc import Mapping
from typing import Final

from pykbroker.wire.schema import Message, Nullable, default, message, since, tagged
from pykbroker.wire.types import Array, Int8, Int16, Int32, Int64, String, Struct

TransactionLogKey = message(
    "TransactionLogKey", versions="0", flexible="none",
    fields=Struct(
        "transactional_id" / String,
    ),
)  # fmt: skip

# KIP-915: whatever comes after version 1 comes as tagged fields.
TransactionLogValue = message(
    "TransactionLogValue", versions="0-1", flexible="1+",
    fields=Struct(
        "producer_id"                          / Int64,
        # of the last committed transaction (KIP-890)
        "previous_producer_id"                 / since(1, tagged(0, default(-1, Int64))),
        "next_producer_id"                     / since(1, tagged(1, default(-1, Int64))),
        "producer_epoch"                       / Int16,
        "next_producer_epoch"                  / since(1, tagged(3, default(-1, Int16))),
        "transaction_timeout_ms"               / Int32,
        "transaction_status"                   / Int8,
        "transaction_partitions"               / Nullable(Array(Struct(  # null: none
            "topic"         / String,
            "partition_ids" / Array(Int32),
        ))),
        "transaction_last_update_timestamp_ms" / Int64,
        "transaction_start_timestamp_ms"       / Int64,
        "client_transaction_version"           / since(1, tagged(2, Int16)),  # KIP-890
    ),
)  # fmt: skip

TRANSACTION_RECORDS: Final[Mapping[int, tuple[Message, Message]]] = {
    0: (TransactionLogKey, TransactionLogValue),
}
"""Record type, the number in front of the key, to the messages of key and value."""
