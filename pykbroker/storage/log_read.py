"""Finding bytes and records in one segment: by offset, by timestamp; whole batches only.

Kafka cuts what it reads at `max_bytes`, in the middle of a batch if need be; here the cut is at
the last batch boundary that is known without reading much: exact among the newest batches, from
the offset index and at most an index interval of headers elsewhere.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence

from pykbroker.errors import ErrorCode, KafkaError, ProtocolError
from pykbroker.storage.batch_rules import EXPANSION_MAX
from pykbroker.storage.files import Slice
from pykbroker.storage.index import TimestampOffset
from pykbroker.storage.segment import Segment
from pykbroker.storage.segments import Segments
from pykbroker.wire.record_walk import walk_records
from pykbroker.wire.records import (
    LOG_APPEND_TIME,
    BatchHeader,
    to_int64,
    uncompressed_records,
)


def read(
    segments: Segments,
    offset: int,
    *,
    max_bytes: int,
    end_offset: int,
    log_end_offset: int,
    at_least_one: bool,
) -> Slice | None:
    """Return whole batches of one segment as `Log.read`, whose arguments have been checked."""
    for number in range(segments.number_at(offset), len(segments)):
        segment = segments[number]
        if segment.base_offset >= end_offset:
            return None
        next_offset = segments.end_of(number, log_end_offset)
        run = plan_read(
            segment,
            offset,
            max_bytes=max_bytes,
            end_offset=end_offset if end_offset < next_offset else None,
            at_least_one=at_least_one,
        )
        if run is not None:
            start, stop = run
            return segment.file.slice(start, stop - start) if stop > start else None
    return None


def plan_read(
    segment: Segment, offset: int, *, max_bytes: int, end_offset: int | None, at_least_one: bool
) -> tuple[int, int] | None:
    """Return the positions [start, stop) of the batches from the one that holds `offset` on.

    `end_offset` (exclusive) bounds them, None is the end of the segment. None when there is no
    such batch; start = stop when the first one is larger than `max_bytes`, unless `at_least_one`.
    """
    recent = segment.recent
    if offset < recent.floor_offset:
        return _plan_cold_read(segment, offset, max_bytes, end_offset, at_least_one)
    last_offsets, positions = recent.last_offsets, recent.positions
    first = bisect_left(last_offsets, offset)
    count = len(last_offsets)
    if first == count:
        return None
    start, stop = positions[first], segment.size
    if end_offset is not None:
        end = bisect_left(last_offsets, end_offset)
        if end < count:
            stop = positions[end]
    if stop <= start:
        return None
    if stop - start > max_bytes:
        cut = bisect_right(positions, start + max_bytes) - 1
        if cut == first and at_least_one:
            cut += 1
        if cut < count:
            stop = positions[cut]
    return start, stop


def _plan_cold_read(
    segment: Segment, offset: int, max_bytes: int, end_offset: int | None, at_least_one: bool
) -> tuple[int, int] | None:
    located = segment.locate(offset)
    if located is None:
        return None
    start, header = located
    stop = segment.size if end_offset is None else position_of(segment, end_offset)
    if stop <= start:
        return None
    if stop - start <= max_bytes:
        return start, stop
    limit, cut = start + max_bytes, start + header.size_bytes
    if cut > limit:
        return start, cut if at_least_one else start
    cut = max(cut, segment.offset_index.boundary_before(limit))
    for position, header in segment.headers(cut):
        if position + header.size_bytes > limit:
            break
        cut = position + header.size_bytes
    return start, cut


def position_of(segment: Segment, offset: int) -> int:
    """Return where the first batch that ends at or after `offset` begins; the size if none does."""
    recent = segment.recent
    if offset >= recent.floor_offset:
        slot = bisect_left(recent.last_offsets, offset)
        return recent.positions[slot] if slot < len(recent.positions) else segment.size
    located = segment.locate(offset)
    return segment.size if located is None else located[0]


def position_near(segment: Segment, offset: int) -> int:
    """Return as `position_of`, but without reading: up to an index interval too small."""
    if offset >= segment.recent.floor_offset:
        return position_of(segment, offset)
    return segment.offset_index.position_before(offset)


def bytes_between(segments: Sequence[Segment], offset: int, end_offset: int | None) -> int:
    """Estimate the bytes from `offset` in the first segment to `end_offset` in the last.

    `end_offset` None is the end of the last segment.
    """
    size = -position_near(segments[0], offset)
    for segment in segments[:-1]:
        size += segment.size
    last = segments[-1]
    return size + (last.size if end_offset is None else position_near(last, end_offset))


def offset_for_timestamp(
    segment: Segment, timestamp_ms: int, start_offset: int
) -> TimestampOffset | None:
    """Return the first record not older than `timestamp_ms` at or after `start_offset`."""
    if segment.largest.timestamp_ms < timestamp_ms:
        return None
    for position, header in _batches_since(segment, timestamp_ms, start_offset):
        for record in _records(segment, position, header):
            if record.timestamp_ms >= timestamp_ms and record.offset >= start_offset:
                return record
    return None


def offset_of_max_timestamp(segment: Segment) -> TimestampOffset | None:
    """Return the first record that has the segment's largest timestamp."""
    largest = segment.largest
    for position, header in _batches_since(segment, largest.timestamp_ms, largest.offset):
        for record in _records(segment, position, header):
            if record.timestamp_ms == largest.timestamp_ms:
                return record
    return None


def _batches_since(
    segment: Segment, timestamp_ms: int, offset: int
) -> Iterator[tuple[int, BatchHeader]]:
    """Yield the batches that end at or after `offset` and are not all older than a time."""
    start = max(segment.time_index.offset_before(timestamp_ms), offset)
    for position, header in segment.headers(segment.offset_index.position_before(start)):
        if header.max_timestamp >= timestamp_ms and header.last_offset >= offset:
            yield position, header


def _records(segment: Segment, position: int, header: BatchHeader) -> Iterator[TimestampOffset]:
    """Yield the times and offsets of a batch's records; nothing else of them takes memory."""
    batch = segment.file.pread(header.size_bytes, position)
    try:
        data = uncompressed_records(header, batch, EXPANSION_MAX)
        for fields in walk_records(data, header.records_count):
            timestamp_ms = (
                header.max_timestamp
                if header.timestamp_type == LOG_APPEND_TIME
                else to_int64(header.base_timestamp + fields.timestamp_delta)
            )
            yield TimestampOffset(timestamp_ms, header.base_offset + fields.offset_delta)
    except ProtocolError as error:
        raise KafkaError(ErrorCode.CORRUPT_MESSAGE, str(error)) from error
