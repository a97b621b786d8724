"""A coordinator's driver on a stage: what it has replied is in its log, whatever that loses.

Each group has one client, who asks for one thing after the other; syncs end one at a time between
that. After a refusal, or where none was answered, both what was and what was asked may be there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from random import Random
from typing import Any

import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from pykbroker.config import load
from pykbroker.config.group import GroupSettings, consumer_group_times
from pykbroker.coordinator.commands import CommitCommand, DeleteGroupCommand, OffsetToCommit
from pykbroker.coordinator.driver import Driver
from pykbroker.coordinator.machine import GroupMachine
from pykbroker.coordinator.record_codec import decode
from pykbroker.coordinator.shard import Shard
from pykbroker.errors import ErrorCode, KafkaError
from pykbroker.metadata.values import PartitionImage
from pykbroker.replication.committed_log import PartitionLog
from pykbroker.replication.flusher import Flusher
from pykbroker.replication.partition import PartitionLeader
from pykbroker.storage.log import Log
from tests.coordinator.drivers import FixedClock
from tests.crash.leaders import ThreadsInTurn
from tests.crash.promises import require
from tests.crash.shortening import compact, create_compacted, records_of
from tests.crash.stage import Stage
from tests.storage.logs import read_all

GROUPS = "abcde"
PADDING = ("", "x" * 150)
"""Metadata, for some segments to fill."""
_STEPS = 25
_REFUSALS = frozenset({ErrorCode.NOT_COORDINATOR, ErrorCode.COORDINATOR_LOAD_IN_PROGRESS})


@dataclass(slots=True)
class Told:
    """The offset of each group as its client knows it; None: there is none."""

    may_be: dict[str, list[int | None]] = field(
        default_factory=lambda: {group_id: [None] for group_id in GROUPS}
    )
    asked: int = 0
    """The highest offset that anybody sent."""
    replies: int = 0

    def check(self, log: Log) -> None:
        """Build the machine from a log and compare; raises BrokenPromiseError."""
        machine = _new_machine()
        for _, key, value in records_of(read_all(log)):
            assert key is not None
            record = decode(key, value)
            assert record is not None
            machine.replay(record)
        for group_id, may_be in self.may_be.items():
            found = machine.shard.offsets.get(group_id, "topic", 0)
            offset = None if found is None else found.offset
            require(offset in may_be, f"group {group_id} is at {offset}, none of {may_be}")


class Clients:
    """A driver, and one client for each group."""

    def __init__(self, stage: Stage, told: Told) -> None:
        self.threads = ThreadsInTurn()
        self.flusher = Flusher(stage.directory, self.threads, before_ack=True)
        image = PartitionImage(0, replicas=(1,), leader=1, isr=(1,))
        self.leader = PartitionLeader(stage.logs["a"], image, node_id=1, flushing=self.flusher)
        self.driver = Driver(
            PartitionLog(self.leader, _at_once, 0),
            _new_machine,
            clock=FixedClock(),
            commit_timeout_ms=lambda: 5_000,
        )
        self._stage = stage
        self._told = told
        self._waiting: set[str] = set()

    async def run(self, clock: MockClock, steps: int) -> None:
        """Let so many things happen, and end as a process that dies."""
        random = self._stage.random
        async with trio.open_nursery() as nursery:
            await nursery.start(self.flusher.run)
            nursery.start_soon(self.driver.run)
            for _ in range(steps):
                free = sorted(set(GROUPS) - self._waiting)
                if self.threads.held and (not free or random.random() < 0.4):
                    self.threads.end(random.randrange(len(self.threads.held)))
                elif random.random() < 0.1:
                    clock.jump(1.1)  # a machine that was thrown away is built anew
                elif free:
                    nursery.start_soon(self._ask, random.choice(free))
                await wait_all_tasks_blocked()
                promises = self._stage.promised.partitions["a"]
                promises.durable_end = max(promises.durable_end, self.leader.high_watermark)
            nursery.cancel_scope.cancel()

    async def _ask(self, group_id: str) -> None:
        random, may_be = self._stage.random, self._told.may_be[group_id]
        command: CommitCommand | DeleteGroupCommand
        if random.random() < 0.8:
            offset = self._told.asked = self._told.asked + 1
            metadata = random.choice(PADDING)
            committing = OffsetToCommit("topic", 0, bytes(16), offset, -1, metadata)
            command = CommitCommand(
                group_id, "", None, -1, (committing,), knows_consumer_groups=True
            )
            may_be.append(offset)
        else:
            command = DeleteGroupCommand(group_id)
            may_be.append(None)
        self._waiting.add(group_id)
        try:
            await self.driver.ask(command)
        except KafkaError as refusal:
            nothing = refusal.code is ErrorCode.GROUP_ID_NOT_FOUND and None in may_be[:-1]
            require(nothing or refusal.code in _REFUSALS, f"refused with {refusal}")
        else:
            del may_be[:-1]
            self._told.replies += 1
        self._waiting.discard(group_id)


@cache
def _settings() -> GroupSettings:
    return GroupSettings.of(load())


def _new_machine() -> GroupMachine:
    return GroupMachine(
        Shard(
            settings=_settings,
            times_of=lambda _: consumer_group_times({}, _settings()),
            random_bytes=Random(0).randbytes,
        )
    )


async def _at_once(work: Callable[[], Any]) -> Any:
    return work()


def driven_groups(stage: Stage) -> None:
    """Groups commit and go; the process dies, the power goes, the log is compacted between."""
    create_compacted(stage, segment_bytes=1_500)
    told = Told()
    stage.promised.partitions["a"].contents = told
    for end in (stage.kill, stage.cut_power, stage.kill):
        clock = MockClock()
        trio.run(Clients(stage, told).run, clock, _STEPS, clock=clock)
        if stage.directory.failure is not None:
            return
        end()
        stage.start()
        compact(stage)
        stage.remove()
    require(told.replies or stage.refused, "nobody was ever told anything")
