"""One data directory: its lock, whose it is, whether it was closed well, and its logs.

Only who holds the lock reads or writes here. The clean-shutdown marker is gone before anything else
happens, so that it stands only for what was closed in order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from random import Random

from pykbroker.storage import checkpoint, page_cache
from pykbroker.storage.checkpoint import UNKNOWN_BROKER_EPOCH, MetaProperties, TopicPartition
from pykbroker.storage.cleaning.cleaner_checkpoint import CleanerCheckpoint
from pykbroker.storage.files import FileSystem, Lock
from pykbroker.storage.log import Log
from pykbroker.storage.log_config import LogConfig
from pykbroker.storage.names import (
    DELETED_DIRECTORY_SUFFIX,
    STRAY_DIRECTORY_SUFFIX,
    directory_name,
    former_directory_name,
    parse_directory_name,
)
from pykbroker.storage.pending_sync import PendingSync
from pykbroker.storage.recovery import loading
from pykbroker.storage.recovery.scan import Watch, unwatched
from pykbroker.storage.removal import Removals
from pykbroker.storage.segment import DamagedLogError
from pykbroker.storage.stored_offsets import StoredOffsets

LOCK_FILE = ".lock"

_SYNCED_AT_ONCE = 64
"""Logs, each with a few descriptors of unsynced files."""


class LogDirectoryError(Exception):
    """A data directory that this broker must not use; the message says what to do."""


@dataclass(frozen=True, slots=True)
class FoundPartition:
    """A partition on disk. The topic id is None without a readable partition.metadata."""

    topic: str
    partition: int
    topic_id: bytes | None


class LogDirectory:
    """One data directory and the logs opened in it.

    `clean` tells whether the last owner closed it in order, `clean_broker_epoch` in which broker
    epoch (None: not clean; -1: unknown).
    """

    def __init__(
        self,
        fs: FileSystem,
        path: str,
        *,
        lock: Lock,
        meta: MetaProperties,
        clean_broker_epoch: int | None,
        random: Random | None,
        sync_threads: int,
    ) -> None:
        self._fs = fs
        self.path = path
        self._lock = lock
        self.meta = meta
        self.clean = clean_broker_epoch is not None
        self.clean_broker_epoch = clean_broker_epoch
        self._random = random
        self._sync_threads = sync_threads
        self._logs: dict[TopicPartition, Log] = {}
        self.failure: OSError | None = None
        """What the disk failed with, once it did: nothing is written here any more."""
        self.on_failure: Callable[[LogDirectory], None] | None = None
        self.removals = Removals(fs)
        """Files and directories that are to go; they wait for whoever removes them."""
        self._offsets = StoredOffsets(fs, path)
        self._is_distrusted = page_cache.is_distrusted(fs, path)
        self._any_unopened = False
        """Whether a log was neither closed in order nor could be opened since."""
        self.cleaner_checkpoint = CleanerCheckpoint(fs, path)

    @classmethod
    def open(
        cls,
        fs: FileSystem,
        path: str,
        *,
        node_id: int,
        cluster_id: str,
        directory_id: bytes,
        random: Random | None = None,
        sync_threads: int = 1,
    ) -> LogDirectory:
        """Lock the directory, making it if there is none, and take its clean-shutdown marker.

        `directory_id` is given to a directory that has none; `meta.directory_id` is what it has.
        `sync_threads` wait for the disk side by side when the directory is closed; 1 is the
        caller's own thread. Raises LogDirectoryError when another process or another broker owns
        it.
        """
        fs.mkdirs(path)
        try:
            lock = fs.lock(f"{path}/{LOCK_FILE}")
        except BlockingIOError as error:
            raise LogDirectoryError(
                f"{path} is in use by another process; stop that one or choose another log.dirs"
            ) from error
        try:
            meta = _own(fs, path, MetaProperties(cluster_id, node_id, directory_id))
            clean_broker_epoch = checkpoint.take_clean_shutdown(fs, path)
            directory = cls(
                fs,
                path,
                lock=lock,
                meta=meta,
                clean_broker_epoch=clean_broker_epoch,
                random=random,
                sync_threads=sync_threads,
            )
            directory._note_leftovers()
        except BaseException:
            lock.release()
            raise
        return directory

    def _note_leftovers(self) -> None:
        gone = [
            f"{self.path}/{name}"
            for name in self._fs.listdir(self.path)
            if name.endswith(DELETED_DIRECTORY_SUFFIX)
        ]
        self.removals.note(gone, delay_ms=0)

    def fail(self, failure: OSError) -> None:
        """Note that the disk under it failed, until the next start; the first failure stays.

        `on_failure` is told of the first, in the caller's thread.
        """
        if self.failure is None:
            self.failure = failure
            page_cache.distrust(self._fs, self.path)
            if self.on_failure is not None:
                self.on_failure(self)

    def partitions(self) -> list[FoundPartition]:
        """List the partitions on disk, opened or not."""
        found = []
        for name in self._fs.listdir(self.path):
            parsed = parse_directory_name(name)
            if parsed is None or not self._fs.is_directory(f"{self.path}/{name}"):
                continue
            topic_id = None
            with suppress(ValueError):
                topic_id = checkpoint.read_partition_metadata(self._fs, f"{self.path}/{name}")
            found.append(FoundPartition(*parsed, topic_id))
        return found

    @property
    def logs(self) -> tuple[Log, ...]:
        """The logs open now."""
        return tuple(self._logs.values())

    @property
    def space(self) -> tuple[int, int] | None:
        """All and usable bytes of the volume it lies on; None where unknown."""
        return self._fs.space(self.path)

    def log(
        self,
        topic: str,
        partition: int,
        topic_id: bytes,
        config: LogConfig,
        now_ms: int,
        watch: Watch = unwatched,
    ) -> Log:
        """Return the log of a partition, opening or making it; `watch` hears of what is scanned.

        Raises KafkaError INCONSISTENT_TOPIC_ID when the directory is of another topic id.
        """
        key = topic, partition
        if (log := self._logs.get(key)) is not None:
            return log
        recovery_point = self._offsets.recovery_point(key)
        path = f"{self.path}/{directory_name(topic, partition)}"
        cleaned_offset = self.cleaner_checkpoint.found(key)
        if cleaned_offset is None and recovery_point is not None:
            cleaned_offset = 0
        with self._distrusted_on_failure():
            if self._is_distrusted:
                page_cache.reread(self._fs, path)
            log = Log.open(
                self._fs,
                path,
                topic=topic,
                partition=partition,
                topic_id=topic_id,
                config=config,
                clean=self.clean and recovery_point is not None,
                recovery_point=recovery_point or 0,
                log_start_offset=self._offsets.log_start(key),
                cleaned_offset=cleaned_offset,
                now_ms=now_ms,
                random=self._random,
                watch=watch,
            )
        if config.is_compacted and recovery_point is None:
            # From now on what is missing above the stored point is lost, not cleaned away.
            log.flush()
            self._offsets.store_recovery_points({key: log})
        log.before_truncation = partial(self._offsets.lower_recovery_point, key)
        self.removals.note(log.leftovers, delay_ms=0)
        self._logs[key] = log
        return log

    @contextmanager
    def _distrusted_on_failure(self) -> Iterator[None]:
        """Mark the directory where a sync may have failed."""
        try:
            yield
        except DamagedLogError:
            self._any_unopened |= not self.clean
            raise
        except OSError:
            self._any_unopened |= not self.clean
            page_cache.distrust(self._fs, self.path)
            raise

    def bytes_to_scan(self, topic: str, partition: int) -> int:
        """Count the bytes that opening a partition's log reads; 0 when it was closed in order."""
        recovery_point = self._offsets.recovery_point((topic, partition))
        if self.clean and recovery_point is not None:
            return 0
        path = f"{self.path}/{directory_name(topic, partition)}"
        return loading.bytes_to_scan(self._fs, path, recovery_point or 0)

    def delete(self, topic: str, partition: int, unique: str) -> None:
        """Take a partition from disk, if it is there; slices of its log stay readable.

        The directory is renamed, durably, with `unique` in its new name: from then on the partition
        is gone. Its bytes go with `removals`.
        """
        log = self._logs.pop((topic, partition), None)
        if log is not None:
            log.close_files()
        gone = self._rename(topic, partition, unique, DELETED_DIRECTORY_SUFFIX)
        if gone is not None:
            self.removals.note([gone], delay_ms=None)

    def make_stray(self, topic: str, partition: int, unique: str) -> str | None:
        """Rename a partition's directory that does not say whose it is; return its path then.

        A power cut leaves such of a log that was never synced. The name is what Kafka gives to what
        the cluster does not know (`LogManager.STRAY_DIR_SUFFIX`).
        """
        path = f"{self.path}/{directory_name(topic, partition)}"
        if checkpoint.read_partition_metadata(self._fs, path) is not None:
            return None
        return self._rename(topic, partition, unique, STRAY_DIRECTORY_SUFFIX)

    def _rename(self, topic: str, partition: int, unique: str, kind: str) -> str | None:
        self._offsets.forget((topic, partition))
        self.cleaner_checkpoint.forget((topic, partition))
        path = f"{self.path}/{directory_name(topic, partition)}"
        if not self._fs.exists(path):
            return None
        former = f"{self.path}/{former_directory_name(topic, partition, unique, kind)}"
        self._fs.rename(path, former)
        self._fs.sync_directory(self.path)
        return former

    def sync_names(self, log: Log) -> None:
        """Make the names of a log's files last; on any thread."""
        self._fs.sync_directory(log.directory)

    def checkpoint_recovery_points(self) -> None:
        """Store below which offset each log is durable; on any thread."""
        self._offsets.store_recovery_points(self._logs)

    def checkpoint_log_starts(self) -> None:
        """Store the log start offsets; on any thread.

        Records below them are gone, even if a crash takes the records above them too.
        """
        self._offsets.store_log_starts(self._logs, closing=False)

    def checkpoint(self) -> None:
        """Store the recovery points and log start offsets of all logs."""
        self.checkpoint_recovery_points()
        self.checkpoint_log_starts()

    def close(self, *, clean: bool = True, broker_epoch: int = UNKNOWN_BROKER_EPOCH) -> None:
        """Close all logs and unlock the directory.

        `clean` flushes them, stores the checkpoints and leaves the marker that lets the next start
        open those without scanning that end at their recovery points; after an error of the disk
        it must be False, and is where the directory failed. No marker stands for a log that could
        not be opened: what a scan found in it, the next start must find too.
        """
        try:
            if clean and self.failure is None:
                with self._distrusted_on_failure():
                    self._close_logs()
                self.checkpoint_recovery_points()
                self._offsets.store_log_starts(self._logs, closing=True)
                if not self._any_unopened:
                    page_cache.trust(self._fs, self.path)
                    checkpoint.write_clean_shutdown(self._fs, self.path, broker_epoch)
            for log in self._logs.values():
                log.close_files()
        finally:
            self._logs.clear()
            self._lock.release()

    def flush(self, logs: Sequence[Log]) -> None:
        """Make logs durable, several side by side; raises what the disk fails with."""
        with self._threads() as run_all:
            for some in _batches(logs):
                _sync(some, run_all)

    def _close_logs(self) -> None:
        with self._threads() as run_all:
            for some in _batches(list(self._logs.values())):
                for log in some:
                    log.finish()
                # One that never had a record has nothing to lose but a name, which a start makes.
                _sync([log for log in some if log.end_offset], run_all)
                for log in some:
                    log.close_files()

    @contextmanager
    def _threads(self) -> Iterator[Callable[..., Iterable[None]]]:
        """Give what maps the waiting for the disk over logs; one thread is the caller's own."""
        if self._sync_threads == 1:
            yield map
            return
        with ThreadPoolExecutor(self._sync_threads) as pool:
            yield pool.map


def _batches(logs: Sequence[Log]) -> Iterator[Sequence[Log]]:
    return (logs[first : first + _SYNCED_AT_ONCE] for first in range(0, len(logs), _SYNCED_AT_ONCE))


def _sync(logs: Sequence[Log], run_all: Callable[..., Iterable[None]]) -> None:
    pending = [log.pending_sync() for log in logs]
    list(run_all(PendingSync.run, pending))
    for log, done in zip(logs, pending, strict=True):
        log.synced(done)


def _own(fs: FileSystem, path: str, mine: MetaProperties) -> MetaProperties:
    """Return the directory's meta.properties, which must be this broker's; write a missing one."""
    try:
        found = checkpoint.read_meta_properties(fs, path)
    except ValueError as error:
        raise LogDirectoryError(f"{error}; mend it or choose another log.dirs") from error
    if found is None:
        checkpoint.write_meta_properties(fs, path, mine)
        # It may be new: no power cut may take the directory with all that is synced in it.
        parent, slash, _ = path.rpartition("/")
        fs.sync_directory(parent or slash or ".")
        return mine
    if found.cluster_id != mine.cluster_id:
        raise LogDirectoryError(
            f"{path} belongs to cluster {found.cluster_id}, this is cluster {mine.cluster_id}:"
            " choose another log.dirs or join that cluster"
        )
    if found.node_id != mine.node_id:
        raise LogDirectoryError(
            f"{path} belongs to node.id {found.node_id}, this broker is node.id {mine.node_id}:"
            " choose another log.dirs or set node.id to that"
        )
    if found.directory_id == checkpoint.ZERO_ID:
        checkpoint.write_meta_properties(fs, path, mine)
        return mine
    return found
