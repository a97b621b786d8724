"""AbortedTxn: an entry of a segment's index of aborted transactions (KIP-98).

Entries lie end to end, each the version (int16) and the message: 34 bytes.
"""

from pykbroker.wire.schema import message
from pykbroker.wire.types import Int64, Struct

AbortedTxn = message(
    "AbortedTxn", versions="0", flexible="none",
    fields=Struct(
        "producer_id"        / Int64,
        "first_offset"       / Int64,
        "last_offset"        / Int64,  # of the abort marker
        "last_stable_offset" / Int64,
    ),
)  # fmt: skip
