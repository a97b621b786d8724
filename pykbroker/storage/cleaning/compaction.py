"""Compacting one log: its newest records by key are found, then its segments are written anew.

As Kafka's Cleaner, in two passes over immutable segments. The first marks each dirty record that a
later one supersedes, so that the second copies most batches by their headers; only in the clean
part keys are looked up again. Each cleaned segment keeps its last batch, if only as an empty one:
between the segments of a log no gap arises. Nothing but `.cleaned` files is written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pykbroker.storage.batch_rules import EXPANSION_MAX
from pykbroker.storage.cleaning.batch_reading import read_batches
from pykbroker.storage.cleaning.cleaner import GroupedSegment, group_segments
from pykbroker.storage.cleaning.offset_map import NUMBER_MAX, SLOT_BYTES, OffsetMap
from pykbroker.storage.cleaning.rewrite import (
    SUPERSEDED,
    TOMBSTONE,
    Retention,
    emptied,
    with_horizon,
    without_dropped,
)
from pykbroker.storage.cleaning.staged_segment import StagedSegment
from pykbroker.storage.cleaning.transaction_metadata import (
    TransactionMetadata,
    TransactionSurvey,
    marker_of,
)
from pykbroker.storage.files import FileSystem
from pykbroker.storage.index import OFFSET_ENTRY_BYTES, TIME_ENTRY_BYTES
from pykbroker.storage.log_config import LogConfig
from pykbroker.storage.names import LOG_SUFFIX, TRANSACTION_INDEX_SUFFIX, file_name
from pykbroker.storage.segment import Segment
from pykbroker.wire.record_keys import read_keys
from pykbroker.wire.records import (
    BatchHeader,
    Buffer,
    parse_batch_header,
    uncompressed_records,
)

_LOAD_COMFORTABLE = 0.75
"""Up to here a search in the map is short."""
_HEADERS_PER_STEP = 256
_KEPT = b"\0"


@dataclass(frozen=True, slots=True, kw_only=True)
class CompactionTask:
    """What is to be done, told to whoever does it."""

    directory: str
    base_offsets: tuple[int, ...]
    """Of all segments below `first_uncleanable_offset`, in order."""
    first_dirty_offset: int
    first_uncleanable_offset: int
    now_ms: int
    config: LogConfig
    last_records: Mapping[int, tuple[int, int]]
    """Per active producer id the offset of its last record, -1 for none, and its epoch."""
    memory_bytes: int
    """For keys and marks."""
    load_factor: float
    """How full the memory for keys may get, at most 1."""
    io_buffer_bytes: int
    salt: bytes
    """What makes digests of keys unforeseeable, 1 to 64 bytes."""


@dataclass(frozen=True, slots=True)
class Moved:
    """A step: so many bytes were read or written."""

    bytes: int


@dataclass(frozen=True, slots=True)
class CleanedGroup:
    """A step: the `.cleaned` files of `base_offsets[0]` are to take the place of these segments."""

    base_offsets: tuple[int, ...]
    bytes_before: int
    bytes_after: int


@dataclass(frozen=True, slots=True)
class Cleaned:
    """The last step: everything below `end_offset` was cleaned."""

    end_offset: int
    keyless_records: int
    """How many records without a key were dropped: the topic was not always compacted."""


Step = Moved | CleanedGroup | Cleaned


class Compaction:
    """One run of the cleaner over one log."""

    def __init__(self, fs: FileSystem, task: CompactionTask) -> None:
        self._fs = fs
        self._task = task
        self._retention = Retention(task.now_ms, task.config.delete_retention_ms)
        self._segments = [self._segment(base_offset) for base_offset in task.base_offsets]
        self._survey = TransactionSurvey()
        self._dirty_records = self._largest_batch = 0
        self._map = OffsetMap(1, task.salt)
        self._keys_max = 0
        self._marks = bytearray()
        """One for each record from the first dirty batch on, as far as they are in the map."""
        self._number = 0
        """How many of those records have passed by."""
        self._end_offset = task.first_dirty_offset
        """Where the map ends."""
        self._keyless = 0

    def _segment(self, base_offset: int) -> Segment:
        directory = self._task.directory
        file = self._fs.open(f"{directory}/{file_name(base_offset, LOG_SUFFIX)}")
        return Segment(
            self._fs, directory, base_offset, file=file, config=self._task.config, now_ms=0
        )

    def steps(self) -> Iterator[Step]:
        """Do it, a little with each step. Ends with a `Cleaned`.

        Raises DamagedLogError or ProtocolError where a batch cannot be read, other OSError as the
        disk does; then what was given as `CleanedGroup` is good all the same.
        """
        yield from self._look_through()
        self._make_room()
        yield from self._map_keys()
        if self._end_offset <= self._task.first_dirty_offset:
            yield Cleaned(self._end_offset, 0)
            return
        cleaned = [one for one in self._segments if one.base_offset < self._end_offset]
        transactions = TransactionMetadata(self._survey.aborted)
        self._number = 0
        by_base = {one.base_offset: one for one in cleaned}
        for group in group_segments(
            [_facts_of(one) for one in cleaned],
            self._task.config,
            end_offset=self._task.first_uncleanable_offset,
        ):
            old = [by_base[one.base_offset] for one in group]
            yield from self._clean_group(old, transactions)
        yield Cleaned(self._end_offset, self._keyless)

    # -- before: how much there is, and how transactions ended

    def _look_through(self) -> Iterator[Step]:
        count = 0
        for segment in self._segments:
            for position, header in segment.headers():
                if header.last_offset >= self._task.first_dirty_offset:
                    self._dirty_records += header.records_count
                    self._largest_batch = max(self._largest_batch, header.records_count)
                if header.is_control:
                    batch = segment.file.pread(header.size_bytes, position)
                    self._survey.on_control_batch(header, marker_of(batch))
                else:
                    self._survey.on_batch(header)
                count += 1
                if not count % _HEADERS_PER_STEP:
                    yield Moved(0)

    def _make_room(self) -> None:
        """Allocate memory for the keys there may be, within the limit; any one batch fits."""
        task = self._task
        marks_max = max(task.memory_bytes // 8, self._largest_batch)
        slots = max(
            min(
                int(self._dirty_records / _LOAD_COMFORTABLE) + 1,
                (task.memory_bytes - task.memory_bytes // 8) // SLOT_BYTES,
            ),
            int(self._largest_batch / task.load_factor) + 1,
        )
        self._keys_max = int(slots * task.load_factor)
        self._map = OffsetMap(slots, task.salt)
        self._marks = bytearray(min(self._dirty_records, marks_max, NUMBER_MAX))

    # -- the first pass: which records are superseded

    def _map_keys(self) -> Iterator[Step]:
        """Map the keys of dirty batches, up to the first that may not fit or is undecided."""
        task, undecided = self._task, self._survey.first_undecided_offset
        bound = task.first_uncleanable_offset
        if undecided is not None:
            bound = min(bound, undecided)
        # Those that ended before are not gone through, nor are their markers.
        transactions = TransactionMetadata(
            one for one in self._survey.aborted if one.last_offset >= task.first_dirty_offset
        )
        ends = [*task.base_offsets[1:], task.first_uncleanable_offset]
        for segment, end_offset in zip(self._segments, ends, strict=True):
            if end_offset <= task.first_dirty_offset:
                continue
            for batches in read_batches(segment, task.io_buffer_bytes):
                for header, batch in batches:
                    if header.last_offset < task.first_dirty_offset:
                        self._pass_by(header, transactions)
                    elif header.base_offset >= bound or not self._has_room(header):
                        return
                    else:
                        self._map_batch(header, batch, transactions)
                yield Moved(sum(header.size_bytes for header, _ in batches))
            # Offsets that are missing at the end of a segment are clean too.
            self._end_offset = max(self._end_offset, min(end_offset, bound))

    def _pass_by(self, header: BatchHeader, transactions: TransactionMetadata) -> None:
        if not header.is_control:
            transactions.discards_batch(header)

    def _has_room(self, header: BatchHeader) -> bool:
        count = header.records_count
        return self._map.size + count <= self._keys_max and self._number + count <= len(self._marks)

    def _map_batch(
        self, header: BatchHeader, batch: Buffer, transactions: TransactionMetadata
    ) -> None:
        first, marks = self._number, self._marks
        self._number += header.records_count
        self._end_offset = header.next_offset
        if header.is_control:
            transactions.discards_marker(header, marker_of(batch))
        elif not transactions.discards_batch(header):
            data = bytes(uncompressed_records(header, batch, EXPANSION_MAX))
            keys, tombstones = read_keys(data, header.records_count)
            for index in tombstones:
                marks[first + index] = TOMBSTONE
            for number in self._map.put_all(keys, first):
                marks[number] = SUPERSEDED
            if None in keys:
                for index in [index for index, key in enumerate(keys) if key is None]:
                    marks[first + index] = SUPERSEDED
                    self._keyless += 1

    # -- the second pass: segments without superseded records

    def _clean_group(
        self, group: list[Segment], transactions: TransactionMetadata
    ) -> Iterator[Step]:
        task = self._task
        cleaned = StagedSegment.create(
            self._fs, task.directory, group[0].base_offset, config=task.config
        )
        last = max(
            (one for one in group if one.size), key=lambda one: one.base_offset, default=None
        )
        for segment in group:
            position = 0
            for batches in read_batches(segment, task.io_buffer_bytes):
                kept: list[Buffer] = []
                for header, batch in batches:
                    position += header.size_bytes
                    is_last = segment is last and position == segment.size
                    left = self._filtered(header, batch, transactions, keeps=is_last)
                    if left is not None:
                        kept.append(left)
                if kept:
                    headers = tuple([parse_batch_header(batch) for batch in kept])
                    cleaned.append(b"".join(kept), headers)
                yield Moved(sum(header.size_bytes for header, _ in batches))
                yield Moved(sum(map(len, kept)))
        self._write_transaction_index(group, cleaned)
        cleaned.finish()
        modified_ms = group[-1].file.modified_ms()
        if modified_ms is not None:
            # Records without timestamps are as old as their file, for retention by time.
            cleaned.file.set_modified_ms(modified_ms)
        yield CleanedGroup(
            tuple(segment.base_offset for segment in group),
            sum(segment.size for segment in group),
            cleaned.size,
        )

    def _filtered(
        self, header: BatchHeader, batch: Buffer, transactions: TransactionMetadata, *, keeps: bool
    ) -> Buffer | None:
        """Return what is left of a batch; None when it goes, unless it `keeps` its offsets."""
        if header.base_offset >= self._end_offset:
            return batch
        if header.last_offset >= self._task.first_dirty_offset:
            first = self._number
            self._number += header.records_count
            marks = self._marks[first : self._number]
        else:
            marks = None
        left: Buffer | None = None
        if header.is_control:
            left = self._filtered_marker(header, batch, transactions)
        elif not transactions.discards_batch(header):
            if marks is None:
                marks = self._marks_by_key(header, batch)
            left = without_dropped(header, batch, marks, self._retention)
        if left is None and (keeps or self._ends_producer(header)):
            return emptied(header)
        return left

    def _filtered_marker(
        self, header: BatchHeader, batch: Buffer, transactions: TransactionMetadata
    ) -> Buffer | None:
        """Keep a marker until its transaction is gone, and then as long as a tombstone."""
        if not transactions.discards_marker(header, marker_of(batch)):
            return batch
        if not header.records_count or self._retention.is_over(header):
            return None
        return with_horizon(header, batch, self._retention)

    def _marks_by_key(self, header: BatchHeader, batch: Buffer) -> bytearray:
        """Mark the records of a clean batch: any key in the map is newer there."""
        data = bytes(uncompressed_records(header, batch, EXPANSION_MAX))
        keys, tombstones = read_keys(data, header.records_count)
        marks = bytearray(header.records_count)
        for index in tombstones:
            marks[index] = TOMBSTONE
        for index in self._map.find_all(keys):
            marks[index] = SUPERSEDED
        if None in keys:
            for index in [index for index, key in enumerate(keys) if key is None]:
                marks[index] = SUPERSEDED
                self._keyless += 1
        return marks

    def _ends_producer(self, header: BatchHeader) -> bool:
        """Tell whether a batch says the last sequence, or the epoch, of an active producer."""
        last = self._task.last_records.get(header.producer_id)
        if last is None or header.producer_id < 0:
            return False
        offset, epoch = last
        if offset >= 0:
            return header.last_offset == offset
        return header.is_control and header.producer_epoch == epoch

    def _write_transaction_index(self, group: list[Segment], cleaned: StagedSegment) -> None:
        """Keep what the old segments said of aborted transactions: too much of it does no harm."""
        entries = b"".join(
            self._fs.read_bytes(path)
            for segment in group
            if self._fs.exists(path := segment.path(TRANSACTION_INDEX_SUFFIX))
        )
        if entries:
            file = self._fs.create(cleaned.path(TRANSACTION_INDEX_SUFFIX))
            file.pwrite(entries, 0)
            file.sync()
            file.close()


def _facts_of(segment: Segment) -> GroupedSegment:
    return GroupedSegment(
        segment.base_offset,
        segment.size,
        len(segment.offset_index) * OFFSET_ENTRY_BYTES,
        len(segment.time_index) * TIME_ENTRY_BYTES,
    )
