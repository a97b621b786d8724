"""What a crash left in the segment files, looked at before the broker does and by other code.

The recovery rule depends on what is counted here: whether zero pages with valid batches after them
are something that a file system leaves behind.
"""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from itertools import pairwise
from pathlib import Path

from crc32c import crc32c

_HEADER_BYTES = 61
_PREFIX_BYTES = 12
_CRC_POSITION = 17
_CRC_START = 21
_PAGE = 4096


class Shape(StrEnum):
    """The end of a segment file; `WHOLE` and one of the others may not be of the same file."""

    WHOLE = "whole"
    TORN_TAIL = "torn tail"
    """Bytes of a batch of which some are missing, nothing valid after them."""
    ZERO_TAIL = "zero tail"
    """Nothing but zeros."""
    ZERO_PAGES = "zero pages before valid batches"
    UNREADABLE = "unreadable bytes, no zero page, before valid batches"
    EMPTY = "empty"
    SHORT = "ends before the next segment begins"
    """Whole in itself; the next segment begins above its end."""


def shapes_in(data: Path) -> Counter[Shape]:
    """Count the shapes of all segment files of a data directory."""
    shapes: Counter[Shape] = Counter()
    for directory in sorted({path.parent for path in data.glob("*-[0-9]*/*.log")}):
        files = sorted(directory.glob("*.log"))
        ends = [_look(file, shapes) for file in files]
        for (_, end), (after, _) in pairwise(zip(files, ends, strict=True)):
            shapes[Shape.SHORT] += end < int(after.stem)
    return +shapes


def _look(file: Path, shapes: Counter[Shape]) -> int:
    """Count the shape of one file; return the offset after its whole batches."""
    data = file.read_bytes()
    position, next_offset = 0, int(file.stem)
    while (size := valid_batch(data, position, next_offset)) is not None:
        next_offset = _last_offset(data, position) + 1
        position += size
    shapes[_shape(data, position, next_offset)] += 1
    return next_offset


def _shape(data: bytes, position: int, next_offset: int) -> Shape:
    if not data:
        return Shape.EMPTY
    if position == len(data):
        return Shape.WHOLE
    follows = next_batch(data, position + 1, next_offset)
    if follows is not None:
        zero = has_zero_page(data[:follows], position)
        return Shape.ZERO_PAGES if zero else Shape.UNREADABLE
    return Shape.TORN_TAIL if data[position:].strip(b"\0") else Shape.ZERO_TAIL


def valid_batch(data: bytes, position: int, next_offset: int) -> int | None:
    """Return the size of a valid batch that begins at a position; None when none does."""
    if position + _HEADER_BYTES > len(data) or data[position + 16] != 2:
        return None
    base_offset = int.from_bytes(data[position : position + 8], "big", signed=True)
    length = int.from_bytes(data[position + 8 : position + 12], "big", signed=True)
    end = position + _PREFIX_BYTES + length
    if length < _HEADER_BYTES - _PREFIX_BYTES or end > len(data) or base_offset < next_offset:
        return None
    crc = int.from_bytes(data[position + _CRC_POSITION : position + _CRC_START], "big")
    return end - position if crc32c(data[position + _CRC_START : end]) == crc else None


def next_batch(data: bytes, position: int, next_offset: int) -> int | None:
    """Return where the first valid batch from a position on begins; None without one."""
    found = data.find(b"\x02", position + 16)
    while found >= 0:
        if valid_batch(data, found - 16, next_offset) is not None:
            return found - 16
        found = data.find(b"\x02", found + 1)
    return None


def _last_offset(data: bytes, position: int) -> int:
    delta = int.from_bytes(data[position + 23 : position + 27], "big", signed=True)
    return int.from_bytes(data[position : position + 8], "big", signed=True) + delta


def has_zero_page(data: bytes, position: int) -> bool:
    """Tell whether a whole page from a position on is zero."""
    first = -(-position // _PAGE) * _PAGE
    zeros = bytes(_PAGE)
    return any(data[at : at + _PAGE] == zeros for at in range(first, len(data), _PAGE))
