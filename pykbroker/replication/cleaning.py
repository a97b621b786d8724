"""Compacting the logs of this broker: the dirtiest first, as many at a time as there are threads.

As Kafka's LogCleaner. Nothing that goes wrong here ends the broker or loses a record: a log that
cannot be cleaned is told of and left as it is until the broker is started anew.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

import trio

from pykbroker.errors import KafkaError
from pykbroker.replication.cleaning_run import CleaningRun, LogGoneError, SegmentsGoneError
from pykbroker.replication.full_disk import FULL
from pykbroker.storage.cleaning.cleaner import CleanableSegment, LogState, dirtiest, plan
from pykbroker.storage.cleaning.compaction_messages import UncleanableError
from pykbroker.storage.log_config import LONG_MAX

if TYPE_CHECKING:
    from random import Random

    from pykbroker.clock import Clock
    from pykbroker.config import Config
    from pykbroker.replication.checkpoints import Offload
    from pykbroker.replication.compacting import Compactor
    from pykbroker.replication.partition import PartitionLeader
    from pykbroker.replication.partitions import Partitions
    from pykbroker.replication.settings import LiveSettings
    from pykbroker.storage.cleaning.compaction import Cleaned, CompactionTask
    from pykbroker.storage.files import FileSystem
    from pykbroker.storage.log import Log
    from pykbroker.storage.log_directory import LogDirectory
    from pykbroker.storage.segment import Segment

log = logging.getLogger("pykbroker.replication")

Place = tuple[str, int]
"""Topic name and partition index."""
_LOAD_FACTOR_MIN = 0.1
"""Kafka allows any number."""


class Cleaning:
    """Compacts the logs of all data directories of this broker."""

    def __init__(
        self,
        *,
        fs: FileSystem,
        partitions: Partitions,
        settings: LiveSettings,
        compactor: Compactor,
        clock: Clock,
        random: Random,
        offload: Offload,
    ) -> None:
        self._fs = fs
        self._partitions = partitions
        self._settings = settings
        self._compactor = compactor
        self._clock = clock
        self._random = random
        self._offload = offload
        self._writing = trio.Lock()
        self._in_progress: set[Place] = set()
        self._uncleanable: dict[Place, bytes] = {}
        """Topic ids of logs that are left as they are, by place."""
        self._ended = trio.Event()

    @property
    def _config(self) -> Config:
        return self._settings.config

    async def run(self) -> None:
        """Clean what is due, then look again every `log.cleaner.backoff.ms`.

        Ends when: cancelled; at once with `log.cleaner.enable` off. With `log.cleaner.threads` 0
        nothing is begun.
        """
        if not self._config.boolean("log.cleaner.enable"):
            return
        async with trio.open_nursery() as nursery:
            while True:
                while len(self._in_progress) < self._config.integer("log.cleaner.threads"):
                    chosen = self._dirtiest()
                    if chosen is None:
                        break
                    self._in_progress.add(chosen.place)
                    nursery.start_soon(self._clean, chosen)
                await self._forget_deleted()
                with trio.move_on_after(self._config.integer("log.cleaner.backoff.ms") / 1000):
                    await self._ended.wait()
                self._ended = trio.Event()

    # -- choosing ------------------------------------------------------------------------------

    def _dirtiest(self) -> CleaningRun | None:
        due = list(self._due())
        number = dirtiest([run.to_clean for run in due])
        return None if number is None else due[number]

    def _due(self) -> Iterator[CleaningRun]:
        for directory in self._partitions.directories:
            if directory.failure is not None:
                continue
            for each in list(self._partitions.logs_in(directory)):
                place = (each.topic, each.partition)
                if (
                    not each.config.is_compacted
                    or place in self._in_progress
                    or self._uncleanable.get(place) == each.topic_id
                ):
                    continue
                with suppress(KafkaError):  # led by nobody now
                    leader = self._partitions.leader(*place)
                    run = self._run_of(leader, directory)
                    if run is not None:
                        yield run

    def _run_of(self, leader: PartitionLeader, directory: LogDirectory) -> CleaningRun | None:
        """Return what is to be done for a log; None when that is not worth its while."""
        partition_log, checkpoint = leader.partition_log, directory.cleaner_checkpoint
        place, topic_id = (partition_log.topic, partition_log.partition), partition_log.topic_id
        try:
            segments = _segments_of(partition_log)
        except OSError as failure:
            log.warning("log not cleaned topic=%s partition=%d: %s", *place, failure)
            self._uncleanable[place] = topic_id
            return None
        state = LogState(
            segments=segments,
            log_start_offset=partition_log.log_start_offset,
            end_offset=partition_log.end_offset,
            stable_offset=leader.last_stable_offset,
            checkpoint=checkpoint.offset(place, topic_id),
        )
        to_clean = plan(state, partition_log.config, now_ms=self._clock.now_ms())
        if to_clean.checkpoint_is_invalid:
            checkpoint.note(place, topic_id, to_clean.first_dirty_offset)
        if not to_clean.is_due(partition_log.config):
            return None
        return CleaningRun(
            leader,
            directory,
            to_clean,
            fs=self._fs,
            partitions=self._partitions,
            offload=self._offload,
        )

    # -- one cleaning --------------------------------------------------------------------------

    async def _clean(self, run: CleaningRun) -> None:
        """Clean one log and note how far.

        Ends when: done, or the log is gone, or was given up.
        """
        try:
            await run.make_durable()
            cleaned = await self._compactor.compact(
                self._task_of(run), bytes_per_second=self._bytes_per_second(), on_group=run.swap
            )
            await self._note(run, cleaned)
            if cleaned.end_offset > run.to_clean.first_dirty_offset:
                self._ended.set()  # otherwise the pause is for the better
        except LogGoneError:
            log.debug("cleaning ended topic=%s partition=%d: the log is gone", *run.place)
        except SegmentsGoneError:
            log.debug("cleaning ended topic=%s partition=%d: it is begun anew", *run.place)
        except (UncleanableError, OSError) as failure:
            self._give_up(run, failure)
        finally:
            run.remove_unfinished()
            self._in_progress.discard(run.place)

    @property
    def _threads(self) -> int:
        return max(self._config.integer("log.cleaner.threads"), 1)

    def _bytes_per_second(self) -> float:
        limit = self._config.number("log.cleaner.io.max.bytes.per.second")
        return max(limit / self._threads, 1.0)

    def _task_of(self, run: CleaningRun) -> CompactionTask:
        memory_bytes = self._config.integer("log.cleaner.dedupe.buffer.size")
        load_factor = self._config.number("log.cleaner.io.buffer.load.factor")
        io_buffer_bytes = self._config.integer("log.cleaner.io.buffer.size")
        return run.task(
            now_ms=self._clock.now_ms(),
            memory_bytes=memory_bytes // self._threads,
            load_factor=min(max(load_factor, _LOAD_FACTOR_MIN), 1.0),
            io_buffer_bytes=io_buffer_bytes // self._threads // 2,
            salt=self._random.randbytes(16),
        )

    async def _note(self, run: CleaningRun, cleaned: Cleaned) -> None:
        if run.is_open():
            run.tell_cleaned(cleaned, trio.current_time() - run.began)
            checkpoint = run.directory.cleaner_checkpoint
            checkpoint.note(run.place, run.log.topic_id, cleaned.end_offset)
            await self._write(run.directory)

    def _give_up(self, run: CleaningRun, failure: UncleanableError | OSError) -> None:
        """Tell why a log is not clean, and leave it so where trying again is of no use."""
        if not run.is_open() or isinstance(failure, FileNotFoundError):
            return
        if isinstance(failure, OSError) and failure.errno in {*FULL, None}:
            log.warning(
                "log not cleaned topic=%s partition=%d: %s; see to space on disk and to memory,"
                " it is tried again",
                *run.place,
                failure,
            )
            return
        self._uncleanable[run.place] = run.log.topic_id
        log.error(
            "log not cleaned any more topic=%s partition=%d: %s; nothing is lost, but it grows:"
            " stop the broker, run pykbroker repair on the partition and start the broker",
            *run.place,
            failure,
        )

    # -- up to where logs are clean ------------------------------------------------------------

    async def _forget_deleted(self) -> None:
        """Let no topic made anew be taken for clean where the one before was."""
        for directory in self._partitions.directories:
            if directory.failure is not None:
                continue
            topic_ids = {
                (each.topic, each.partition): each.topic_id
                for each in self._partitions.logs_in(directory)
            }
            if directory.cleaner_checkpoint.keep_only(topic_ids):
                await self._write(directory)

    async def _write(self, directory: LogDirectory) -> None:
        async with self._writing:
            try:
                await self._offload(directory.cleaner_checkpoint.write)
            except OSError as failure:
                if failure.errno not in FULL:  # then it is tried again
                    directory.fail(failure)


def _segments_of(partition_log: Log) -> list[CleanableSegment]:
    """Return what the plan asks of segments, read only where the configuration makes it ask."""
    config = partition_log.config
    segments = partition_log.segments
    asks_age = config.min_compaction_lag_ms > 0
    asks_first = config.max_compaction_lag_ms < LONG_MAX
    return [
        CleanableSegment(
            segment.base_offset,
            segment.size,
            _first_ms(segment) if asks_first and segment is not segments[-1] else 0,
            segment.largest.timestamp_ms if asks_age else 0,
        )
        for segment in segments
    ]


def _first_ms(segment: Segment) -> int:
    if segment.first_timestamp_ms is None:
        first = next(segment.headers(), None)
        if first is not None:
            segment.first_timestamp_ms = first[1].max_timestamp
    return segment.first_timestamp_ms or 0
