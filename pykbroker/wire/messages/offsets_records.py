"""Records of the topic __consumer_offsets: committed offsets.

A key is the record type (int16) and the key message in version 0; a value is its version (int16)
and the value message. A null value is a tombstone.
"""

from collections.abc import Mapping
from typing import Final

from pykbroker.wire.schema import Message, default, message, since, tagged, until
from pykbroker.wire.types import Int32, Int64, String, Struct, Uuid

# The oldest form: never written any more, still read.
LegacyOffsetCommitKey = message(
    "LegacyOffsetCommitKey", versions="0", flexible="none",
    fields=Struct(
        "group"     / String,
        "topic"     / String,
        "partition" / Int32,
    ),
)  # fmt: skip

LegacyOffsetCommitValue = message(
    "LegacyOffsetCommitValue", versions="0", flexible="none",
    fields=Struct(
        "offset"           / Int64,
        "metadata"         / String,
        "commit_timestamp" / Int64,
    ),
)  # fmt: skip

OffsetCommitKey = message(
    "OffsetCommitKey", versions="0", flexible="none",
    fields=Struct(
        "group"     / String,
        "topic"     / String,
        "partition" / Int32,
    ),
)  # fmt: skip

# KIP-915: whatever comes after version 4 comes as tagged fields.
OffsetCommitValue = message(
    "OffsetCommitValue", versions="0-4", flexible="4+",
    fields=Struct(
        "offset"           / Int64,
        "leader_epoch"     / since(3, default(-1, Int32)),  # -1: unknown
        "metadata"         / String,
        "commit_timestamp" / Int64,  # ms
        "expire_timestamp" / since(1, until(1, default(-1, Int64))),  # ms; -1: the broker's setting
        "topic_id"         / since(4, tagged(0, Uuid)),  # zero: unknown
    ),
)  # fmt: skip

OFFSETS_RECORDS: Final[Mapping[int, tuple[Message, Message]]] = {
    0: (LegacyOffsetCommitKey, LegacyOffsetCommitValue),
    1: (OffsetCommitKey, OffsetCommitValue),
}
"""Record type, the number in front of the key, to the messages of key and value."""
