"""The keys of a batch's records and where each record ends, without making an object per record.

What compaction asks of records. They were judged when they were appended, and their CRC says they
are the same; what is no record all the same is refused, never guessed at.
"""

from __future__ import annotations

from typing import NamedTuple

from pykbroker.errors import ProtocolError
from pykbroker.wire.record_walk import MalformedRecordError
from pykbroker.wire.records import encode_varint, read_varint, read_varlong, to_int64


class RecordKeys(NamedTuple):
    """The keys of all records in order, and the indexes of those without a value."""

    keys: list[bytes | None]
    tombstones: list[int]


def read_keys(  # noqa: C901 - calls would cost a third more
    data: bytes, count: int
) -> RecordKeys:
    """Read the keys of `count` uncompressed records, which must be all of `data`.

    Raises MalformedRecordError.
    """
    keys: list[bytes | None] = []
    tombstones: list[int] = []
    position, index = 0, 0
    try:
        for index in range(count):
            size = data[position]
            at = position + 1
            if size >= 0x80:
                if data[at] < 0x80:
                    size = size & 0x7F | data[at] << 7
                    at += 1
                else:
                    length, at = read_varint(data, position)
                    size = length << 1
            end = at + (size >> 1)
            at += 1  # attributes, then the deltas of timestamp and offset
            while data[at] >= 0x80:
                at += 1
            at += 1
            while data[at] >= 0x80:
                at += 1
            at += 1
            length = data[at]
            if length & 1:  # negative, as any odd zig-zag number
                _, at = read_varint(data, at)
                keys.append(None)
            else:
                if length < 0x80:
                    start = at + 1
                    at = start + (length >> 1)
                else:
                    length, start = read_varint(data, at)
                    at = start + length
                keys.append(data[start:at])
            if data[at] & 1:
                tombstones.append(index)
            if at >= end:
                raise MalformedRecordError(index, "it ends before its value")
            position = end
    except IndexError:
        raise MalformedRecordError(index, "the batch ends inside of it") from None
    except MalformedRecordError:
        raise
    except ProtocolError as error:
        raise MalformedRecordError(index, str(error)) from None
    _check_end(data, position, count)
    return RecordKeys(keys, tombstones)


def record_ends(data: bytes, count: int) -> list[int]:
    """Return where each of `count` uncompressed records ends; they must be all of `data`.

    Raises MalformedRecordError.
    """
    ends: list[int] = []
    position, index = 0, 0
    try:
        for index in range(count):
            size = data[position]
            at = position + 1
            if size >= 0x80:
                if data[at] < 0x80:
                    size = size & 0x7F | data[at] << 7
                    at += 1
                else:
                    length, at = read_varint(data, position)
                    size = length << 1
            position = at + (size >> 1)
            if position <= at:
                raise MalformedRecordError(index, "it is empty")
            ends.append(position)
    except IndexError:
        raise MalformedRecordError(index, "the batch ends inside of it") from None
    except MalformedRecordError:
        raise
    except ProtocolError as error:
        raise MalformedRecordError(index, str(error)) from None
    _check_end(data, position, count)
    return ends


def _check_end(data: bytes, position: int, count: int) -> None:
    if position != len(data):
        raise MalformedRecordError(count, f"{len(data) - position} bytes are not its records")


def timestamp_delta(record: bytes) -> int:
    """Return the timestamp delta of one record, its length included."""
    _, at = read_varint(record, 0)
    return read_varlong(record, at + 1)[0]


def with_base_timestamp(record: bytes, base_timestamp: int, new_base_timestamp: int) -> bytes:
    """Return a record that means the same time in a batch of another base timestamp."""
    _, at = read_varint(record, 0)
    delta, rest = read_varlong(record, at + 1)
    delta = to_int64(base_timestamp + delta - new_base_timestamp)
    encoded = encode_varint(delta)
    length = encode_varint(1 + len(encoded) + len(record) - rest)
    return b"".join((length, record[at : at + 1], encoded, record[rest:]))
