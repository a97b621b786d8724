"""Reading the batches of a segment from its start to its end, a bufferful at a time.

Each batch is checked by its CRC: nothing is made of bytes that are not what was written.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator

from crc32c import crc32c

from pykbroker.storage.index import RELATIVE_OFFSET_MAX
from pykbroker.storage.names import LOG_SUFFIX
from pykbroker.storage.segment import DamagedLogError, Segment, is_batch
from pykbroker.wire.records import BATCH_HEADER_BYTES, BatchHeader, parse_batch_header

_CRC_START = 21


def read_batches(
    segment: Segment, buffer_bytes: int
) -> Iterator[list[tuple[BatchHeader, memoryview]]]:
    """Yield lists of batches, each as its header and all of its bytes; none of them is empty.

    About `buffer_bytes` are read at a time, more where a batch is larger. Raises DamagedLogError
    where there is no whole, valid batch, or one whose offsets cannot follow those before it.
    """
    position, wanted = 0, max(buffer_bytes, BATCH_HEADER_BYTES)
    next_offset, offset_max = segment.base_offset, segment.base_offset + RELATIVE_OFFSET_MAX
    while position < segment.size:
        data = memoryview(segment.file.pread(wanted, position))
        batches: list[tuple[BatchHeader, memoryview]] = []
        at, wanted = 0, max(buffer_bytes, BATCH_HEADER_BYTES)
        while at + BATCH_HEADER_BYTES <= len(data):
            header = parse_batch_header(data, at)
            end = at + header.size_bytes
            if (
                not is_batch(header)
                or position + end > segment.size
                or header.base_offset < next_offset
                or header.last_offset > offset_max
            ):
                raise _damaged(segment, position + at)
            if end > len(data):
                wanted = max(wanted, header.size_bytes)
                break
            if crc32c(data[at + _CRC_START : end]) != header.crc:
                raise _damaged(segment, position + at)
            batches.append((header, data[at:end]))
            at, next_offset = end, header.next_offset
        if batches:
            yield batches
        elif len(data) >= wanted or position + len(data) >= segment.size:
            raise _damaged(segment, position)
        position += at


def _damaged(segment: Segment, position: int) -> DamagedLogError:
    return DamagedLogError(
        errno.EIO, f"no valid batch at position {position}", segment.path(LOG_SUFFIX)
    )
