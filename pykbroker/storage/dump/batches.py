"""What the file of one segment holds, batch by batch and damage by damage: for tools that look.

Reads only, a piece at a time, and believes nothing: whatever the bytes are, walking over them ends
with values, and no byte of the file is passed over in silence.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

from crc32c import crc32c

from pykbroker.errors import ProtocolError
from pykbroker.storage.index import RELATIVE_OFFSET_MAX
from pykbroker.wire.records import (
    BATCH_HEADER_BYTES,
    LOG_OVERHEAD_BYTES,
    MAGIC,
    BatchHeader,
    Record,
    iterate_records,
    parse_batch_header,
)

READ_BYTES = 4 << 20
RECORDS_BYTES_MAX = 256 << 20
"""Records of a batch that is larger, compressed or not, are not looked at."""

_CRC_START = 21
_MAGIC_POSITION = 16
_CANDIDATE_BYTES_MAX = 1 << 30
_OFFSET_MAX = (1 << 63) - 1


class Readable(Protocol):
    """What is asked of a file: its size when it was opened, and bytes by position."""

    @property
    def size(self) -> int: ...

    def pread(self, length: int, position: int) -> bytes | memoryview:
        """Return up to `length` bytes from `position`; fewer only at the end of the file."""
        ...


class Batch(NamedTuple):
    """A batch, and what is wrong with it although the batch after it is found where it ends."""

    position: int
    header: BatchHeader
    fault: str | None


class Damage(NamedTuple):
    """Bytes that are no batch."""

    position: int
    length: int
    what: str
    """The first thing that is wrong with them: a sentence without its end."""
    batches_follow: bool
    """Whether there is a valid batch behind them: damage inside the log, otherwise its tail."""


class _Range(NamedTuple):
    """The offsets that a segment can hold, both inclusive."""

    first: int
    last: int


def walk(file: Readable, base_offset: int | None) -> Iterator[Batch | Damage]:
    """Yield all that the file of a segment holds, in the order of positions, without gaps.

    A batch with a wrong CRC is one as long as a valid batch begins where it ends, otherwise it is
    part of the damage. `base_offset` None is a file whose name does not tell it. Bytes that are
    appended meanwhile are not seen. Raises OSError when the file cannot be read.
    """
    allowed = _Range(0, _OFFSET_MAX)
    if base_offset is not None:
        allowed = _Range(base_offset, base_offset + RELATIVE_OFFSET_MAX)
    end, position, next_offset = file.size, 0, base_offset
    data, start = memoryview(b""), 0
    while position < end:
        at = position - start
        if at + BATCH_HEADER_BYTES > len(data):
            data, start, at = _read(file, position, end), position, 0
            if not data:
                return  # the file has become shorter meanwhile
        what, header = _judge_header(data, at, end - position, allowed)
        if header is None:
            found = find_batch(file, position + 1, end, allowed)
            yield _damage(file, position, found, end, what)
            position = end if found is None else found
            continue
        size = header.batch_length + LOG_OVERHEAD_BYTES
        if at + size > len(data) and size <= READ_BYTES:
            data, start, at = _read(file, position, end), position, 0
        if at + size <= len(data):
            crc = crc32c(data[at + _CRC_START : at + size])
        else:
            crc = _crc_in_pieces(file, position, size)
        fault = None
        if crc != header.crc:
            fault = f"its CRC is {crc}, its header says {header.crc}"
            if not _begins_batch(file, position + size, end, allowed):
                found = find_batch(file, position + 1, end, allowed)
                yield _damage(file, position, found, end, _of_batch(header, fault))
                position = end if found is None else found
                continue
        elif next_offset is not None and header.base_offset < next_offset:
            fault = f"its offsets go back: offset {next_offset} was to follow"
        yield Batch(position, header, fault)
        next_offset = header.base_offset + header.last_offset_delta + 1
        position += size


def records_of(file: Readable, batch: Batch) -> Iterator[Record]:
    """Yield the records of a batch that `walk` found, decompressed.

    Raises ProtocolError, also in the middle, when they are malformed or more than
    `RECORDS_BYTES_MAX`.
    """
    size = batch.header.size_bytes
    if size > RECORDS_BYTES_MAX:
        raise ProtocolError(f"a batch of {size} bytes is too large to look into")
    return iterate_records(file.pread(size, batch.position), RECORDS_BYTES_MAX)


def find_batch(file: Readable, position: int, end: int, allowed: _Range) -> int | None:
    """Find where the next valid batch begins, from `position` on; None when none does."""
    needle = bytes([MAGIC])
    while position + BATCH_HEADER_BYTES <= end:
        view = _read(file, position, end)
        data = bytes(view)
        magic = data.find(needle, _MAGIC_POSITION)
        while magic >= 0:
            at = magic - _MAGIC_POSITION
            _, header = _judge_header(view, at, end - position - at, allowed)
            if header is not None and _crc_is_right(file, position + at, header):
                return position + at
            magic = data.find(needle, magic + 1)
        # Pieces overlap: a batch may begin in the last bytes of this one.
        position += max(len(data) - BATCH_HEADER_BYTES + 1, 1)
    return None


def _judge_header(
    data: memoryview, at: int, left: int, allowed: _Range
) -> tuple[str, BatchHeader | None]:
    """Return the header of the batch at `at`, or what is wrong with it; `left` is to the end."""
    if len(data) - at < BATCH_HEADER_BYTES:
        return f"the header of a batch is cut off after {left} of {BATCH_HEADER_BYTES} bytes", None
    header = parse_batch_header(data, at)
    size = header.batch_length + LOG_OVERHEAD_BYTES
    if (
        header.magic == MAGIC
        and BATCH_HEADER_BYTES <= size <= left
        and header.last_offset_delta >= 0
        and allowed.first <= header.base_offset
        and header.base_offset + header.last_offset_delta <= allowed.last
    ):
        return "", header
    return _what_is_wrong(header, size, left, allowed), None


def _what_is_wrong(header: BatchHeader, size: int, left: int, allowed: _Range) -> str:
    if header.magic in (0, 1):
        return f"no batch begins here, or a message of the old format {header.magic}"
    if header.magic != MAGIC:
        return f"no batch begins here: its magic would be {header.magic}"
    if size < BATCH_HEADER_BYTES:
        return f"a batch says that it has {size} bytes"
    if header.last_offset_delta < 0:
        return f"a batch says that it ends {-header.last_offset_delta} offsets before it begins"
    if not allowed.first <= header.base_offset <= allowed.last - header.last_offset_delta:
        return f"a batch says that it begins at offset {header.base_offset}, outside the segment"
    return _of_batch(header, f"it is cut off after {left} of {size} bytes")


def _of_batch(header: BatchHeader, what: str) -> str:
    return f"a batch of offsets {header.base_offset} to {header.last_offset}: {what}"


def _damage(file: Readable, position: int, found: int | None, end: int, what: str) -> Damage:
    stop = end if found is None else found
    if _is_zero(file, position, stop):
        what = "zeros: room taken in advance, or bytes that never reached the disk"
    return Damage(position, stop - position, what, found is not None)


def _is_zero(file: Readable, position: int, stop: int) -> bool:
    while position < stop:
        data = bytes(_read(file, position, stop))
        if not data or data.strip(b"\0"):
            return False
        position += len(data)
    return True


def _begins_batch(file: Readable, position: int, end: int, allowed: _Range) -> bool:
    data = memoryview(file.pread(BATCH_HEADER_BYTES, position))
    _, header = _judge_header(data, 0, end - position, allowed)
    return header is not None and _crc_is_right(file, position, header)


def _crc_is_right(file: Readable, position: int, header: BatchHeader) -> bool:
    size = header.size_bytes
    return size <= _CANDIDATE_BYTES_MAX and _crc_in_pieces(file, position, size) == header.crc


def _crc_in_pieces(file: Readable, position: int, size: int) -> int:
    """Compute the CRC of a batch without having all of it in memory."""
    crc, stop = 0, position + size
    position += _CRC_START
    while position < stop:
        data = _read(file, position, stop)
        if not data:
            break  # the file has become shorter: the CRC will not be right
        crc = crc32c(data, crc)
        position += len(data)
    return crc


def _read(file: Readable, position: int, end: int) -> memoryview:
    return memoryview(file.pread(min(READ_BYTES, end - position), position))
