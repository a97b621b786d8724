"""Sparse indexes of one segment: offset to position, timestamp to offset; and the newest batches.

In memory an index is arrays searched by bisection; its file is Kafka's (OffsetIndex, TimeIndex),
written when a segment is done with. Files are caches: one that does not fit its log is rebuilt.
"""

from __future__ import annotations

import sys
from array import array
from bisect import bisect_left, bisect_right
from operator import ge
from typing import NamedTuple

from pykbroker.wire.records import NO_TIMESTAMP

OFFSET_ENTRY_BYTES = 8
TIME_ENTRY_BYTES = 12
RECENT_BATCHES_MAX = 4096
RELATIVE_OFFSET_MAX = 0x7FFF_FFFF

_SWAPPED = sys.byteorder == "little"


class CorruptIndexError(Exception):
    """An index file cannot belong to its log, and wants to be rebuilt."""


class TimestampOffset(NamedTuple):
    """A timestamp in ms and the offset that has it; -1 and the base offset where there is none."""

    timestamp_ms: int
    offset: int


def _ascends(values: array[int]) -> bool:
    return not any(map(ge, values, values[1:]))


class OffsetIndex:
    """Maps the last offset of some batches to where the batch begins.

    Entries are relative to the base offset, 4 bytes offset and 4 bytes position each; both ascend.
    """

    __slots__ = ("base_offset", "entries_max", "offsets", "positions")

    def __init__(self, base_offset: int, bytes_max: int) -> None:
        self.base_offset = base_offset
        self.entries_max = bytes_max // OFFSET_ENTRY_BYTES
        self.offsets = array("i")
        self.positions = array("i")

    def __len__(self) -> int:
        return len(self.offsets)

    @property
    def is_full(self) -> bool:
        """Whether the segment must roll before another entry."""
        return len(self.offsets) >= self.entries_max

    @property
    def last_offset(self) -> int:
        """The offset of the last entry, absolute; the base offset when there is none."""
        return self.base_offset + (self.offsets[-1] if self.offsets else 0)

    @property
    def last_position(self) -> int:
        """The position of the last entry; 0 when there is none."""
        return self.positions[-1] if self.positions else 0

    def append(self, last_offset: int, position: int) -> None:
        """Add an entry for the batch at `position` that ends with `last_offset`."""
        self.offsets.append(last_offset - self.base_offset)
        self.positions.append(position)

    def position_before(self, offset: int) -> int:
        """Return a batch's position from which a scan finds the first batch not below `offset`."""
        slot = bisect_right(self.offsets, _relative(offset, self.base_offset)) - 1
        return self.positions[slot] if slot >= 0 else 0

    def boundary_before(self, position: int) -> int:
        """Return the largest known start of a batch at or before `position`; 0 at worst."""
        slot = bisect_right(self.positions, position) - 1
        return self.positions[slot] if slot >= 0 else 0

    def truncate(self, offset: int) -> None:
        """Drop entries of offsets not below `offset`."""
        keep = bisect_left(self.offsets, _relative(offset, self.base_offset))
        del self.offsets[keep:], self.positions[keep:]

    def to_bytes(self) -> bytes:
        """Return the file's contents."""
        entries = array("i", bytes(len(self.offsets) * OFFSET_ENTRY_BYTES))
        entries[0::2], entries[1::2] = self.offsets, self.positions
        return _big_endian(entries).tobytes()

    @classmethod
    def from_bytes(
        cls, data: bytes, *, base_offset: int, bytes_max: int, log_bytes: int
    ) -> OffsetIndex:
        """Read a file that belongs to `log_bytes` of log.

        Raises CorruptIndexError when it cannot: also for the zeros that Kafka preallocates.
        """
        if len(data) % OFFSET_ENTRY_BYTES:
            raise CorruptIndexError(f"{len(data)} bytes are not whole entries")
        entries = array("i")
        entries.frombytes(data)
        entries = _big_endian(entries)
        index = cls(base_offset, bytes_max)
        index.offsets, index.positions = entries[0::2], entries[1::2]
        if not (_ascends(index.offsets) and _ascends(index.positions)):
            raise CorruptIndexError("its entries do not ascend")
        if entries and (entries[0] < 0 or entries[1] <= 0 or index.positions[-1] >= log_bytes):
            raise CorruptIndexError("its entries lie outside the log")
        return index


class TimeIndex:
    """Maps the largest timestamp so far to the last offset of the batch that brought it.

    An entry (T, o) says: no record up to o is newer than T. 8 bytes timestamp and 4 bytes relative
    offset each; timestamps ascend.
    """

    __slots__ = ("base_offset", "entries_max", "offsets", "timestamps")

    def __init__(self, base_offset: int, bytes_max: int) -> None:
        self.base_offset = base_offset
        self.entries_max = bytes_max // TIME_ENTRY_BYTES
        self.timestamps = array("q")
        self.offsets = array("i")

    def __len__(self) -> int:
        return len(self.timestamps)

    @property
    def is_full(self) -> bool:
        """Whether the segment must roll: the last slot is kept for the entry it then gets."""
        return len(self.timestamps) >= self.entries_max - 1

    @property
    def last(self) -> TimestampOffset:
        """The last entry; (-1, base offset) when there is none."""
        if not self.timestamps:
            return TimestampOffset(NO_TIMESTAMP, self.base_offset)
        return TimestampOffset(self.timestamps[-1], self.base_offset + self.offsets[-1])

    def append(self, timestamp_ms: int, offset: int) -> None:
        """Add an entry, unless the timestamp is no larger than the last."""
        if timestamp_ms > (self.timestamps[-1] if self.timestamps else NO_TIMESTAMP):
            self.timestamps.append(timestamp_ms)
            self.offsets.append(offset - self.base_offset)

    def offset_before(self, timestamp_ms: int) -> int:
        """Return an offset from which a scan finds the first batch of at least this time."""
        slot = bisect_right(self.timestamps, timestamp_ms) - 1
        return self.base_offset + (self.offsets[slot] if slot >= 0 else 0)

    def truncate(self, offset: int) -> None:
        """Drop entries of offsets not below `offset`."""
        keep = bisect_left(self.offsets, _relative(offset, self.base_offset))
        del self.timestamps[keep:], self.offsets[keep:]

    def to_bytes(self) -> bytes:
        """Return the file's contents."""
        timestamps = memoryview(_big_endian(self.timestamps).tobytes())
        offsets = memoryview(_big_endian(self.offsets).tobytes())
        return b"".join(
            part
            for slot in range(len(self.offsets))
            for part in (timestamps[8 * slot : 8 * slot + 8], offsets[4 * slot : 4 * slot + 4])
        )

    @classmethod
    def from_bytes(cls, data: bytes, *, base_offset: int, bytes_max: int) -> TimeIndex:
        """Read a file. Raises CorruptIndexError when it cannot be one."""
        if len(data) % TIME_ENTRY_BYTES:
            raise CorruptIndexError(f"{len(data)} bytes are not whole entries")
        index = cls(base_offset, bytes_max)
        words = array("i")
        words.frombytes(data)
        halves = array("i", bytes(len(data) // TIME_ENTRY_BYTES * 8))
        # Still big-endian words: the two halves of a timestamp keep their order.
        halves[0::2], halves[1::2] = words[0::3], words[1::3]
        index.timestamps.frombytes(halves.tobytes())
        index.timestamps = _big_endian(index.timestamps)
        index.offsets = _big_endian(words[2::3])
        # Offsets may repeat nowhere either: each entry's batch is a later one.
        if not (_ascends(index.timestamps) and _ascends(index.offsets)):
            raise CorruptIndexError("its entries do not ascend")
        if index.offsets and index.offsets[0] < 0:
            raise CorruptIndexError("its offsets lie before the segment")
        return index


class RecentBatches:
    """Last offset and position of each of the newest batches: reads near the end are exact."""

    __slots__ = ("floor_offset", "last_offsets", "positions")

    def __init__(self, floor_offset: int) -> None:
        self.floor_offset = floor_offset
        """Offsets from here on are known; those below may lie in batches before."""
        self.last_offsets = array("q")
        self.positions = array("q")

    def append(self, last_offset: int, position: int) -> None:
        """Add the batch at `position` that ends with `last_offset`."""
        self.last_offsets.append(last_offset)
        self.positions.append(position)
        if len(self.positions) >= RECENT_BATCHES_MAX:
            half = RECENT_BATCHES_MAX // 2
            self.floor_offset = self.last_offsets[half - 1] + 1
            del self.last_offsets[:half], self.positions[:half]

    def truncate(self, offset: int) -> None:
        """Drop batches that end at or after `offset`."""
        keep = bisect_left(self.last_offsets, offset)
        del self.last_offsets[keep:], self.positions[keep:]
        self.floor_offset = min(self.floor_offset, max(offset, 0))


def _relative(offset: int, base_offset: int) -> int:
    return min(offset - base_offset, RELATIVE_OFFSET_MAX + 1)


def _big_endian(values: array[int]) -> array[int]:
    """Return the values with their bytes turned round, where the machine has the other order."""
    if _SWAPPED:
        values = values[:]
        values.byteswap()
    return values
