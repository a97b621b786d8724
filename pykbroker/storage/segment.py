"""One segment of a log: a file of batches from a base offset on, and the indexes over it.

As Kafka's LogSegment. Only whole, valid batches lie below `size`; an index entry is made for a
batch when more than `index_interval_bytes` came since the last one. Offsets are absolute,
positions are bytes from the start of the file.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from random import Random

from pykbroker.errors import ProtocolError
from pykbroker.storage.files import Data, File, FileSystem
from pykbroker.storage.index import (
    RELATIVE_OFFSET_MAX,
    CorruptIndexError,
    OffsetIndex,
    RecentBatches,
    TimeIndex,
    TimestampOffset,
)
from pykbroker.storage.log_config import LogConfig
from pykbroker.storage.names import (
    INDEX_SUFFIX,
    LOG_SUFFIX,
    SEGMENT_SUFFIXES,
    TIME_INDEX_SUFFIX,
    file_name,
)
from pykbroker.wire.records import (
    BATCH_HEADER_BYTES,
    LOG_OVERHEAD_BYTES,
    MAGIC,
    NO_TIMESTAMP,
    BatchHeader,
    parse_batch_header,
)

_HEADERS_READ_BYTES = 8 << 10


class DamagedLogError(OSError):
    """Bytes that were valid once are not batches any more."""


def is_batch(header: BatchHeader) -> bool:
    """Tell whether a header's own fields could be those of a stored batch."""
    return (
        header.magic == MAGIC
        and header.batch_length >= BATCH_HEADER_BYTES - LOG_OVERHEAD_BYTES
        and header.last_offset_delta >= 0
        and header.base_offset >= 0
    )


class Segment:
    """A run of batches in one file. The last segment of a log is its active one, and grows."""

    __slots__ = (
        "_bytes_since_entry",
        "_directory",
        "_fs",
        "_indexes_stored",
        "_largest",
        "_offset_index",
        "_time_index",
        "base_offset",
        "created_ms",
        "file",
        "first_timestamp_ms",
        "index_bytes_max",
        "index_interval_bytes",
        "recent",
        "roll_jitter_ms",
        "size",
    )

    def __init__(
        self,
        fs: FileSystem,
        directory: str,
        base_offset: int,
        *,
        file: File,
        config: LogConfig,
        now_ms: int,
        random: Random | None = None,
    ) -> None:
        self._fs = fs
        self._directory = directory
        self.base_offset = base_offset
        self.file = file
        self.size = file.size
        self.index_bytes_max = config.segment_index_bytes
        self.index_interval_bytes = config.index_interval_bytes
        self.created_ms = now_ms
        self.roll_jitter_ms = 0
        if random is not None and config.segment_jitter_ms > 0:
            self.roll_jitter_ms = random.randrange(min(config.segment_jitter_ms, config.segment_ms))
        self.first_timestamp_ms: int | None = None
        self._indexes_stored = False
        """Whether the index files say what the indexes in memory do."""
        self._largest: TimestampOffset | None = None
        self._offset_index: OffsetIndex | None = None
        self._time_index: TimeIndex | None = None
        self._bytes_since_entry = 0
        self.recent = RecentBatches(RELATIVE_OFFSET_MAX << 32)
        if not self.size:
            self.reset()

    def path(self, suffix: str) -> str:
        """Return the path of one of the segment's files."""
        return f"{self._directory}/{file_name(self.base_offset, suffix)}"

    # -- growing

    def reset(self) -> None:
        """Forget everything known of the contents; the file stays as it is."""
        self.size = 0
        self.first_timestamp_ms = None
        self._indexes_stored = False
        self._largest = TimestampOffset(NO_TIMESTAMP, self.base_offset)
        self._offset_index = OffsetIndex(self.base_offset, self.index_bytes_max)
        self._time_index = TimeIndex(self.base_offset, self.index_bytes_max)
        self._bytes_since_entry = 0
        self.recent = RecentBatches(self.base_offset)

    def append(self, data: Data, headers: tuple[BatchHeader, ...]) -> None:
        """Write batches at the end with one write. OSError leaves the segment as it was."""
        try:
            self.file.pwrite(data, self.size)
        except OSError as failure:
            try:  # half a batch must not stay behind; if this fails too, recovery cuts it
                self.file.truncate(self.size)
            except OSError as uncut:
                if uncut.errno != failure.errno:  # more is wrong than a full disk
                    raise OSError(
                        errno.EIO, f"not cut back: {uncut}", self.path(LOG_SUFFIX)
                    ) from failure
            raise
        if len(headers) == 1:
            header = headers[0]
            last_offset = header.base_offset + header.last_offset_delta
            self.account(len(data), last_offset, header.max_timestamp)
            return
        for header in headers:
            self.account(header.size_bytes, header.last_offset, header.max_timestamp)

    def account(self, length: int, last_offset: int, max_timestamp_ms: int) -> None:
        """Take the batch of `length` bytes that lies at `size` into the indexes."""
        position = self.size
        largest = self._largest
        if largest is None or max_timestamp_ms > largest[0]:
            self._largest = TimestampOffset(max_timestamp_ms, last_offset)
        if not position:
            self.first_timestamp_ms = max_timestamp_ms
        if self._bytes_since_entry > self.index_interval_bytes:
            self.offset_index.append(last_offset, position)
            self.time_index.append(*self.largest)
            self._bytes_since_entry = 0
        self._bytes_since_entry += length
        self.recent.append(last_offset, position)
        self.size = position + length
        self._indexes_stored = False

    def must_roll(
        self,
        length: int,
        last_offset: int,
        max_timestamp_ms: int,
        *,
        config: LogConfig,
        now_ms: int,
    ) -> bool:
        """Tell whether a batch belongs into a new segment (Kafka's LogSegment.shouldRoll)."""
        if not self.size:
            return last_offset - self.base_offset > RELATIVE_OFFSET_MAX
        first_ms = self.first_timestamp_ms
        if first_ms is None:
            first_ms = self.first_timestamp_ms = next(self.headers())[1].max_timestamp
        waited_ms = max_timestamp_ms - first_ms if first_ms >= 0 else now_ms - self.created_ms
        return (
            self.size + length > config.segment_bytes
            or waited_ms > config.max_segment_ms - self.roll_jitter_ms
            or last_offset - self.base_offset > RELATIVE_OFFSET_MAX
            or self.offset_index.is_full
            or self.time_index.is_full
        )

    # -- indexes

    @property
    def offset_index(self) -> OffsetIndex:
        """The offset index, read from its file when not in memory."""
        if self._offset_index is None:
            self.load_indexes()
        assert self._offset_index is not None
        return self._offset_index

    @property
    def time_index(self) -> TimeIndex:
        """The time index, read from its file when not in memory."""
        if self._time_index is None:
            self.load_indexes()
        assert self._time_index is not None
        return self._time_index

    @property
    def largest(self) -> TimestampOffset:
        """The largest timestamp in the segment, and the last offset of the batch that has it."""
        if self._largest is None:
            self.load_indexes()
        assert self._largest is not None
        return self._largest

    def load_indexes(self) -> None:
        """Read the index files; rebuild the indexes where the files do not fit the log."""
        try:
            offset_index = OffsetIndex.from_bytes(
                self._fs.read_bytes(self.path(INDEX_SUFFIX)),
                base_offset=self.base_offset,
                bytes_max=self.index_bytes_max,
                log_bytes=self.size,
            )
            time_index = TimeIndex.from_bytes(
                self._fs.read_bytes(self.path(TIME_INDEX_SUFFIX)),
                base_offset=self.base_offset,
                bytes_max=self.index_bytes_max,
            )
            self._check_last_entries(offset_index, time_index)
        except (FileNotFoundError, CorruptIndexError, DamagedLogError):
            self.rebuild_indexes()
            return
        self._offset_index, self._time_index = offset_index, time_index
        self._largest = time_index.last
        self._indexes_stored = True

    def _check_last_entries(self, offset_index: OffsetIndex, time_index: TimeIndex) -> None:
        if not self.size:
            return
        if not len(time_index):
            raise CorruptIndexError("it has no entry of the largest timestamp")
        if len(offset_index):
            _, header = next(self.headers(offset_index.last_position))
            if header.last_offset != offset_index.last_offset:
                raise CorruptIndexError("its last entry is not where that batch is")
        newest = time_index.last
        for _, header in self.headers(offset_index.position_before(newest.offset)):
            if header.last_offset >= newest.offset:
                if header.max_timestamp == newest.timestamp_ms:
                    return
                break
        raise CorruptIndexError("its last entry is not of that batch")

    def rebuild_indexes(self) -> None:
        """Make the indexes again from the headers of the batches."""
        end = self.size
        headers = [
            (one.size_bytes, one.last_offset, one.max_timestamp) for _, one in self.headers()
        ]
        self.reset()
        for size_bytes, last_offset, max_timestamp in headers:
            self.account(size_bytes, last_offset, max_timestamp)
        assert self.size == end

    def unload_indexes(self) -> None:
        """Give up the memory of the indexes, if their files can bring them back."""
        if self._indexes_stored:
            self._offset_index = self._time_index = None
            self.recent = RecentBatches(RELATIVE_OFFSET_MAX << 32)

    def store_indexes(self) -> list[File]:
        """Write the index files, if they are not up to date, and return them, not yet synced.

        As Kafka does for a segment that rolls or closes, the largest timestamp becomes the last
        entry of the time index. An empty segment has empty ones, which need no sync: Kafka reports
        an error of a log without them.
        """
        if self._indexes_stored or self._offset_index is None:
            return []
        if self.size:
            self.time_index.append(*self.largest)
        files = []
        for suffix, data in (
            (INDEX_SUFFIX, self.offset_index.to_bytes()),
            (TIME_INDEX_SUFFIX, self.time_index.to_bytes()),
        ):
            file = self._fs.create(self.path(suffix))
            file.pwrite(data, 0)
            file.close()
            files.append(file)
        self._indexes_stored = True
        return files if self.size else []

    def load_end(self) -> int:
        """Return the next offset, as the newest batches say; DamagedLogError after half a one."""
        if not self.size:
            return self.base_offset
        next_offset = self.base_offset
        recent = RecentBatches(self.base_offset)
        for position, header in self.headers(self.offset_index.last_position):
            if not recent.positions and position:
                recent.floor_offset = header.base_offset
            recent.append(header.last_offset, position)
            next_offset = header.next_offset
            if header.max_timestamp > self.largest.timestamp_ms:
                self._largest = TimestampOffset(header.max_timestamp, header.last_offset)
        self.recent = recent
        return next_offset

    # -- looking

    def headers(self, position: int = 0) -> Iterator[tuple[int, BatchHeader]]:
        """Yield position and header of every batch from the one at `position` to the end.

        Raises DamagedLogError where there is no batch.
        """
        start, data = 0, memoryview(b"")
        while position < self.size:
            if position - start + BATCH_HEADER_BYTES > len(data):
                start = position
                data = memoryview(self.file.pread(_HEADERS_READ_BYTES, position))
            try:
                header = parse_batch_header(data, position - start)
            except ProtocolError:
                raise self._damaged(position) from None
            is_here = 0 <= header.last_offset - self.base_offset <= RELATIVE_OFFSET_MAX
            if not (is_here and is_batch(header) and position + header.size_bytes <= self.size):
                raise self._damaged(position)
            yield position, header
            position += header.size_bytes

    def _damaged(self, position: int) -> DamagedLogError:
        return DamagedLogError(errno.EIO, f"no batch at position {position}", self.path(LOG_SUFFIX))

    def locate(self, offset: int) -> tuple[int, BatchHeader] | None:
        """Return position and header of the first batch that ends at or after `offset`."""
        try:
            return self._locate(offset)
        except DamagedLogError:
            # An index entry may lie; if it is the log that is damaged, this finds the same.
            self.rebuild_indexes()
            return self._locate(offset)

    def _locate(self, offset: int) -> tuple[int, BatchHeader] | None:
        start = self.offset_index.position_before(offset)
        for position, header in self.headers(start):
            if header.last_offset > offset and position == start > 0:
                raise self._damaged(start)  # an entry lies: its batch ends elsewhere
            if header.last_offset >= offset:
                return position, header
        return None

    # -- shrinking

    def truncate(self, offset: int) -> int:
        """Cut the batch that holds `offset` and all after it; return the next offset then.

        `[0,9][10,30]` truncated at 10 or at 15 → `[0,9]`, next offset 10: half a batch cannot be
        kept, and whoever replicates on gets it whole again.
        """
        located = self.locate(offset)
        if located is None:
            return offset
        position, header = located
        offset = min(offset, header.base_offset)
        self.file.truncate(position)
        # At once durable: otherwise a crash brings back what was cut, behind what comes next.
        self.file.sync()
        self.size = position
        for suffix in (INDEX_SUFFIX, TIME_INDEX_SUFFIX):
            if self._fs.exists(self.path(suffix)):
                self._fs.remove(self.path(suffix))
        self._indexes_stored = False
        if not position:
            self.reset()
            return offset
        self.offset_index.truncate(offset)
        self.time_index.truncate(offset)
        self.recent.truncate(offset)
        self._bytes_since_entry = 0
        self._largest = largest = self.time_index.last
        # The entry's own batch lies at or after the indexed position: equal is no news.
        for _, kept in self.headers(self.offset_index.position_before(largest.offset)):
            if kept.max_timestamp > self._largest.timestamp_ms:
                self._largest = TimestampOffset(kept.max_timestamp, kept.last_offset)
        return offset

    def close(self) -> None:
        """Give up the descriptor."""
        self.file.close()

    def remove(self) -> None:
        """Remove the segment's files; slices of it stay readable."""
        self.file.close()
        for suffix in SEGMENT_SUFFIXES:
            if self._fs.exists(self.path(suffix)):
                self._fs.remove(self.path(suffix))
