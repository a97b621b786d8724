"""Reading segments from end to end to find how far they hold whole, valid batches.

Changes no file: a segment's size and indexes in memory are set to what is valid. A batch is valid
when its CRC is right and its offsets follow those before it.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from crc32c import crc32c

from pykbroker.storage.files import File
from pykbroker.storage.index import RELATIVE_OFFSET_MAX
from pykbroker.storage.leader_epochs import LeaderEpochs
from pykbroker.storage.segment import Segment, is_batch
from pykbroker.wire.records import (
    BATCH_HEADER_BYTES,
    LOG_OVERHEAD_BYTES,
    MAGIC,
    crc_of,
    parse_batch_header,
)

READ_BYTES = 1 << 20

_CRC_START = 21
_MAGIC_POSITION = 16
_OFFSET_AND_LENGTH = struct.Struct(">qi")
_OFFSETS_AHEAD_MAX = 1 << 31


@dataclass(frozen=True, slots=True)
class Cut:
    """Where valid batches end before the bytes do."""

    base_offset: int
    """Of the segment."""
    position: int
    length: int
    """Bytes from there to the end of the segment's file; 0 when only later segments are lost."""
    next_offset: int
    """The offset that was to follow."""
    later_segments: int
    """Segments after it, all of which are lost with it."""
    batches_follow: bool
    """Whether there are valid batches further on: damage inside the log, not a torn tail."""


@dataclass(frozen=True, slots=True)
class Scanned:
    """What a scan found."""

    whole_segments: int
    """How many were valid to the end; all, or those before the cut."""
    next_offset: int
    scanned_bytes: int
    cut: Cut | None


def scan(segments: list[Segment], epochs: LeaderEpochs, *, gaps_allowed: bool) -> Scanned:
    """Scan segments in order up to the first that is not whole, collecting leader epochs.

    A segment that begins below the end of the one before is not whole either. One that begins
    above it follows lost data (its name lasted, the end of the file before did not), unless
    `gaps_allowed`: compaction leaves gaps.
    """
    next_offset, scanned_bytes = segments[0].base_offset, 0
    for number, segment in enumerate(segments):
        file_size = segment.file.size
        if segment.base_offset < next_offset:
            segment.reset()
        else:
            next_offset = _scan_segment(segment, epochs)
        scanned_bytes += file_size
        later = segments[number + 1 :]
        hole = later and not gaps_allowed and later[0].base_offset > next_offset
        if hole and later[0].base_offset - segment.base_offset > RELATIVE_OFFSET_MAX:
            hole = False  # too far for one segment: rolled for that
        if segment.size < file_size or hole:
            cut = Cut(
                base_offset=segment.base_offset,
                position=segment.size,
                length=file_size - segment.size,
                next_offset=next_offset,
                later_segments=len(later),
                batches_follow=_batch_follows(segment.file, segment.size + 1, next_offset)
                or any(_begins_with_batch(one.file) for one in later),
            )
            return Scanned(number, next_offset, scanned_bytes, cut)
    return Scanned(len(segments) - 1, next_offset, scanned_bytes, None)


def _scan_segment(segment: Segment, epochs: LeaderEpochs) -> int:
    """Set the segment to its valid batches, and return the next offset after them."""
    file, end = segment.file, segment.file.size
    segment.reset()
    latest_epoch = epochs.latest
    next_offset = segment.base_offset
    offset_max = segment.base_offset + RELATIVE_OFFSET_MAX
    position = start = 0
    data = memoryview(b"")
    while end - position >= BATCH_HEADER_BYTES:
        at = position - start
        if at + BATCH_HEADER_BYTES > len(data):
            data, start, at = memoryview(file.pread(READ_BYTES, position)), position, 0
        # Taken apart here, as this runs for each of millions of batches.
        header = parse_batch_header(data, at)
        base_offset, batch_length, epoch, magic, crc, _, delta, _, max_timestamp, *_ = header
        size = batch_length + LOG_OVERHEAD_BYTES
        last_offset = base_offset + delta
        if (
            magic != MAGIC
            or size < BATCH_HEADER_BYTES
            or size > end - position
            or base_offset < next_offset
            or delta < 0
            or last_offset > offset_max
        ):
            break
        if at + size > len(data):
            data, start, at = memoryview(file.pread(max(READ_BYTES, size), position)), position, 0
        if crc32c(data[at + _CRC_START : at + size]) != crc:
            break
        segment.account(size, last_offset, max_timestamp)
        if epoch > latest_epoch:
            latest_epoch = epoch
            epochs.assign(epoch, base_offset)
        next_offset = last_offset + 1
        position += size
    return next_offset


def _begins_with_batch(file: File) -> bool:
    return _is_valid_batch(file, 0, 0)


def _is_valid_batch(file: File, position: int, offset: int) -> bool:
    """Tell whether a valid batch at or a little above `offset` begins at `position`."""
    left = file.size - position
    if left < BATCH_HEADER_BYTES:
        return False
    header = parse_batch_header(file.pread(BATCH_HEADER_BYTES, position))
    if not is_batch(header) or header.size_bytes > left or header.base_offset < offset:
        return False
    return crc_of(file.pread(header.size_bytes, position)) == header.crc


def _batch_follows(file: File, position: int, offset: int) -> bool:
    """Search all bytes from `position` on for a valid batch at or a little above `offset`."""
    needle = bytes([MAGIC])
    while position + BATCH_HEADER_BYTES <= file.size:
        data = bytes(file.pread(READ_BYTES, position))
        found = data.find(needle, _MAGIC_POSITION)
        while found >= 0:
            at = found - _MAGIC_POSITION
            base_offset, length = _OFFSET_AND_LENGTH.unpack_from(data, at)
            if (
                offset <= base_offset <= offset + _OFFSETS_AHEAD_MAX
                and length >= BATCH_HEADER_BYTES - LOG_OVERHEAD_BYTES
                and _is_valid_batch(file, position + at, offset)
            ):
                return True
            found = data.find(needle, found + 1)
        # The next piece overlaps: a batch may begin in the last bytes of this one.
        position += max(len(data) - _MAGIC_POSITION, 1)
    return False
