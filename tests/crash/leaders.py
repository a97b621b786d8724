"""Partition leaders and their flusher on a stage: acknowledged is what the high watermark says.

Syncs end one at a time and in any order, and appends go on between them. After an error of the
disk producers go on asking: whatever the leader answers then must be true of the disk.
"""

from __future__ import annotations

from functools import partial

import trio
from trio.testing import wait_all_tasks_blocked

from pykbroker.errors import ErrorCode, KafkaError
from pykbroker.metadata.values import PartitionImage
from pykbroker.replication.flusher import Flusher
from pykbroker.replication.partition import PartitionLeader
from tests.crash.promises import require
from tests.crash.stage import Stage
from tests.replication.held_syncs import HeldThreads
from tests.storage.logs import a_batch, stored

_STEPS = 40


class ThreadsInTurn(HeldThreads):
    """Threads that work when it is their turn."""

    def end(self, number: int) -> None:
        """Let one of those that wait do its work."""
        work, done = self.held.pop(number)
        failure: OSError | None = None
        try:
            work()
        except OSError as error:
            failure = error
        done(failure)


class Leaders:
    """The leaders of all logs of a stage."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.threads = ThreadsInTurn()
        self.flusher = Flusher(stage.directory, self.threads, before_ack=True)
        image = PartitionImage(0, replicas=(1,), leader=1, isr=(1,))
        self.by_topic = {
            topic: PartitionLeader(log, image, node_id=1, flushing=self.flusher)
            for topic, log in stage.logs.items()
        }

    def append(self, topic: str) -> None:
        """Append a batch, or be refused."""
        leader, promises = self.by_topic[topic], self.stage.promised.partitions[topic]
        value_bytes = self.stage.random.choice((5, 300, 900))
        batch = bytearray(a_batch(2, value_bytes=value_bytes, leader_epoch=leader.leader_epoch))
        expected = leader.end_offset.to_bytes(8, "big") + batch[8:]
        before = promises.batches
        promises.batches = [*before, stored(bytes(expected))]
        try:
            leader.append(memoryview(batch), acks_all=True, now_ms=self.stage.promised.now_ms)
        except KafkaError as refusal:
            require(refusal.code is ErrorCode.KAFKA_STORAGE_ERROR, f"refused with {refusal}")
            promises.alternatives.append(promises.batches)
            promises.batches = before
        self.acknowledge()

    def acknowledge(self) -> None:
        """Tell producers and consumers what the high watermarks say."""
        for topic, leader in self.by_topic.items():
            promises = self.stage.promised.partitions[topic]
            require(leader.high_watermark >= promises.durable_end, "a high watermark went back")
            promises.durable_end = leader.high_watermark

    async def step(self) -> None:
        """Let one thing happen: an append, or the end of a sync."""
        random = self.stage.random
        if self.threads.held and random.random() < 0.5:
            self.threads.end(random.randrange(len(self.threads.held)))
            self.acknowledge()
        else:
            self.append(random.choice(sorted(self.by_topic)))
        await wait_all_tasks_blocked()


def _two_logs(stage: Stage) -> None:
    stage.create("a", segment_bytes=3_000)
    stage.create("b", segment_bytes=3_000, cleanup_policy=frozenset({"compact"}))


async def _lead(stage: Stage, steps: int) -> None:
    leaders = Leaders(stage)
    async with trio.open_nursery() as nursery:
        await nursery.start(leaders.flusher.run)
        for _ in range(steps):
            await leaders.step()
        nursery.cancel_scope.cancel()


def leaders_under_group_commit(stage: Stage) -> None:
    """Two leaders append while syncs are under way; the broker stops and goes on."""
    _two_logs(stage)
    trio.run(partial(_lead, stage, _STEPS))
    if stage.directory.failure is not None:
        stage.directory.close()
        return
    stage.stop()
    stage.start()
    trio.run(partial(_lead, stage, _STEPS // 2))


def leaders_and_kills(stage: Stage) -> None:
    """The process dies in the middle of a round, starts again, and the leaders go on."""
    _two_logs(stage)
    for _ in range(3):
        trio.run(partial(_lead, stage, _STEPS // 3))
        if stage.directory.failure is not None:
            return
        stage.kill()
        stage.start()
        stage.sync()  # as a broker does before it leads: what it found may be in memory alone
