"""A data directory whose syncs end when the test says so, and those who wait for them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import trio
from trio.testing import wait_all_tasks_blocked

from pykbroker.errors import ErrorCode, KafkaError
from pykbroker.metadata.values import PartitionImage
from pykbroker.replication.flusher import Flusher
from pykbroker.replication.partition import PartitionLeader
from pykbroker.storage.log_config import LogConfig
from pykbroker.storage.log_directory import LogDirectory
from pykbroker.storage.memory_fs import MemoryFileSystem
from pykbroker.wire.records import build_batch

NOW_MS = 1_700_000_000_000
EIO = OSError(5, "Input/output error")


class HeldThreads:
    """Threads whose work ends when the test says so."""

    def __init__(self) -> None:
        self.is_running = False
        self.held: list[tuple[Callable[[], object], Callable[[OSError | None], object]]] = []

    def start(self, work: Callable[[], object], done: Callable[[OSError | None], object]) -> None:
        self.held.append((work, done))

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        self.is_running = True
        task_status.started()
        try:
            await trio.sleep_forever()
        finally:
            self.is_running = False

    def end_one(self, failure: OSError | None = None) -> None:
        """Let the work that was started first end, with its effects unless it fails."""
        work, done = self.held.pop(0)
        if failure is None:
            work()
        done(failure)


class Site:
    """A directory in memory, its flusher and what the flusher is waiting for."""

    def __init__(self, *, before_ack: bool = True) -> None:
        self.fs = MemoryFileSystem()
        self.directory = LogDirectory.open(
            self.fs, "data", node_id=1, cluster_id="c", directory_id=b"d" * 16
        )
        self.threads = HeldThreads()
        self.flusher = Flusher(self.directory, self.threads, before_ack=before_ack)

    def leader(self, index: int = 0, **config: Any) -> PartitionLeader:
        log = self.directory.log("t", index, b"t" * 16, LogConfig(**config), NOW_MS)
        image = PartitionImage(index, replicas=(1,), leader=1, isr=(1,))
        return PartitionLeader(log, image, node_id=1, flushing=self.flusher)

    async def end_one(self, failure: OSError | None = None) -> None:
        self.threads.end_one(failure)
        await wait_all_tasks_blocked()


@asynccontextmanager
async def running(site: Site) -> AsyncIterator[None]:
    async with trio.open_nursery() as nursery:
        await nursery.start(site.flusher.run)
        yield
        nursery.cancel_scope.cancel()


def a_batch() -> bytes:
    return build_batch([(NOW_MS, b"k", b"v", ())])


async def append(leader: PartitionLeader, *, acks_all: bool = True) -> None:
    """Append one record and let the flusher hear of it."""
    leader.append(memoryview(a_batch()), acks_all=acks_all, now_ms=NOW_MS)
    await wait_all_tasks_blocked()


class Waiting:
    """Requests that wait for acks=all, and what came of each."""

    def __init__(self, nursery: trio.Nursery) -> None:
        self._nursery = nursery
        self.outcomes: list[tuple[int, ErrorCode]] = []

    async def begin(self, leader: PartitionLeader, *, durable: bool = False) -> None:
        self._nursery.start_soon(self._wait, leader, leader.end_offset, durable)
        await wait_all_tasks_blocked()

    async def _wait(self, leader: PartitionLeader, end_offset: int, durable: bool) -> None:
        try:
            await (leader.wait_durable if durable else leader.wait_committed)(end_offset)
        except KafkaError as refusal:
            self.outcomes.append((end_offset, refusal.code))
        else:
            self.outcomes.append((end_offset, ErrorCode.NONE))


def seen(leader: PartitionLeader) -> tuple[int, int]:
    """The high watermark, and how many bytes a consumer can read from the start."""
    found = leader.read(0, max_bytes=10_000, committed_only=False, at_least_one=True)
    return found.high_watermark, 0 if found.records is None else len(found.records)
