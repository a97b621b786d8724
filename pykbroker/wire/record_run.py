"""Runs of records of one shape: each byte of the shape lies at a fixed stride.

One slice per byte of the shape, compared at the speed of C, judges thousands of records.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from pykbroker.errors import ProtocolError
from pykbroker.wire.records import encode_varint, read_varint, read_varlong

RUN_RECORDS_MIN: Final = 16
"""Shorter runs are read faster one by one."""
_LOW: Final = bytes(range(0x80))
_HIGH: Final = bytes(range(0x80, 0x100))
_EVEN: Final = bytes(range(0, 0x100, 2))
_LONG_COLUMN: Final = 1024
"""From here on asking for each possible byte is faster than looking at each byte."""
_STEP_FIRST: Final = 256
_STEP_GROWTH: Final = 8
_HEADERS_MAX: Final = 16
_TIMESTAMP_BYTES_MAX: Final = 9

# The bytes of offset deltas, that is of 0, 2, 4, … as varints: with more bytes to come and as last.
_ONLY_BYTES: Final = bytes(range(0, 0x80, 2))
_FIRST_BYTES: Final = bytes(range(0x80, 0x100, 2))
_SECOND_BYTES: Final = b"".join(bytes((byte,)) * 64 for byte in range(0x80, 0x100))
_SECOND_LAST_BYTES: Final = b"".join(bytes((byte,)) * 64 for byte in range(0x80))
_WIDTH_ENDS: Final = {1: 1 << 6, 2: 1 << 13, 3: 1 << 20}
"""The first offset delta that needs more bytes than this."""


class _Shape(NamedTuple):
    """Where the bytes of one record lie, relative to its start."""

    size: int
    timestamp_at: int
    offset_at: int
    offset_end: int
    fixed: tuple[tuple[int, bytes], ...]
    """Position and value of the bytes that records of one shape share: of lengths and counts."""
    has_key: bool


class Run(NamedTuple):
    """Records of one shape that follow each other: how many, what of them decides, their end."""

    length: int
    min_delta: int
    max_delta: int
    has_key: bool
    end: int
    """The position behind the last record."""


def find_run(data: bytes, position: int, *, index: int, count: int) -> Run | None:
    """Find how many of the `count` records from `position` on have the shape of the first.

    `index` is the number of that first record in its batch: offset deltas must rise from it by one.
    None when the first record is malformed, too odd to be one of a run, or the next one is of
    another size.
    """
    try:
        shape = _shape_of(data, position, index)
    except (IndexError, ProtocolError):
        return None
    if shape is None:
        return None
    possible = min(
        count,
        (len(data) - position) // shape.size,
        _WIDTH_ENDS[shape.offset_end - shape.offset_at] - index,
    )
    found, step = 0, _STEP_FIRST
    min_delta, max_delta = 1 << 64, -(1 << 64)
    while found < possible:
        # In growing steps: what follows a short run must not be looked at again and again.
        asked = min(step, possible - found)
        start = position + found * shape.size
        equal = _count_of_shape(data, start, shape, asked)
        equal, columns = _count_timestamps(data, start, shape, equal)
        equal = _count_in_order(data, start, shape, index=index + found, count=equal)
        if equal:
            least, largest = _extremes([column[:equal] for column in columns])
            min_delta, max_delta = min(min_delta, least), max(max_delta, largest)
            found += equal
        if equal < asked:
            break
        step *= _STEP_GROWTH
    return Run(found, min_delta, max_delta, shape.has_key, position + found * shape.size)


def _shape_of(data: bytes, begin: int, index: int) -> _Shape | None:
    length, attributes_at = read_varint(data, begin)
    end = attributes_at + length
    _, offset_at = read_varlong(data, attributes_at + 1)
    offset = encode_varint(index)
    offset_end = offset_at + len(offset)
    if (
        length < 0
        or end > len(data)
        or (end < len(data) and not data.startswith(data[begin:attributes_at], end))
        or len(offset) > len(_WIDTH_ENDS)
        or offset_at - attributes_at - 1 > _TIMESTAMP_BYTES_MAX
        or not data.startswith(offset, offset_at)
    ):
        return None
    fixed = [*range(begin, attributes_at)]
    key_length, after = read_varint(data, offset_end)
    fixed += range(offset_end, after)
    position = _skip_fields(data, after + max(key_length, 0), 1, fixed)
    headers_count, after = read_varint(data, position)
    fixed += range(position, after)
    if not 0 <= headers_count <= _HEADERS_MAX:
        return None
    for _ in range(headers_count):
        name_length, _ = read_varint(data, after)
        if name_length < 0:
            return None
        after = _skip_fields(data, after, 2, fixed)
    if after != end:
        return None
    return _Shape(
        size=end - begin,
        timestamp_at=attributes_at + 1 - begin,
        offset_at=offset_at - begin,
        offset_end=offset_end - begin,
        fixed=tuple([(at - begin, data[at : at + 1]) for at in fixed]),
        has_key=key_length >= 0,
    )


def _skip_fields(data: bytes, position: int, count: int, lengths: list[int]) -> int:
    """Skip fields of bytes, noting where their lengths are; give the position after."""
    for _ in range(count):
        length, after = read_varint(data, position)
        lengths += range(position, after)
        position = after + max(length, 0)
    return position


def _count_of_shape(data: bytes, position: int, shape: _Shape, count: int) -> int:
    """Count the leading ones of `count` records that share all bytes of the shape."""
    size = shape.size
    for at, byte in shape.fixed:
        column = data[position + at : position + count * size : size]
        if column != byte * count:
            count = len(column) - len(column.lstrip(byte))
    return count


def _count_timestamps(
    data: bytes, position: int, shape: _Shape, count: int
) -> tuple[int, list[bytes]]:
    """Count the leading records whose timestamp delta is as wide as the shape's; give its columns.

    The columns may be longer than the count.
    """
    columns: list[bytes] = []
    last = shape.offset_at - 1
    for at in range(shape.timestamp_at, shape.offset_at):
        column = data[position + at : position + count * shape.size : shape.size]
        if at < last or not column.isascii():
            allowed = _HIGH if at < last else _LOW
            if column.translate(None, allowed):
                count -= len(column.lstrip(allowed))
        columns.append(column)
    return count, columns


def _count_in_order(data: bytes, position: int, shape: _Shape, *, index: int, count: int) -> int:
    """Count the leading records whose offset deltas rise by one from `index`."""
    width = shape.offset_end - shape.offset_at
    for at in range(width):
        start = position + shape.offset_at + at
        column = data[start : position + count * shape.size : shape.size]
        expected = _offset_column(at, width, index, count)
        if column != expected:
            count = next(n for n, byte in enumerate(column) if byte != expected[n])
    return count


def _offset_column(at: int, width: int, index: int, count: int) -> bytes:
    """The bytes number `at` of the encodings, `width` bytes long, of `index` and those after it."""
    if at == 0 and width == 1:
        return _ONLY_BYTES[index : index + count]
    if at == 0:
        period, start = _FIRST_BYTES, index & 0x3F
    elif at == 1:
        period, start = _SECOND_LAST_BYTES if width == 2 else _SECOND_BYTES, index & 0x1FFF
    else:
        thirds = range(index >> 13, (index + count - 1 >> 13) + 1)
        period, start = b"".join(bytes((byte,)) * 0x2000 for byte in thirds), index & 0x1FFF
    return (period * ((start + count) // len(period) + 1))[start : start + count]


def _extremes(columns: list[bytes]) -> tuple[int, int]:
    """The least and the largest of varlongs of one width, given by column, low bits first."""
    if len(columns) == 1 and columns[0] == columns[0][:1] * len(columns[0]):
        delta = (columns[0][0] >> 1) ^ -(columns[0][0] & 1)
        return delta, delta
    if len(columns) > 1 and not columns[0].translate(None, _EVEN):
        least, largest = _lexicographic(columns, min), _lexicographic(columns, max)
        if least is not None and largest is not None:
            return least >> 1, largest >> 1
    if len(columns) == 1:
        encoded: Iterable[int] = _distinct(columns[0])
    else:
        encoded = (
            sum((byte & 0x7F) << 7 * at for at, byte in enumerate(varlong))
            for varlong in set(zip(*columns, strict=True))
        )
    deltas = [(raw >> 1) ^ -(raw & 1) for raw in encoded]
    return min(deltas), max(deltas)


def _lexicographic(columns: list[bytes], pick: Callable[[Iterable[int]], int]) -> int | None:
    """The least or largest number, as long as equal high bits lie together; otherwise None.

    So they do where timestamps rise.
    """
    high = columns[-1]
    best = pick(_distinct(high))
    if len(columns) == 1:
        return best & 0x7F
    first, after = high.find(best), high.rfind(best) + 1
    if high.count(best) != after - first:
        return None
    low = _lexicographic([column[first:after] for column in columns[:-1]], pick)
    return None if low is None else (best & 0x7F) << 7 * (len(columns) - 1) | low


def _distinct(column: bytes) -> Iterable[int]:
    if len(column) < _LONG_COLUMN:
        return set(column)
    return [byte for byte in range(0x100) if byte in column]
