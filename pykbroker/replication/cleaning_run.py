"""One cleaning of one log: made durable first, compacted elsewhere, swapped in segment by segment.

The log is served all the while. Retention may take segments away, or the topic may be deleted: then
what was written for them is dropped. Once a swap has begun it is seen through.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING

import trio

from pykbroker.errors import KafkaError
from pykbroker.storage.cleaning.compaction import CompactionTask
from pykbroker.storage.cleaning.staged_segment import remove_staged
from pykbroker.storage.cleaning.swapping import Swap
from pykbroker.storage.producer_state import ProducerStates

if TYPE_CHECKING:
    from pykbroker.replication.checkpoints import Offload
    from pykbroker.replication.partition import PartitionLeader
    from pykbroker.replication.partitions import Partitions
    from pykbroker.storage.cleaning.cleaner import LogToClean
    from pykbroker.storage.cleaning.compaction import Cleaned, CleanedGroup
    from pykbroker.storage.files import FileSystem
    from pykbroker.storage.log_directory import LogDirectory

log = logging.getLogger("pykbroker.replication")


class LogGoneError(Exception):
    """The log was deleted, or went offline, while it was being cleaned."""


class SegmentsGoneError(Exception):
    """Of segments that were to become one some were taken away, and others stay as they are."""


class CleaningRun:
    """What is to be done for one log, and how far it came."""

    def __init__(
        self,
        leader: PartitionLeader,
        directory: LogDirectory,
        to_clean: LogToClean,
        *,
        fs: FileSystem,
        partitions: Partitions,
        offload: Offload,
    ) -> None:
        self.leader = leader
        self.directory = directory
        self.to_clean = to_clean
        self.log = leader.partition_log
        self._fs = fs
        self._partitions = partitions
        self._offload = offload
        self._segments = {
            segment.base_offset: segment
            for segment in self.log.segments
            if segment.base_offset < to_clean.first_uncleanable_offset
        }
        self._unfinished = set(self._segments)
        self._bytes_before = self._bytes_after = 0
        self.began = trio.current_time()

    @property
    def place(self) -> tuple[str, int]:
        """Topic name and partition index."""
        return self.log.topic, self.log.partition

    def is_open(self) -> bool:
        """Tell whether the log still is its partition's: a topic made anew has other files."""
        with suppress(KafkaError):
            now = self._partitions.leader(*self.place)
            return now is self.leader and not now.is_offline and self.directory.failure is None
        return False

    async def make_durable(self) -> None:
        """Sync what is to be cleaned: what takes its place must not be all that there is of it.

        The recovery point is stored too: a start takes gaps above it for lost data.
        """
        if self.log.recovery_point < self.to_clean.first_uncleanable_offset:
            pending = self.log.pending_sync()
            try:
                await self._offload(pending.run)
            except OSError as failure:
                if not self.is_open():
                    raise LogGoneError from failure
                self.directory.fail(failure)
                raise LogGoneError from failure
            self.log.synced(pending)
        await self._offload(self.directory.checkpoint_recovery_points)

    def task(
        self,
        *,
        now_ms: int,
        memory_bytes: int,
        load_factor: float,
        io_buffer_bytes: int,
        salt: bytes,
    ) -> CompactionTask:
        """Describe the work; of the producers, as they are now."""
        return CompactionTask(
            directory=self.log.directory,
            base_offsets=tuple(self._segments),
            first_dirty_offset=self.to_clean.first_dirty_offset,
            first_uncleanable_offset=self.to_clean.first_uncleanable_offset,
            now_ms=now_ms,
            config=self.log.config,
            last_records=_last_records(self.log.producers),
            memory_bytes=memory_bytes,
            load_factor=load_factor,
            io_buffer_bytes=io_buffer_bytes,
            salt=salt,
        )

    async def swap(self, group: CleanedGroup) -> None:
        """Put a cleaned segment in its place, unless the old ones are not the log's any more.

        On error: the disk fails the directory. Raises LogGoneError when the log is gone, and
        SegmentsGoneError when some of the old ones are left: were anything behind them cleaned, a
        tombstone there could go before the values that it deletes here.
        """
        swap = Swap(
            self._fs,
            self.log,
            [self._segments[base_offset] for base_offset in group.base_offsets],
            is_open=self.is_open,
            aside=self._set_aside,
        )
        with trio.CancelScope(shield=True):
            try:
                for work in swap.steps():
                    await self._offload(work)
            except OSError as failure:
                if self.is_open() and not isinstance(failure, FileNotFoundError):
                    self.directory.fail(failure)
                raise LogGoneError from failure
        if not self.is_open():
            raise LogGoneError
        if swap.is_done:
            self._unfinished.difference_update(group.base_offsets)
            self._bytes_before += group.bytes_before
            self._bytes_after += group.bytes_after
        elif any(segment.base_offset in group.base_offsets for segment in self.log.segments):
            raise SegmentsGoneError

    def _set_aside(self, paths: list[str]) -> None:
        self.directory.removals.note(paths, delay_ms=self.log.config.file_delete_delay_ms)

    def remove_unfinished(self) -> None:
        """Remove what was written and did not come to be the log's."""
        if self._unfinished and self.is_open():
            for base_offset in self._unfinished:
                remove_staged(self._fs, self.log.directory, base_offset)

    def tell_cleaned(self, cleaned: Cleaned, seconds: float) -> None:
        """Tell what came of it."""
        log.info(
            "log cleaned topic=%s partition=%d offsets=[%d, %d) bytes_before=%d"
            " bytes_after=%d seconds=%.1f",
            *self.place,
            self.to_clean.first_dirty_offset,
            cleaned.end_offset,
            self._bytes_before,
            self._bytes_after,
            seconds,
        )
        if cleaned.keyless_records:
            log.warning(
                "records without a key were dropped topic=%s partition=%d count=%d: cleanup.policy"
                " became compact after they were produced; nothing is to be done",
                *self.place,
                cleaned.keyless_records,
            )


def _last_records(producers: ProducerStates) -> dict[int, tuple[int, int]]:
    """Return per producer id the offset of its last record, or -1, and its epoch."""
    return {
        producer_id: (
            entry.batches[-1].last_offset if entry.batches else -1,
            entry.producer_epoch,
        )
        for producer_id, entry in producers.entries.items()
    }
