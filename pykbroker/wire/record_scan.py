"""Judge every record of a batch without making an object per record.

`scan_records` gives the verdict of `record_walk` faster. Producers mostly send records of one
shape, and a run of those is judged at once; other records are read in one tight loop. Whatever
these two do not recognise they leave to the plain reading, so that no input is accepted or refused
by one of them only.
"""

from __future__ import annotations

from functools import cache
from typing import Final, NamedTuple

from pykbroker.errors import ProtocolError
from pykbroker.wire.record_run import RUN_RECORDS_MIN, find_run
from pykbroker.wire.record_walk import MalformedRecordError, read_record, walk_records
from pykbroker.wire.records import Buffer, encode_varint, read_varlong, to_int64

_PATIENCE_MIN: Final = 8
_PATIENCE_MAX: Final = 1024
_INT64_MIN, _INT64_MAX = -(1 << 63), (1 << 63) - 1
_FEW_OFFSETS: Final = tuple(map(encode_varint, range(64)))


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
    data = bytes(data)
    if count == 1 and (has_key := _plain_record_has_key(data)) is not None:
        return RecordScan(base_timestamp, base_timestamp, -1 if has_key else 0, -1)
    scanner = _Scanner(data, count)
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


def _plain_record_has_key(data: bytes) -> bool | None:
    """Tell whether the one record has a key; None where it is not of the plainest shape.

    That is one without headers, both deltas 0, no length above two bytes: what a producer sends
    that waits for nothing.
    """
    try:
        size, at = data[0], 1
        if size >= 0x80:
            size, at = size & 0x7F | data[1] << 7, 2
        end = at + (size >> 1)
        if data[at + 1] or data[at + 2]:
            return None
        key_length = data[at + 3]
        at += 4
        has_key = key_length != 1
        if key_length >= 0x80:
            key_length = key_length & 0x7F | data[at] << 7
            at += 1
        if has_key:
            at += key_length >> 1
        else:
            key_length = 0
        length = data[at]
        at += 1
        if length >= 0x80:
            length = length & 0x7F | data[at] << 7
            at += 1
        elif length == 1:
            length = 0
        at += length >> 1
        # 0x4001: a third byte of a length, or a negative one.
        if data[at] or at + 1 != end or end != len(data) or (size | key_length | length) & 0x4001:
            return None
    except IndexError:
        return None
    return has_key


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
        "position",
    )

    def __init__(self, data: bytes, count: int) -> None:
        self.data = data
        self.count = count
        self.index = self.position = 0
        self.min_delta, self.max_delta = 1 << 64, -(1 << 64)
        self.first_keyless = self.first_misplaced = -1

    def scan(self) -> None:
        """Read all records, looking for runs the less often the fewer there are."""
        patience = 0 if self.count >= RUN_RECORDS_MIN else self.count
        while self.index < self.count:
            begin, end = self.index, min(self.count, self.index + patience)
            if patience:
                self._scan_singles(end)
            if begin < self.index < end:
                self._scan_plainly()
            elif self.index < self.count:
                if self._scan_run() >= RUN_RECORDS_MIN:
                    patience = 0
                else:
                    patience = min(max(4 * patience, _PATIENCE_MIN), _PATIENCE_MAX)
        if self.position != len(self.data):
            surplus = len(self.data) - self.position
            raise MalformedRecordError(self.count, f"{surplus} bytes follow the last record")

    def _scan_run(self) -> int:
        """Read as many records as are of the shape of the next one, or just that one."""
        run = find_run(self.data, self.position, index=self.index, count=self.count - self.index)
        if run is None:
            self._scan_plainly()
            return 1
        self.min_delta = min(self.min_delta, run.min_delta)
        self.max_delta = max(self.max_delta, run.max_delta)
        if not run.has_key and self.first_keyless < 0:
            self.first_keyless = self.index
        self.index += run.length
        self.position = run.end
        return run.length

    def _scan_plainly(self) -> None:
        """Read one record that may be anything."""
        fields, self.position = read_record(self.data, self.position, self.index)
        self.min_delta = min(self.min_delta, fields.timestamp_delta)
        self.max_delta = max(self.max_delta, fields.timestamp_delta)
        if not fields.has_key and self.first_keyless < 0:
            self.first_keyless = self.index
        if fields.offset_delta != self.index and self.first_misplaced < 0:
            self.first_misplaced = self.index
        self.index += 1

    def _scan_singles(self, end_index: int) -> None:  # noqa: C901 - calls would cost a third more
        """Read records up to `end_index` (exclusive) whose lengths need at most two bytes.

        Stops in front of the first record that has anything unusual about it.
        """
        data, index, position = self.data, self.index, self.position
        offsets = _FEW_OFFSETS if end_index <= len(_FEW_OFFSETS) else _many_offsets()
        last_delta = -1
        try:
            for offset in offsets[index:end_index]:
                size = data[position]
                at = position + 1
                if size >= 0x80:
                    if data[at] >= 0x80:
                        break
                    size = size & 0x7F | data[at] << 7
                    at += 1
                end = at + (size >> 1)
                delta = data[at + 1]
                at += 2
                if delta != last_delta:
                    at = self._note_delta(at - 1)
                    last_delta = delta if delta < 0x80 else -1
                offset_end = at + len(offset)
                if data[at:offset_end] != offset:
                    break
                key_length = data[offset_end]
                at = offset_end + 1
                if key_length == 1:
                    key_length = 0
                    if self.first_keyless < 0:
                        self.first_keyless = index
                elif key_length >= 0x80:
                    key_length = key_length & 0x7F | data[at] << 7
                    at += 1
                at += key_length >> 1
                length = data[at]
                if length >= 0x80:
                    at += 1
                    length = length & 0x7F | data[at] << 7
                elif length == 1:
                    length = 0
                at += 1 + (length >> 1)
                if data[at]:
                    at = _skip_few_headers(data, at)
                if at + 1 != end or (size | key_length | length) & 0x4001:
                    break
                position = end
                index += 1
        except (IndexError, ProtocolError):
            pass  # the plain reading says which record it is, and why
        self.index, self.position = index, position

    def _note_delta(self, position: int) -> int:
        """Note the timestamp delta at `position`; give the position behind it."""
        delta, position = read_varlong(self.data, position)
        if delta > self.max_delta:
            self.max_delta = delta
        if delta < self.min_delta:
            self.min_delta = delta
        return position


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
    if position >= len(data):
        raise IndexError
    return position


@cache
def _many_offsets() -> tuple[bytes, ...]:
    """The encodings of the offset deltas of all but the very largest batches."""
    return tuple(map(encode_varint, range(1 << 14)))
