"""What may follow the last whole batch of a log, and what it means: a power cut, or damage.

A power cut leaves less than was written: files that end early, and whole sectors of zeros. It takes
nothing that was synced, and never turns some bytes into others. Whatever else is found is damage,
and is not cut off without being asked for.
"""

from __future__ import annotations

import errno
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from crc32c import crc32c

from pykbroker.storage.files import File
from pykbroker.storage.segment import DamagedLogError, is_batch
from pykbroker.wire.records import (
    BATCH_HEADER_BYTES,
    LOG_OVERHEAD_BYTES,
    MAGIC,
    BatchHeader,
    crc_of,
    parse_batch_header,
)

SECTOR_BYTES = 512
"""What a disk writes whole or not at all; what file systems leave out is a multiple of it."""
_STRAY_ZEROS_MAX = 32
"""Zeros that data may have of its own next to sectors that were lost."""
_READ_BYTES = 1 << 20
_OFFSETS_AHEAD_MAX = 1 << 31
_MAGIC_POSITION = 16
_CRC_START = 21
_OFFSET_AND_LENGTH = struct.Struct(">qi")
_ZEROS = re.compile(rb"\0+")


class Finding(Enum):
    """What it means that valid batches end before the bytes do."""

    TORN_TAIL = "torn tail"
    """What a crash left of the last writes. Nothing valid follows."""
    HOLE = "hole"
    """Writes that no sync had covered, of which a power cut kept later ones only."""
    DAMAGE = "damage"
    """Records that had lasted are gone, or bytes are not what was written."""


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
    later_bytes: int = 0
    """All bytes of those."""
    resumes_at: int | None = None
    """Where in the same file the next valid batch begins, if there is one."""
    later_batches: bool = False
    """Whether there are valid batches in later segments."""
    overlaps: bool = False
    """Whether the next segment begins below the end of this one."""

    @property
    def batches_follow(self) -> bool:
        """Whether there are valid batches further on."""
        return self.resumes_at is not None or self.later_batches

    @property
    def lost_bytes(self) -> int:
        """All bytes that are lost by cutting here."""
        return self.length + self.later_bytes


class FoundDamageError(DamagedLogError):
    """Opening a log found damage in it and changed nothing."""

    def __init__(self, directory: str, path: str, cut: Cut, reason: str) -> None:
        data_dir, _, partition = directory.rpartition("/")
        data_dir = data_dir or "."
        super().__init__(
            errno.EIO,
            f"damage at position {cut.position}: {reason}. At stake are the records from offset"
            f" {cut.next_offset} on ({cut.lost_bytes} bytes, {cut.later_segments} later segments)."
            " Nothing was changed. Put the files back from a copy and restart the broker; or stop"
            f" it, see by `pykbroker repair --data-dir {data_dir} {partition}` all that would be"
            " lost, give it up by the same command with --accept-loss, and start it",
            path,
        )
        self.cut = cut
        self.reason = reason


def judge(file: File, cut: Cut, recovery_point: int) -> tuple[Finding, str]:
    """Tell what it means that the batches of `file` end at `cut`, and why.

    `recovery_point`: everything below it had been synced.
    """
    if cut.next_offset < recovery_point:
        return Finding.DAMAGE, f"records up to offset {recovery_point} had been synced"
    if not cut.batches_follow:
        return Finding.TORN_TAIL, "no batch follows"
    if cut.overlaps:
        return Finding.DAMAGE, f"offset {cut.next_offset - 1} is in it and in the next segment too"
    if cut.resumes_at is None and _ends_early(file, cut.position):
        return Finding.HOLE, "the file ends early, later ones do not"
    if _has_lost_sectors(file, cut):
        return Finding.HOLE, "zero sectors lie between whole batches"
    where = "in later segments" if cut.resumes_at is None else f"from position {cut.resumes_at} on"
    return Finding.DAMAGE, f"no power cut leaves such bytes with whole batches {where}"


def find_batch(file: File, position: int, offset: int) -> int | None:
    """Find the first valid batch at or after `position`, at or a little above `offset`."""
    needle = bytes([MAGIC])
    while position + BATCH_HEADER_BYTES <= file.size:
        data = bytes(file.pread(_READ_BYTES, position))
        found = data.find(needle, _MAGIC_POSITION)
        while found >= 0:
            at = found - _MAGIC_POSITION
            base_offset, length = _OFFSET_AND_LENGTH.unpack_from(data, at)
            if (
                offset <= base_offset <= offset + _OFFSETS_AHEAD_MAX
                and length >= BATCH_HEADER_BYTES - LOG_OVERHEAD_BYTES
                and _is_valid_batch(file, position + at)
            ):
                return position + at
            found = data.find(needle, found + 1)
        # The next piece overlaps: a batch may begin in the last bytes of this one.
        position += max(len(data) - _MAGIC_POSITION, 1)
    return None


def _is_valid_batch(file: File, position: int) -> bool:
    header = _header_at(file, position)
    if header is None or not is_batch(header) or header.size_bytes > file.size - position:
        return False
    return crc_of(file.pread(header.size_bytes, position)) == header.crc


def _header_at(file: File, position: int) -> BatchHeader | None:
    if file.size - position < BATCH_HEADER_BYTES:
        return None
    return parse_batch_header(file.pread(BATCH_HEADER_BYTES, position))


def _ends_early(file: File, position: int) -> bool:
    """Tell whether the file ends before the batch at `position` does.

    A batch that is there to its end but says another length, which its CRC does not cover, is
    none that ends early.
    """
    header = _header_at(file, position)
    if header is None:
        return True
    if not is_batch(header) or header.size_bytes <= file.size - position:
        return False
    crc, at = 0, position + _CRC_START
    while at < file.size:
        data = file.pread(_READ_BYTES, at)
        crc = crc32c(data, crc)
        at += len(data)
    return crc != header.crc


def _has_lost_sectors(file: File, cut: Cut) -> bool:
    """Tell whether sectors before the next valid batch were never written: zeros that fill them.

    Zeros that are data of their own begin and end anywhere; lost ones do so where sectors do, save
    that the first may begin where the batches end, as an older state of that sector did.
    """
    begin, end = cut.position, file.size if cut.resumes_at is None else cut.resumes_at
    for first, last in _zero_runs(file, begin, end):
        last_sector = last if last == file.size else last - last % SECTOR_BYTES
        if first == begin:
            header = _header_at(file, begin)
            # The expected offset may begin with zeros of its own.
            is_own = header is not None and header.base_offset == cut.next_offset
            first_sector = first if last - first >= _STRAY_ZEROS_MAX or not is_own else last
        else:
            first_sector = first + -first % SECTOR_BYTES
            if first_sector - first >= _STRAY_ZEROS_MAX:
                continue
        if last_sector > first_sector and last - last_sector < _STRAY_ZEROS_MAX:
            return True
    return False


def _zero_runs(file: File, position: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield where runs of zeros begin and end that begin in [position, end)."""
    first: int | None = None
    while position < file.size and (position < end or first is not None):
        data = bytes(file.pread(_READ_BYTES, position))
        if first is not None and data[0]:
            yield first, position
            first = None
        for run in _ZEROS.finditer(data):
            first = position + run.start() if first is None else first
            if run.end() < len(data):
                yield first, position + run.end()
                first = None
        position += len(data)
    if first is not None:
        yield first, position
