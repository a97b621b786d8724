"""One partition as its leader serves it: append, read, wait; follows `kafka.cluster.Partition`.

The leader is the only writer of its log. What counts as replicated here, and so the high
watermark, goes no further than `log.flush.before.ack` says. Nothing is retried as if fine: a write
or a sync that failed makes the whole directory read-only (`Flushing.failure`), a read that failed
takes the partition offline, and both refuse with KAFKA_STORAGE_ERROR. Only a full disk is asked
again.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from pykbroker.errors import ErrorCode, KafkaError
from pykbroker.replication.flushing import FlushAtOnce, Flushing
from pykbroker.replication.full_disk import FULL, tell_of_space, tell_refused
from pykbroker.replication.partition_read import PartitionRead
from pykbroker.replication.progress import Progress
from pykbroker.replication.waiter import Waiter, Waiters
from pykbroker.storage.append import Duplicate, Origin
from pykbroker.storage.fs import OUT_OF_FILES
from pykbroker.storage.log_config import LONG_MAX
from pykbroker.storage.segment import DamagedLogError

if TYPE_CHECKING:
    from pykbroker.metadata.values import PartitionImage
    from pykbroker.storage.appended import Appended
    from pykbroker.storage.log import Log
    from pykbroker.storage.log_config import LogConfig

log = logging.getLogger("pykbroker.replication")

HIGH_WATERMARK = -1
"""As the offset of `raise_log_start`: everything that is committed."""


class PartitionLeader:
    """The leader's side of one partition."""

    __slots__ = (
        "_failure",
        "_flushing",
        "_is_full",
        "_progress",
        "_retired",
        "_waiters",
        "image",
        "is_draining",
        "leader_epoch",
        "node_id",
        "partition_log",
    )

    def __init__(
        self,
        partition_log: Log,
        image: PartitionImage,
        *,
        node_id: int,
        flushing: Flushing | None = None,
    ) -> None:
        self.partition_log = partition_log
        self.node_id = node_id
        self._flushing = flushing or FlushAtOnce()
        self._is_full = False
        """Whether the last append was refused because the disk was full."""
        self._waiters = Waiters()
        self._failure: OSError | None = None
        self._retired: KafkaError | None = None
        self.is_draining = False
        """Whether the broker is about to stop: nobody waits for more records to come."""
        self._progress = Progress(
            replicas=image.replicas,
            in_sync_replicas=image.isr,
            high_watermark=partition_log.log_start_offset,
        )
        self.lead(image)

    def lead(self, image: PartitionImage) -> None:
        """Take over the newest partition state: leader epoch, replicas, in-sync replicas.

        What was committed stays so; alone in sync, all that counts as replicated here is.
        """
        self.image = image
        self.leader_epoch = image.leader_epoch
        partition_log = self.partition_log
        partition_log.leader_epochs.assign(image.leader_epoch, partition_log.end_offset)
        self._progress = Progress(
            replicas=image.replicas,
            in_sync_replicas=image.isr,
            high_watermark=self._progress.high_watermark,
        )
        if self._flushing.failure is None:
            self._progress.advance(self.node_id, self._kept_end)

    # -- what is known without reading ---------------------------------------------------------

    @property
    def is_offline(self) -> bool:
        """Whether nothing is served of this partition any more: the disk failed under it."""
        return self._failure is not None

    @property
    def is_retired(self) -> bool:
        """Whether this broker leads it no more: its files may be gone."""
        return self._retired is not None

    @property
    def is_read_only(self) -> bool:
        """Whether nothing is appended any more: offline, or the disk failed under the directory."""
        return self._failure is not None or self._flushing.failure is not None

    @property
    def high_watermark(self) -> int:
        """The end of what is committed, exclusive."""
        return self._progress.high_watermark

    @property
    def last_stable_offset(self) -> int:
        """The end of what a read_committed consumer sees, exclusive."""
        return self._progress.high_watermark

    @property
    def log_start_offset(self) -> int:
        """The first readable offset, inclusive."""
        return self.partition_log.log_start_offset

    @property
    def end_offset(self) -> int:
        """The offset the next record gets."""
        return self.partition_log.end_offset

    def readable_end(self, *, committed_only: bool) -> int:
        """Return the end of what a consumer may read, exclusive, by its isolation level."""
        return self.last_stable_offset if committed_only else self.high_watermark

    def check_epoch(self, current_leader_epoch: int) -> None:
        """Refuse an asker whose view of the leader differs; -1 asks for no check (KIP-320).

        Raises FENCED_LEADER_EPOCH for an older epoch, UNKNOWN_LEADER_EPOCH for a newer one, and
        what an offline or retired partition raises.
        """
        self._check_online()
        if current_leader_epoch in (-1, self.leader_epoch):
            return
        if current_leader_epoch < self.leader_epoch:
            raise KafkaError(ErrorCode.FENCED_LEADER_EPOCH)
        raise KafkaError(ErrorCode.UNKNOWN_LEADER_EPOCH)

    # -- appending -----------------------------------------------------------------------------

    def append(
        self,
        records: memoryview,
        *,
        acks_all: bool,
        now_ms: int,
        origin: Origin = Origin.CLIENT,
    ) -> Appended | Duplicate:
        """Append one record batch; the buffer's header is patched in place where it is writable.

        Raises what `storage.append.prepare` raises, NOT_ENOUGH_REPLICAS for acks=all with too
        few in-sync replicas, and KAFKA_STORAGE_ERROR when the disk fails.
        """
        config = self.partition_log.config
        if acks_all and not self._progress.has_enough_replicas(config.min_insync_replicas):
            raise KafkaError(ErrorCode.NOT_ENOUGH_REPLICAS)
        self._check_writable()
        try:
            appended = self.partition_log.append_as_leader(
                records, leader_epoch=self.leader_epoch, now_ms=now_ms, origin=origin
            )
        except OSError as failure:
            raise self._not_written(failure) from failure
        if not isinstance(appended, Duplicate):
            self._keep(config)
        return appended

    def _keep(self, config: LogConfig) -> None:
        """Have what was just appended synced, or else count it as replicated here at once."""
        flushing, partition_log = self._flushing, self.partition_log
        end_offset = partition_log.end_offset
        if self._is_full:
            self._is_full = False
            tell_of_space(partition_log.topic, partition_log.partition)
        if flushing.before_ack or self.must_flush(end_offset):
            flushing.note(self)
            return
        if config.flush_ms != LONG_MAX:
            flushing.note_due(self, config.flush_ms)
        if self._progress.advance(self.node_id, end_offset):
            self._waiters.wake_reached(end_offset)

    @property
    def _kept_end(self) -> int:
        """The end of what counts as replicated here, exclusive."""
        partition_log = self.partition_log
        if self._flushing.before_ack or self.must_flush(partition_log.end_offset):
            return partition_log.recovery_point
        return partition_log.end_offset

    def must_flush(self, end_offset: int) -> bool:
        """Tell whether what ends at `end_offset` is not answered before it is durable.

        Whatever acks says: `flush.messages` are waiting to be synced (`UnifiedLog.append`).
        """
        partition_log = self.partition_log
        return end_offset - partition_log.recovery_point >= partition_log.config.flush_messages

    def advance_durable(self) -> None:
        """Take over that the log was synced, or that the disk failed and it never will be."""
        if self._flushing.failure is not None:
            self.wake_all()
            return
        self._progress.advance(self.node_id, self._kept_end)
        self._waiters.wake_reached(self._progress.high_watermark)

    def is_committed(self, end_offset: int) -> bool:
        """Tell whether everything below `end_offset` is committed."""
        return self._progress.high_watermark >= end_offset

    async def wait_committed(self, end_offset: int, waiter: Waiter | None = None) -> None:
        """Return when everything below `end_offset` is committed.

        Raises REQUEST_TIMED_OUT once `waiter` is late, KAFKA_STORAGE_ERROR once the disk has
        failed, and what a retired partition raises.
        """
        waiter = waiter or Waiter()
        self._waiters.add(waiter, until=end_offset)
        try:
            while self._progress.high_watermark < end_offset:
                self._check_writable()
                if waiter.is_late:
                    raise KafkaError(ErrorCode.REQUEST_TIMED_OUT)
                await waiter.wait()
        finally:
            self._waiters.remove(waiter)

    async def wait_durable(self, end_offset: int) -> None:
        """Return when everything below `end_offset` is durable here; raises as `wait_committed`."""
        with self._waiters.watched_by(waiter := Waiter()):
            while self.partition_log.recovery_point < end_offset:
                self._check_writable()
                await waiter.wait()

    def watch(self, waiter: Waiter) -> None:
        """Wake `waiter` at every change; pair with `unwatch` in a finally block."""
        self._waiters.add(waiter)

    def unwatch(self, waiter: Waiter) -> None:
        """Undo `watch`."""
        self._waiters.remove(waiter)

    # -- reading -------------------------------------------------------------------------------

    def read(
        self, offset: int, *, max_bytes: int, committed_only: bool, at_least_one: bool
    ) -> PartitionRead:
        """Read whole batches from the one that holds `offset`, up to what is committed.

        `at_least_one` returns the first batch even if it is larger than `max_bytes`.
        Raises OFFSET_OUT_OF_RANGE outside of log start and end offset.
        """
        self._check_online()
        try:
            records = self.partition_log.read(
                offset,
                max_bytes=max_bytes,
                end_offset=self.readable_end(committed_only=committed_only),
                at_least_one=at_least_one,
            )
        except OSError as failure:
            raise self.fail(failure) from failure
        return PartitionRead(
            records=records,
            high_watermark=self.high_watermark,
            last_stable_offset=self.last_stable_offset,
            log_start_offset=self.log_start_offset,
        )

    def bytes_after(self, offset: int, *, committed_only: bool) -> int:
        """Return how many bytes of batches stand between `offset` and the readable end.

        Raises OFFSET_OUT_OF_RANGE outside of log start and end offset.
        """
        if not self.log_start_offset <= offset <= self.end_offset:
            raise KafkaError(ErrorCode.OFFSET_OUT_OF_RANGE)
        end_offset = self.readable_end(committed_only=committed_only)
        if offset >= end_offset:
            return 0
        return self.partition_log.bytes_between(offset, end_offset)

    def diverging_epoch(self, last_fetched_epoch: int, offset: int) -> tuple[int, int] | None:
        """Return the epoch and end offset to truncate to where the asker's log and ours part.

        None when the asker's records up to `offset`, the last of them of `last_fetched_epoch`,
        are ours too (KIP-595, `Partition.readRecords`). Raises OFFSET_OUT_OF_RANGE when nothing
        is known of that epoch.
        """
        epoch, end_offset = self.end_offset_for_epoch(last_fetched_epoch)
        if epoch == -1 or end_offset == -1:
            raise KafkaError(ErrorCode.OFFSET_OUT_OF_RANGE)
        if epoch < last_fetched_epoch or end_offset < offset:
            return epoch, end_offset
        return None

    def end_offset_for_epoch(self, leader_epoch: int) -> tuple[int, int]:
        """Return the largest epoch not above `leader_epoch` and where it ends, exclusive.

        (-1, -1) when nothing is known of it (`LeaderEpochFileCache.endOffsetFor`).
        """
        return self.partition_log.leader_epochs.end_offset_for(leader_epoch, self.end_offset)

    def drain(self) -> None:
        """Let those who wait for records answer with what there is."""
        self.is_draining = True
        self.wake_all()

    def retire(self, refusal: KafkaError) -> None:
        """Answer everybody with `refusal` from now on: deleted, or led by another broker."""
        self._retired = refusal
        self.wake_all()

    def _check_online(self) -> None:
        if self._retired is not None:
            raise self._retired
        if self._failure is not None:
            raise KafkaError(ErrorCode.KAFKA_STORAGE_ERROR)

    def _check_writable(self) -> None:
        self._check_online()
        if self._flushing.failure is not None:
            raise KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, "the disk failed")

    def _not_written(self, failure: OSError) -> KafkaError:
        """Give the refusal of an append, which is all that comes of a full disk."""
        if isinstance(failure, DamagedLogError):
            return self.fail(failure)
        if failure.errno not in FULL:
            self._flushing.fail(failure)
            self.wake_all()
            return KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, "the disk failed")
        if not self._is_full:
            self._is_full = True
            tell_refused(self.partition_log.topic, self.partition_log.partition, failure)
        return KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, str(failure))

    def fail(self, failure: OSError) -> KafkaError:
        """Take the partition offline until the broker is started anew; give the refusal."""
        if failure.errno in OUT_OF_FILES:  # which says nothing of this disk
            return KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, str(failure))
        self._failure = failure
        log.error(
            "partition offline topic=%s partition=%d: %s; mend the disk and restart the broker",
            self.partition_log.topic,
            self.partition_log.partition,
            failure,
        )
        self.wake_all()
        return KafkaError(ErrorCode.KAFKA_STORAGE_ERROR)

    def wake_all(self) -> None:
        """Let everybody who waits look again: leadership or the disk changed."""
        self._waiters.wake_all()

    # -- the start of the log ------------------------------------------------------------------

    def raise_log_start(self, offset: int) -> int:
        """Make records below `offset` unreadable and return the new log start offset (KIP-107).

        `HIGH_WATERMARK` deletes all that is committed. Raises OFFSET_OUT_OF_RANGE above the high
        watermark or below zero, POLICY_VIOLATION on a topic that is only compacted.
        """
        if "delete" not in self.partition_log.config.cleanup_policy:
            raise KafkaError(
                ErrorCode.POLICY_VIOLATION,
                "records are deleted only on a topic whose cleanup.policy includes delete",
            )
        target = self.high_watermark if offset == HIGH_WATERMARK else offset
        if not 0 <= target <= self.high_watermark:
            raise KafkaError(
                ErrorCode.OFFSET_OUT_OF_RANGE,
                f"offset {offset} is outside of 0 to the high watermark {self.high_watermark}",
            )
        self._check_writable()
        try:
            self.partition_log.raise_log_start(target)
        except OSError as failure:
            raise self.fail(failure) from failure
        self.wake_all()
        return self.partition_log.log_start_offset
