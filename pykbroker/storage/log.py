"""One partition's log: segments on one file system, appended to at a known position.

As Kafka's UnifiedLog without high watermark, which replication knows. Offsets of the log are
[log_start_offset, end_offset). OSError rises: the caller takes the log offline. Nothing here is
durable before `flush`, or `pending_sync().run()` on another thread, has returned.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

from pykbroker.errors import ErrorCode, KafkaError
from pykbroker.storage import log_read, retention
from pykbroker.storage.append import Duplicate, Origin, Prepared, prepare
from pykbroker.storage.appended import Appended, one_by_one
from pykbroker.storage.checkpoint import identify_partition
from pykbroker.storage.files import FileSystem, Slice
from pykbroker.storage.index import RELATIVE_OFFSET_MAX, TimestampOffset
from pykbroker.storage.log_config import LogConfig
from pykbroker.storage.names import LOG_SUFFIX, TIME_INDEX_SUFFIX, file_name
from pykbroker.storage.pending_sync import PendingSync
from pykbroker.storage.producer_snapshots import ProducerSnapshots
from pykbroker.storage.recovery import loading, rebuilt
from pykbroker.storage.recovery.scan import Watch, unwatched
from pykbroker.storage.removal import set_aside
from pykbroker.storage.segment import Segment
from pykbroker.storage.segments import Segments
from pykbroker.storage.unsynced import Unsynced

__all__ = ["Appended", "Log"]


class Log:
    """The log of one partition.

    `recovery_point`: everything below it is durable. `before_truncation` is called with an offset
    before the log is cut there: a recovery point stored elsewhere must not stay above it.
    """

    def __init__(
        self,
        fs: FileSystem,
        directory: str,
        *,
        topic: str,
        partition: int,
        topic_id: bytes,
        config: LogConfig,
        loaded: loading.LoadedLog,
        random: Random | None,
    ) -> None:
        self._fs = fs
        self.directory = directory
        self.topic = topic
        self.partition = partition
        self.topic_id = topic_id
        self.config = config
        self.before_truncation: Callable[[int], None] | None = None
        self._random = random
        self._segments = Segments(loaded.segments)
        self._active = loaded.segments[-1]
        self.log_start_offset = loaded.log_start_offset
        self.end_offset = loaded.recovered.end_offset
        self.recovery_point = loaded.recovered.recovery_point
        self.size_bytes = self._segments.size_bytes
        self.producers = loaded.producers
        self._snapshots = ProducerSnapshots(fs, directory, loaded.snapshot_offsets)
        self.leader_epochs = loaded.leader_epochs
        self.recovery_report, self.leftovers = loaded.recovered.report, loaded.leftovers
        self._unsynced = Unsynced(fs, directory, loaded.leader_epochs.entries)
        self._unsynced.note_files(loaded.recovered.passing_files)
        if loaded.names_changed:
            self._unsynced.note_directory()

    @classmethod
    def open(
        cls,
        fs: FileSystem,
        directory: str,
        *,
        topic: str,
        partition: int,
        topic_id: bytes,
        config: LogConfig,
        clean: bool,
        recovery_point: int = 0,
        log_start_offset: int = 0,
        cleaned_offset: int | None = None,
        now_ms: int,
        random: Random | None = None,
        watch: Watch = unwatched,
    ) -> Log:
        """Open the log in `directory`, making it if there is none, as `loading.load` does.

        Raises KafkaError INCONSISTENT_TOPIC_ID when it belongs to another topic of this name.
        """
        fs.mkdirs(directory)
        identity = identify_partition(fs, directory, topic_id)
        loaded = loading.load(
            fs,
            directory,
            config=config,
            clean=clean,
            recovery_point=recovery_point,
            log_start_offset=log_start_offset,
            cleaned_offset=cleaned_offset,
            now_ms=now_ms,
            random=random,
            watch=watch,
        )
        log = cls(
            fs,
            directory,
            topic=topic,
            partition=partition,
            topic_id=topic_id,
            config=config,
            loaded=loaded,
            random=random,
        )
        log._unsynced.note_files([] if identity is None else [identity])
        return log

    @property
    def segments(self) -> tuple[Segment, ...]:
        """The segments, oldest first."""
        return self._segments.as_tuple()

    def append_as_leader(
        self, records: memoryview, *, leader_epoch: int, now_ms: int, origin: Origin
    ) -> Appended | Duplicate:
        """Judge one batch, assign its offsets and append it. Raises as `append.prepare`."""
        prepared = prepare(
            records,
            config=self.config,
            producers=self.producers,
            next_offset=self.end_offset,
            leader_epoch=leader_epoch,
            now_ms=now_ms,
            origin=origin,
        )
        if isinstance(prepared, Duplicate):
            return prepared
        self.append(prepared, now_ms)
        return Appended(prepared.first_offset, prepared.last_offset, prepared.log_append_time_ms)

    def append(self, prepared: Prepared, now_ms: int) -> None:
        """Append prepared batches, rolling first if they want a new segment.

        OSError leaves the log as it was, but maybe rolled.
        """
        headers, batches, config = prepared.headers, prepared.batches, self.config
        last_offset, segment = prepared.last_offset, self._active
        must_roll = segment.must_roll(
            len(batches), last_offset, prepared.max_timestamp, config=config, now_ms=now_ms
        )
        if len(headers) > 1 and (must_roll or len(batches) > config.segment_bytes):
            for one in one_by_one(prepared):
                self.append(one, now_ms)
            return
        if must_roll:
            # From the end on, not from the batch as in Kafka: a scan takes a gap for lost data.
            far = last_offset - self.end_offset > RELATIVE_OFFSET_MAX
            segment = self._roll(prepared.first_offset if far else self.end_offset, now_ms)
        segment.append(batches, headers)
        self.size_bytes += len(batches)
        self.end_offset = last_offset + 1
        for header in headers:
            if header.partition_leader_epoch > self.leader_epochs.latest:
                self.leader_epochs.assign(header.partition_leader_epoch, header.base_offset)
        if prepared.producer_update:
            self.producers.apply(prepared.producer_update)

    def roll(self, now_ms: int) -> None:
        """Begin a new segment, unless the active one is empty."""
        if self._active.size:
            self._roll(self.end_offset, now_ms)

    def _roll(self, base_offset: int, now_ms: int) -> Segment:
        if self._active.size:
            self._unsynced.note_files(self._active.store_indexes())
            self._unsynced.note_files([self._snapshots.write(base_offset, self.producers)])
        segment = self._create_segment(base_offset, now_ms)
        if not self._segments[-2].size:  # offsets too far for its base
            old = self.exchange(len(self._segments) - 2, 1)
            loading.remove_segments(self._fs, self.directory, old, 0)
        self._remove_stray_snapshots()
        # Whoever reads the end reads the last two; older indexes come back when asked for.
        for number in range(len(self._segments) - 2):
            self._segments[number].unload_indexes()
        return segment

    def _create_segment(self, base_offset: int, now_ms: int) -> Segment:
        segment = Segment(
            self._fs,
            self.directory,
            base_offset,
            file=self._fs.create(f"{self.directory}/{file_name(base_offset, LOG_SUFFIX)}"),
            config=self.config,
            now_ms=now_ms,
            random=self._random,
        )
        self._segments.add(segment)
        self._active = segment
        self._unsynced.note_names()
        return segment

    def _remove_stray_snapshots(self) -> None:
        self._snapshots.remove_strays(segment.base_offset for segment in self._segments)

    # -- reading

    def read(
        self, offset: int, *, max_bytes: int, end_offset: int, at_least_one: bool
    ) -> Slice | None:
        """Return whole batches from the one that holds `offset`, all below `end_offset`.

        Of one segment, and at most `max_bytes`, save that `at_least_one` returns a larger first
        batch. None when there is nothing to return. Raises KafkaError OFFSET_OUT_OF_RANGE outside
        of [log_start_offset, end of the log].
        """
        if not self.log_start_offset <= offset <= self.end_offset:
            raise KafkaError(
                ErrorCode.OFFSET_OUT_OF_RANGE,
                f"offset {offset} is outside of {self.log_start_offset} to {self.end_offset}",
            )
        if offset >= end_offset:
            return None
        return log_read.read(
            self._segments,
            offset,
            max_bytes=max_bytes,
            end_offset=end_offset,
            log_end_offset=self.end_offset,
            at_least_one=at_least_one,
        )

    def bytes_between(self, offset: int, end_offset: int) -> int:
        """Estimate the bytes of the batches from `offset` to `end_offset`, without reading them.

        Exact among the newest batches, elsewhere off by up to an index interval at either end;
        never 0 when there is something. Offsets outside of the log are moved to its ends.
        """
        offset = max(offset, self.log_start_offset)
        end_offset = min(end_offset, self.end_offset)
        if offset >= end_offset:
            return 0
        segments = self._segments.between(offset, end_offset - 1)
        bound = None if end_offset == self.end_offset else end_offset
        return max(log_read.bytes_between(segments, offset, bound), 1)

    def offset_for_timestamp(self, timestamp_ms: int, end_offset: int) -> TimestampOffset | None:
        """Return the first record with at least this timestamp; None when it is not below the end.

        Raises KafkaError CORRUPT_MESSAGE when a batch cannot be decoded.
        """
        for segment in self._segments:
            found = log_read.offset_for_timestamp(segment, timestamp_ms, self.log_start_offset)
            if found is not None:
                return found if found.offset < end_offset else None
        return None

    def offset_of_max_timestamp(self) -> TimestampOffset | None:
        """Return the first record that has the log's largest timestamp; None when it is empty."""
        if not self.size_bytes:
            return None
        newest = max(self._segments, key=lambda segment: segment.largest.timestamp_ms)
        return log_read.offset_of_max_timestamp(newest)

    # -- shrinking

    def raise_log_start(self, offset: int) -> bool:
        """Make offsets below `offset` unreadable; say whether that changed anything.

        Raises KafkaError OFFSET_OUT_OF_RANGE above the end of the log.
        """
        if offset > self.end_offset:
            raise KafkaError(
                ErrorCode.OFFSET_OUT_OF_RANGE,
                f"log start offset {offset} is above the end {self.end_offset}",
            )
        if offset <= self.log_start_offset:
            return False
        self.log_start_offset = offset
        self.leader_epochs.truncate_from_start(offset)
        return True

    def truncate_to(self, offset: int) -> bool:
        """Cut the batch that holds `offset` and all after it; say whether there was any.

        `[0,9][20,30]` truncated at 15 or at 25 → `[0,9]`, end offset 10: an end that no batch tells
        would pass for lost data. Below the first segment the log becomes empty, beginning there.
        """
        if offset >= self.end_offset:
            self._truncate_epochs(self.end_offset)
            return False
        keep = self._segments.count_up_to(offset)
        offset = self._segments.end_below(offset)
        self.recovery_point = min(self.recovery_point, offset)
        if self.before_truncation is not None:
            self.before_truncation(offset if keep else 0)  # for a moment there is no segment
        self._unsynced.note_truncation()
        self._drop_segments(keep)
        if keep:
            self._active = self._segments[-1]
            offset = self._active.truncate(offset)
        else:
            self._create_segment(offset, self._active.created_ms)
        self.end_offset = offset
        self.log_start_offset = min(self.log_start_offset, offset)
        self.size_bytes = self._segments.size_bytes
        self._truncate_epochs(offset)
        self.producers, snapshots = rebuilt.load_producers(
            self._fs, self.directory, list(self._segments), offset
        )
        self._snapshots = ProducerSnapshots(self._fs, self.directory, snapshots)
        self._fs.sync_directory(self.directory)
        return True

    def _truncate_epochs(self, offset: int) -> None:
        if self.leader_epochs.truncate_from_end(offset):
            rebuilt.write_epochs(self._fs, self.directory, self.leader_epochs)
            self._unsynced.note_stored(self.leader_epochs)

    def _drop_segments(self, keep: int) -> None:
        loading.remove_segments(self._fs, self.directory, self._segments.take_from(keep), 0)

    def retention_plan(self, *, high_watermark: int, now_ms: int) -> retention.Plan:
        """Tell which of the oldest segments go by the log's configuration (`retention.plan`)."""
        return retention.plan(
            self._segments.candidates(self.end_offset),
            self.config,
            log_start_offset=self.log_start_offset,
            high_watermark=high_watermark,
            size_bytes=self.size_bytes,
            now_ms=now_ms,
        )

    def drop_unreachable(self, at_most: int | None = None) -> list[str]:
        """Take out the segments wholly below the log start; return their files' new names.

        The stored log start must say so first: of names changed here a crash may bring back some.
        """
        count = self._segments.number_at(self.log_start_offset)
        old = self.exchange(0, count if at_most is None else min(count, at_most))
        aside = [path for segment in old for path in set_aside(self._fs, segment)]
        self._remove_stray_snapshots()
        return aside

    def exchange(self, first: int, count: int, new: Sequence[Segment] = ()) -> list[Segment]:
        """Put `new` in place of `count` segments from number `first` on; return the old ones.

        Not of the active one. The files are the caller's: renamed before or after, and removed.
        """
        assert first + count < len(self._segments), "the active segment stays"
        old = self._segments.replace(first, count, new)
        self.size_bytes = self._segments.size_bytes
        self._unsynced.note_names()
        return old

    # -- making it last

    def pending_sync(self) -> PendingSync:
        """Return what to sync for all that is in the log now; `synced` must follow its `run`."""
        dirty = self.recovery_point < self.end_offset
        unsynced = self._segments.since(self.recovery_point) if dirty else []
        files = [segment.file for segment in unsynced]
        return self._unsynced.take(self.end_offset, files, self.leader_epochs)

    def synced(self, pending: PendingSync) -> None:
        """Move the recovery point to where `pending` has made the log durable."""
        if self._unsynced.still_covers(pending):
            self.recovery_point = max(self.recovery_point, pending.end_offset)

    def flush(self) -> None:
        """Make all of the log durable."""
        (pending := self.pending_sync()).run()
        self.synced(pending)

    def finish(self) -> None:
        """Write what a start without a scan needs; a sync must follow."""
        for segment in self._segments:
            # Those of an empty segment stay as they are: a stop of many logs writes them once.
            if segment.size or not self._fs.exists(segment.path(TIME_INDEX_SUFFIX)):
                self._unsynced.note_files(segment.store_indexes())
        if self.producers.entries or self._snapshots.offsets:
            self._unsynced.note_files([self._snapshots.write(self.end_offset, self.producers)])
            self._unsynced.note_names()

    def close(self) -> None:
        """Make all of the log durable, in the state that opens without a scan, and close it."""
        self.finish()
        self.flush()
        self.close_files()

    def close_files(self) -> None:
        """Give up the descriptors and nothing else, as after a failure of the disk."""
        for segment in self._segments:
            segment.close()
