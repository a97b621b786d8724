"""What records mean that brokers write for themselves: markers, offsets, groups, transactions.

The schemas are imported when the first such record is met, as most logs have none.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from pykbroker.errors import ProtocolError
from pykbroker.storage.checkpoint import id_to_text
from pykbroker.wire.records import Record
from pykbroker.wire.schema import Message
from pykbroker.wire.shape import Value

_VERSION = struct.Struct(">h")
_END_OF_TRANSACTION = {0: "ABORT", 1: "COMMIT"}
_MESSAGES_OF_THE_METADATA_LOG = {
    2: ("LEADER_CHANGE", "LeaderChangeMessage"),
    3: ("SNAPSHOT_HEADER", "SnapshotHeaderRecord"),
    4: ("SNAPSHOT_FOOTER", "SnapshotFooterRecord"),
    5: ("KRAFT_VERSION", "KRaftVersionRecord"),
    6: ("KRAFT_VOTERS", "VotersRecord"),
}


class Decoded(NamedTuple):
    """Key and value of a record as fields: str, int, bytes, None, and lists and mappings of these.

    Ids of 16 bytes are text, as Kafka writes them. A control record has its type as `name` and no
    key; a tombstone has no value.
    """

    name: str
    key: Mapping[str, Any] | None
    value: Mapping[str, Any] | None


def decode_control(record: Record) -> Decoded:
    """Decode a record of a control batch. Raises ProtocolError."""
    from pykbroker.wire.messages import control_records

    _, key = _version_and_rest(record.key)
    number, _ = _version_and_rest(key)
    version, rest = _version_and_rest(record.value)
    if number in _END_OF_TRANSACTION:
        # Later versions only add to it: EndTransactionMarker reads on.
        fields = _parse(control_records.EndTxnMarker, 0, rest)
        return Decoded(_END_OF_TRANSACTION[number], None, fields)
    if number not in _MESSAGES_OF_THE_METADATA_LOG:
        return Decoded(f"UNKNOWN_{number}", None, None)
    name, message = _MESSAGES_OF_THE_METADATA_LOG[number]
    # Each of them begins with its own version.
    return Decoded(name, None, _parse(getattr(control_records, message), version, record.value))


def decoder_of(topic: str) -> Callable[[Record], Decoded] | None:
    """Give what decodes the records of an internal topic; None for any other topic.

    It raises ProtocolError for a record that is none of theirs.
    """
    messages = _messages_of(topic)
    if messages is None:
        return None

    def decode(record: Record) -> Decoded:
        number, rest = _version_and_rest(record.key)
        if number not in messages:
            raise ProtocolError(f"{topic} has no record of type {number}")
        key_message, value_message = messages[number]
        key = _parse(key_message, 0, rest)
        if record.value is None:
            return Decoded(value_message.name, key, None)
        version, rest = _version_and_rest(record.value)
        return Decoded(value_message.name, key, _parse(value_message, version, rest))

    return decode


def _messages_of(topic: str) -> Mapping[int, tuple[Message, Message]] | None:
    if topic == "__consumer_offsets":
        from pykbroker.wire.messages.group_records import GROUP_RECORDS
        from pykbroker.wire.messages.offsets_records import OFFSETS_RECORDS
        from pykbroker.wire.messages.share_group_records import SHARE_GROUP_RECORDS
        from pykbroker.wire.messages.streams_records import STREAMS_RECORDS

        return {**OFFSETS_RECORDS, **GROUP_RECORDS, **SHARE_GROUP_RECORDS, **STREAMS_RECORDS}
    if topic == "__transaction_state":
        from pykbroker.wire.messages.transaction_records import TRANSACTION_RECORDS

        return TRANSACTION_RECORDS
    if topic == "__share_group_state":
        from pykbroker.wire.messages.share_records import SHARE_RECORDS

        return SHARE_RECORDS
    return None


def _version_and_rest(data: bytes | None) -> tuple[int, bytes]:
    if data is None or len(data) < _VERSION.size:
        raise ProtocolError("it does not begin with a version")
    return _VERSION.unpack_from(data)[0], data[_VERSION.size :]


def _parse(message: Message, version: int, data: bytes | None) -> dict[str, Any]:
    try:
        codec = message.version(version)
    except LookupError:
        raise ProtocolError(f"{message.name} of version {version} is not known") from None
    fields: dict[str, Any] = _plain(codec.parse(data or b""))
    return fields


def _plain(value: Any, name: str = "") -> Any:
    if isinstance(value, Value):
        return {each: _plain(value[each], each) for each in value}
    if isinstance(value, bytes) and name.endswith("_id"):
        return id_to_text(value)
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return value
