"""Judge every record of a batch without making an object per record.

`walk_records` is the plain reading, one record after the other; `scan_records` gives the same
verdict faster. Producers mostly send records of one shape: then each byte of that shape lies at a
fixed stride, and one slice per byte judges thousands of records. Whatever it does not recognise,
the scan leaves to the plain reading, so that no input is accepted or refused by one of them only.
"""

from __future__ import annotations

from functools import cache
from typing import Final, NamedTuple

from pykbroker.errors import ProtocolError
from pykbroker.wire.record_run import WIDTH_ENDS, Run, shape_of
from pykbroker.wire.record_walk import MalformedRecordError, read_record, walk_records
from pykbroker.wire.records import Buffer, encode_varint, read_varlong, to_int64

_RUN_FIRST: Final = 64
_RUN_GROWTH: Final = 8
_PATIENCE: Final = 2
_PATIENCE_MAX: Final = 256
_INT64_MIN, _INT64_MAX = -(1 << 63), (1 << 63) - 1


class RecordScan(NamedTuple):
    """What of all records together decides. Timestamps in ms; an index is -1 when there is none."""

    min_timestamp: int
    max_timestamp: int
    first_keyless: int
    first_misplaced: int
    """The first record whose offset delta is not its index."""


def scan_records(data: Buffer, count: int, base_timestamp: int) -> RecordScan:
    """Judge `count` uncompressed records, which must be all of `data` and at least one.

    Timestamps wrap as Java's long does. Raises MalformedRecordError as `walk_records` does.
    """
    scanner = _Scanner(bytes(data), count)
    scanner.scan()
    earliest = base_timestamp + scanner.min_delta
    latest = base_timestamp + scanner.max_delta
    if earliest < _INT64_MIN or latest > _INT64_MAX:
        timestamps = [
            to_int64(base_timestamp + fields.timestamp_delta)
            for fields in walk_records(data, count)
        ]
        earliest, latest = min(timestamps), max(timestamps)
    return RecordScan(earliest, latest, scanner.first_keyless, scanner.first_misplaced)


class _Scanner:
    """The state of one scan: how far it came, and the summary of the records before."""

    __slots__ = (
        "count",
        "data",
        "first_keyless",
        "first_misplaced",
        "index",
        "max_delta",
        "min_delta",
        "patience",
        "position",
    )

    def __init__(self, data: bytes, count: int) -> None:
        self.data = data
        self.count = count
        self.index = self.position = 0
        self.min_delta, self.max_delta = 1 << 64, -(1 << 64)
        self.first_keyless = self.first_misplaced = -1
        self.patience = _PATIENCE

    def scan(self) -> None:
        """Read all records: a few by themselves, then as long a run of that shape as there is."""
        while self.index < self.count:
            if self._scan_single():
                self._scan_run()
            elif self.index < self.count:
                self._scan_any()
        if self.position != len(self.data):
            surplus = len(self.data) - self.position
            raise MalformedRecordError(self.count, f"{surplus} bytes follow the last record")

    def _scan_any(self) -> None:
        """Read one record in the plain way."""
        fields, self.position = read_record(self.data, self.position, self.index)
        self.min_delta = min(self.min_delta, fields.timestamp_delta)
        self.max_delta = max(self.max_delta, fields.timestamp_delta)
        if not fields.has_key and self.first_keyless < 0:
            self.first_keyless = self.index
        if fields.offset_delta != self.index and self.first_misplaced < 0:
            self.first_misplaced = self.index
        self.index += 1

    def _scan_single(self) -> bool:
        """Read records of any size but usual encoding; say whether a run seems to begin.

        Stops in front of the first record that has anything unusual about it.
        """
        data, count, index, position = self.data, self.count, self.index, self.position
        min_delta, max_delta = self.min_delta, self.max_delta
        offsets = _FEW_OFFSETS if count <= len(_FEW_OFFSETS) else _many_offsets()
        last_size, same = -1, 0
        try:
            while index < count and same < self.patience:
                end, delta, keyless = _read_usual_record(data, position, offsets[index])
                if end < 0:
                    break
                if delta > max_delta:
                    max_delta = delta
                if delta < min_delta:
                    min_delta = delta
                if keyless and self.first_keyless < 0:
                    self.first_keyless = index
                size = end - position
                same = same + 1 if size == last_size else 0
                last_size = size
                position = end
                index += 1
        except (IndexError, ProtocolError):
            pass  # the plain reading says which record it was, and why
        self.index, self.position = index, position
        self.min_delta, self.max_delta = min_delta, max_delta
        return same >= self.patience and index < count

    def _scan_run(self) -> None:
        """Read records of the shape of the next one, in growing steps as long as they follow."""
        shape = shape_of(self.data, self.position, self.index)
        if shape is None:
            self._scan_any()
            return
        begin, step = self.index, _RUN_FIRST
        possible = min(
            self.count - self.index,
            (len(self.data) - self.position) // shape.size,
            WIDTH_ENDS[shape.offset_end - shape.offset_at] - self.index,
        )
        while possible:
            asked = min(step, possible)
            run = Run(self.data, self.position, shape, asked)
            count = run.count_equal(self.index)
            self.min_delta = min(self.min_delta, run.min_delta)
            self.max_delta = max(self.max_delta, run.max_delta)
            if shape.is_keyless and self.first_keyless < 0:
                self.first_keyless = self.index
            self.index += count
            self.position += count * shape.size
            if count < asked:
                break
            possible -= count
            step *= _RUN_GROWTH
        short = self.index - begin < _RUN_FIRST
        self.patience = min(2 * self.patience, _PATIENCE_MAX) if short else _PATIENCE


def _read_usual_record(data: bytes, position: int, offset: bytes) -> tuple[int, int, bool]:
    """Read one record whose lengths need at most two bytes and whose offset delta is `offset`.

    Gives its end (exclusive), timestamp delta and whether it has no key; an end of -1 for a record
    that the plain reading must judge. Raises IndexError or ProtocolError where it cannot go on.
    """
    size = data[position]
    position += 1
    if size >= 0x80:
        size = size & 0x7F | data[position] << 7
        position += 1
    end = position + (size >> 1)
    delta = data[position + 1]
    if delta >= 0x80:
        delta, position = read_varlong(data, position + 1)
    else:
        delta = (delta >> 1) ^ -(delta & 1)
        position += 2
    if size & 1 or size >= 0x4000 or end > len(data) or not data.startswith(offset, position):
        return _UNUSUAL
    position += len(offset)
    key_length = data[position]
    if key_length >= 0x80:
        position += 1
        key_length = key_length & 0x7F | data[position] << 7
    position += 1 + (key_length >> 1)
    value_length = data[position]
    if value_length >= 0x80:
        position += 1
        value_length = value_length & 0x7F | data[position] << 7
    position += 1 + (value_length >> 1)
    if data[position]:
        position = _skip_few_headers(data, position)
    if (
        position + 1 != end
        or (key_length & 1 and key_length != 1)
        or (value_length & 1 and value_length != 1)
        or key_length >= 0x4000
        or value_length >= 0x4000
    ):
        return _UNUSUAL
    return end, delta, key_length == 1


_UNUSUAL: Final = (-1, 0, False)


def _skip_few_headers(data: bytes, position: int) -> int:
    """Skip headers with lengths of one byte each; give the position of the last byte of the last.

    Raises ProtocolError when they are not so.
    """
    count = data[position]
    if count >= 0x80 or count & 1:
        raise ProtocolError("headers of an unusual number")
    for _ in range(count >> 1):
        length = data[position + 1]
        if length >= 0x80 or length & 1:
            raise ProtocolError("a header of an unusual length")
        position += 1 + (length >> 1)
        length = data[position + 1]
        if length >= 0x80 or (length & 1 and length != 1):
            raise ProtocolError("a header of an unusual length")
        position += 1 + (length >> 1)
    return position


_FEW_OFFSETS: Final = tuple(map(encode_varint, range(64)))


@cache
def _many_offsets() -> tuple[bytes, ...]:
    """The encodings of the offset deltas of all but the very largest batches."""
    return tuple(map(encode_varint, range(1 << 14)))
