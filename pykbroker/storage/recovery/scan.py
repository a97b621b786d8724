"""Reading segments from end to end to find how far they hold whole, valid batches.

Changes no file: a segment's size and indexes in memory are set to what is valid. A batch is valid
when its CRC is right and its offsets follow those before it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from crc32c import crc32c

from pykbroker.storage.index import RELATIVE_OFFSET_MAX
from pykbroker.storage.leader_epochs import LeaderEpochs
from pykbroker.storage.names import LOG_SUFFIX
from pykbroker.storage.producer_state import ProducerStates
from pykbroker.storage.recovery.damage import Cut, find_batch
from pykbroker.storage.segment import Segment
from pykbroker.wire.records import (
    BATCH_HEADER_BYTES,
    LOG_OVERHEAD_BYTES,
    MAGIC,
    parse_batch_header,
)

READ_BYTES = 1 << 20

Watch = Callable[[str, int], None]
"""Told the path of the file being read and how many bytes more of it are read, every
`READ_BYTES` or so; what it raises ends the reading, and nothing has been changed."""

_CRC_START = 21
_HEADER = struct.Struct(">qiibIhi8xqq")
"""Without the first timestamp and what follows the producer id."""


def unwatched(path: str, length: int) -> None:
    """Watch nothing."""
    del path, length


@dataclass(frozen=True, slots=True)
class Scanned:
    """What a scan found."""

    whole_segments: int
    """How many were valid to the end; all but the last, or those before the cut."""
    next_offset: int
    scanned_bytes: int
    cut: Cut | None
    leftovers: tuple[Segment, ...] = ()
    """Segments behind whose batches a refused write has left bytes, with nothing missing."""


class Scan:
    """One reading of segments in order, up to the first that is not whole.

    `epochs` and `producers` take over what the batches say. `may_skip(segment, later)` tells
    whether `later` may begin above the end of `segment`, the one before it.
    """

    def __init__(
        self,
        epochs: LeaderEpochs,
        producers: ProducerStates,
        *,
        may_skip: Callable[[Segment, Segment], bool],
        watch: Watch = unwatched,
    ) -> None:
        self._epochs = epochs
        self._producers = producers
        self._may_skip = may_skip
        self._watch = watch

    def run(self, segments: Sequence[Segment]) -> Scanned:
        """Scan segments, of which there is at least one.

        A log ends where offsets are missing that may not be skipped, and where the next segment
        begins below the end of the one before.
        """
        scanned_bytes, next_offset = 0, segments[0].base_offset
        leftovers: list[Segment] = []
        for number, segment in enumerate(segments):
            file_size, later = segment.file.size, segments[number + 1 :]
            next_offset = self._scan_segment(segment)
            scanned_bytes += file_size
            if segment.size < file_size and _has_leftover(segment, next_offset, later):
                leftovers.append(segment)
                continue
            if segment.size < file_size or (later and not self._joins(next_offset, segment, later)):
                cut = _cut(segment, next_offset, later)
                return Scanned(number, next_offset, scanned_bytes, cut, tuple(leftovers))
        return Scanned(len(segments) - 1, next_offset, scanned_bytes, None, tuple(leftovers))

    def _joins(self, next_offset: int, segment: Segment, later: Sequence[Segment]) -> bool:
        begins_at = later[0].base_offset
        return begins_at == next_offset or (
            begins_at > next_offset and self._may_skip(segment, later[0])
        )

    def _scan_segment(self, segment: Segment) -> int:
        """Set the segment to its valid batches, and return the next offset after them."""
        end, path = segment.file.size, segment.path(LOG_SUFFIX)
        segment.reset()
        epochs, account, header_at = self._epochs, segment.account, _HEADER.unpack_from
        latest_epoch, replay = epochs.latest, self._producers.replay
        next_offset = segment.base_offset
        offset_max = segment.base_offset + RELATIVE_OFFSET_MAX
        position = start = 0
        data = memoryview(b"")
        while end - position >= BATCH_HEADER_BYTES:
            at = position - start
            if at + BATCH_HEADER_BYTES > len(data):
                data, start, at = self._read(segment, READ_BYTES, position, path), position, 0
            # Taken apart here, as this runs for each of millions of batches.
            (base_offset, length, epoch, magic, crc, _, delta, max_timestamp, producer_id) = (
                header_at(data, at)
            )
            size = length + LOG_OVERHEAD_BYTES
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
                data, at = self._read(segment, max(READ_BYTES, size), position, path), 0
                start = position
            if crc32c(data[at + _CRC_START : at + size]) != crc:
                break
            account(size, last_offset, max_timestamp)
            if epoch > latest_epoch:
                latest_epoch = epoch
                epochs.assign(epoch, base_offset)
            if producer_id >= 0:
                replay(parse_batch_header(data, at))
            next_offset = last_offset + 1
            position += size
        return next_offset

    def _read(self, segment: Segment, length: int, position: int, path: str) -> memoryview:
        data = memoryview(segment.file.pread(length, position))
        self._watch(path, len(data))
        return data


def _has_leftover(segment: Segment, next_offset: int, later: Sequence[Segment]) -> bool:
    """Tell whether the bytes behind a segment's batches were given up before the next one began.

    A full disk took part of a batch, the file was cut back, and a crash undid that. A batch that
    was there once would have the offset with which the next segment begins.
    """
    return (
        bool(later)
        and later[0].base_offset == next_offset
        and find_batch(segment.file, segment.size + 1, next_offset) is None
    )


def _cut(segment: Segment, next_offset: int, later: Sequence[Segment]) -> Cut:
    overlaps = bool(later) and later[0].base_offset < next_offset
    offset = later[0].base_offset if overlaps else next_offset
    return Cut(
        base_offset=segment.base_offset,
        position=segment.size,
        length=segment.file.size - segment.size,
        next_offset=next_offset,
        later_segments=len(later),
        later_bytes=sum(one.file.size for one in later),
        resumes_at=find_batch(segment.file, segment.size + 1, next_offset),
        later_batches=any(find_batch(one.file, 0, offset) is not None for one in later),
        overlaps=overlaps,
    )
