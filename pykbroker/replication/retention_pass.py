"""One look through the logs of a directory for segments to delete; follows Kafka's cleanupLogs.

First log starts are raised and stored, then segments below them go: whatever a crash leaves of the
files, no record that was deleted is back, and none that was not is taken for lost.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

import trio

from pykbroker.errors import KafkaError
from pykbroker.replication.checkpoints import Offload, refused

if TYPE_CHECKING:
    from pykbroker.clock import Clock
    from pykbroker.replication.partition import PartitionLeader
    from pykbroker.replication.partitions import Partitions
    from pykbroker.storage.log import Log
    from pykbroker.storage.log_directory import LogDirectory
    from pykbroker.storage.retention import Plan

log = logging.getLogger("pykbroker.replication")


class RetentionPass:
    """Deletes what the configurations of logs say, as they are at each pass."""

    def __init__(self, partitions: Partitions, *, clock: Clock, offload: Offload) -> None:
        self._partitions = partitions
        self._clock = clock
        self._offload = offload
        self._told: dict[tuple[str, int], int] = {}
        """By place: the timestamp in the future that somebody was told of."""

    async def run(self, directory: LogDirectory) -> None:
        """Look through all logs of a directory once; other tasks run between any two of them.

        On error: a log whose oldest segments cannot be read is told of and left as it is. What a
        full disk has no room for, the next pass tries again.
        """
        shortened = []
        for leader in self._leaders(directory):
            if self._raise_log_start(leader, directory):
                shortened.append(leader)
            await trio.lowlevel.checkpoint()
        if not shortened:
            return
        try:
            await self._partitions.checkpoints.store_log_starts(directory)
        except KafkaError:
            for leader in shortened:
                await self._drop_one_by_one(leader, directory)
        else:
            for leader in shortened:
                self._drop_segments(leader, directory)
                await trio.lowlevel.checkpoint()

    def _leaders(self, directory: LogDirectory) -> Sequence[PartitionLeader]:
        leaders = []
        for each in list(self._partitions.logs_in(directory)):
            with suppress(KafkaError):
                leaders.append(self._partitions.leader(each.topic, each.partition))
        return leaders

    def _is_served(self, leader: PartitionLeader, directory: LogDirectory) -> bool:
        """Tell whether the leader still is its partition's: a topic made again has other files."""
        partition_log = leader.partition_log
        with suppress(KafkaError):
            now = self._partitions.leader(partition_log.topic, partition_log.partition)
            return now is leader and not leader.is_offline and directory.failure is None
        return False

    def _raise_log_start(self, leader: PartitionLeader, directory: LogDirectory) -> bool:
        """Make unreadable what is to go; tell whether there is any."""
        if not self._is_served(leader, directory):
            return False
        partition_log, now_ms = leader.partition_log, self._clock.now_ms()
        try:
            plan = partition_log.retention_plan(high_watermark=leader.high_watermark, now_ms=now_ms)
        except OSError as failure:
            _tell_unreadable(partition_log, failure)
            return False
        self._tell_of_the_future(partition_log, plan)
        if not plan.reasons:
            return False
        try:
            if plan.takes_all:
                partition_log.roll(now_ms)
        except OSError as failure:
            refused(directory, failure, "segments not deleted")
            return False
        partition_log.raise_log_start(plan.log_start_offset)
        leader.wake_all()
        log.info(
            "deleting segments topic=%s partition=%d log_start_offset=%d: %s",
            partition_log.topic,
            partition_log.partition,
            partition_log.log_start_offset,
            ", ".join(f"{count} {why.value}" for why, count in Counter(plan.reasons).items()),
        )
        return True

    async def _drop_one_by_one(self, leader: PartitionLeader, directory: LogDirectory) -> None:
        """Make room on a disk that has none even for the log starts.

        Each segment is gone for good before the next goes: no crash brings an older one back.
        """
        while self._drop_segments(leader, directory, at_most=1):
            try:
                await self._offload(partial(directory.sync_names, leader.partition_log))
            except FileNotFoundError:
                return  # the topic was deleted meanwhile
            except OSError as failure:
                directory.fail(failure)

    def _drop_segments(
        self, leader: PartitionLeader, directory: LogDirectory, at_most: int | None = None
    ) -> bool:
        """Take segments below the log start out of the log; tell whether there were any."""
        if not self._is_served(leader, directory):
            return False
        partition_log = leader.partition_log
        try:
            aside = partition_log.drop_unreachable(at_most)
        except OSError as failure:
            directory.fail(failure)
            return False
        directory.removals.note(aside, delay_ms=partition_log.config.file_delete_delay_ms)
        return bool(aside)

    def _tell_of_the_future(self, partition_log: Log, plan: Plan) -> None:
        place = partition_log.topic, partition_log.partition
        if plan.stays_until_ms is None:
            self._told.pop(place, None)
        elif self._told.get(place) != plan.stays_until_ms:
            self._told[place] = plan.stays_until_ms
            log.warning(
                "segment does not age topic=%s partition=%d: its newest timestamp %d is in the"
                " future; mend the clock of who produces there, or set"
                " message.timestamp.type=LogAppendTime",
                *place,
                plan.stays_until_ms,
            )


def _tell_unreadable(partition_log: Log, failure: OSError) -> None:
    log.warning(
        "segments not deleted topic=%s partition=%d: %s; stop the broker and run pykbroker repair"
        " on the partition",
        partition_log.topic,
        partition_log.partition,
        failure,
    )
