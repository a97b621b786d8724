"""Read the records of a batch plainly, one after the other: what counts as a record.

Every other reading of records must accept and refuse exactly what this one does.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from pykbroker.errors import ProtocolError
from pykbroker.wire.records import Buffer, read_varint, read_varlong


class MalformedRecordError(ProtocolError):
    """Bytes that are no record. `index` is its number in the batch, from 0."""

    def __init__(self, index: int, why: str) -> None:
        super().__init__(f"record {index} of the batch is malformed: {why}")
        self.index = index


class RecordFields(NamedTuple):
    """What of one record decides whether it may be appended."""

    timestamp_delta: int
    offset_delta: int
    has_key: bool


def walk_records(data: Buffer, count: int) -> Iterator[RecordFields]:
    """Read `count` uncompressed records one by one, which must be all of `data`.

    Stricter than Kafka in one respect: in compressed batches, too, a record must end where its
    length says, as consumers want it. Raises MalformedRecordError.
    """
    position = 0
    for index in range(count):
        fields, position = read_record(data, position, index)
        yield fields
    if position != len(data):
        raise MalformedRecordError(count, f"{len(data) - position} bytes follow the last record")


def read_record(data: Buffer, position: int, index: int) -> tuple[RecordFields, int]:
    """Read the record at `position`; give its fields and its end. Raises MalformedRecordError."""
    try:
        length, position = read_varint(data, position)
        end = position + length
        if length < 0 or end > len(data):
            raise MalformedRecordError(index, f"its length is {length}")
        timestamp_delta, position = read_varlong(data, position + 1)
        offset_delta, position = read_varint(data, position)
        key_length, position = read_varint(data, position)
        value_length, position = read_varint(data, position + max(key_length, 0))
        headers_count, position = read_varint(data, position + max(value_length, 0))
        if headers_count < 0 or headers_count > end - position:
            raise MalformedRecordError(index, f"it has {headers_count} headers")
        for _ in range(headers_count):
            name_length, position = read_varint(data, position)
            if name_length < 0:
                raise MalformedRecordError(index, f"the name of a header has {name_length} bytes")
            value_length, position = read_varint(data, position + name_length)
            position += max(value_length, 0)
    except IndexError:
        raise MalformedRecordError(index, "the batch ends inside of it") from None
    except MalformedRecordError:
        raise
    except ProtocolError as error:
        raise MalformedRecordError(index, str(error)) from None
    if position != end:
        raise MalformedRecordError(index, f"it ends {position - end} bytes off")
    return RecordFields(timestamp_delta, offset_delta, key_length >= 0), end
