"""Logs are compacted while they are served; whatever goes wrong, nothing of them is lost."""

from __future__ import annotations

import errno
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from pykbroker.replication.cleaning import Cleaning
from pykbroker.replication.compacting import CompactionInSteps, OnGroup
from pykbroker.storage.cleaning.compaction import Cleaned, CompactionTask
from pykbroker.storage.memory_fs import MemoryFileSystem
from pykbroker.wire.records import build_batch
from tests.replication.hosted import Feed, again, at_once
from tests.replication.upkept import NAME, START_MS, LoopClock, Trouble, Upkept, log_files
from tests.storage.compacted import kept, put, rows_as_records

CHECKPOINT = "cleaner-offset-checkpoint"


class Compacted(Upkept):
    """One compacted topic of one partition."""

    def __init__(self, fs: MemoryFileSystem, **broker: Any) -> None:
        super().__init__(fs, **broker)
        self.runs = 0

    async def create(self, *names: str, **config: Any) -> None:
        await super().create(*names, **{"cleanup_policy": "compact", **config})

    def put(self, *keys: str, name: str = NAME) -> None:
        """Append a batch of these keys, the value being the offset, and begin a new segment."""
        leader = self.leader(name)
        rows = [(key, f"{leader.end_offset + number}") for number, key in enumerate(keys)]
        batch = bytearray(build_batch(rows_as_records(rows, START_MS)))
        leader.append(memoryview(batch), acks_all=True, now_ms=START_MS)
        leader.partition_log.roll(START_MS)
        leader.partition_log.flush()

    def offsets(self, name: str = NAME) -> list[int]:
        """The offsets of the records that are left."""
        return [record.offset for record in kept(self.leader(name).partition_log)]

    async def compact(
        self, task: CompactionTask, *, bytes_per_second: float, on_group: OnGroup
    ) -> Cleaned:
        """As a compactor: count, and let the event loop do it."""
        self.runs += 1
        steps = CompactionInSteps(self.fs)
        return await steps.compact(task, bytes_per_second=bytes_per_second, on_group=on_group)


@asynccontextmanager
async def cleaning(compacted: Compacted, compactor: Any = None) -> AsyncIterator[None]:
    """Logs are cleaned while the block lasts."""
    partitions = compacted.partitions
    task = Cleaning(
        fs=compacted.fs,
        partitions=partitions,
        settings=partitions._settings,
        compactor=compactor or compacted,
        clock=LoopClock(),
        random=Random(1),
        offload=at_once,
    )
    async with trio.open_nursery() as nursery:
        nursery.start_soon(task.run)
        yield
        nursery.cancel_scope.cancel()


async def test_a_dirty_log_is_cleaned_told_of_and_noted(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    compacted = Compacted(MemoryFileSystem())
    await compacted.create()
    compacted.put("a", "b")
    compacted.put("a", "c")

    async with cleaning(compacted):
        await trio.sleep(1)

    assert compacted.offsets() == [1, 2, 3]
    assert compacted.checkpoint(CHECKPOINT) == [f"{NAME} 0 4"]
    assert [segment.base_offset for segment in compacted.leader().partition_log.segments] == [0, 4]
    assert compacted.files(".deleted") == [
        f"{offset:020d}{suffix}.deleted"
        for offset in (0, 2)
        for suffix in (".index", ".log", ".timeindex")
    ]
    (line,) = [record.getMessage() for record in caplog.records if "cleaned" in record.getMessage()]
    assert line == (
        f"log cleaned topic={NAME} partition=0 offsets=[0, 4) bytes_before=158 bytes_after=149"
        " seconds=0.0"
    )


async def test_it_looks_again_after_the_backoff(autojump_clock: MockClock) -> None:
    compacted = Compacted(MemoryFileSystem(), log_cleaner_backoff_ms=7_000)
    await compacted.create()
    async with cleaning(compacted):
        await trio.sleep(1)
        compacted.put("a", "a")
        await trio.sleep(5.9)
        assert compacted.offsets() == [0, 1]
        await trio.sleep(0.2)
        assert compacted.offsets() == [1]
        await trio.sleep(100)

    assert compacted.runs == 1


@pytest.mark.parametrize(
    "properties", [{"log_cleaner_threads": 0}, {"log_cleaner_enable": "false"}]
)
async def test_it_can_be_turned_off(autojump_clock: MockClock, properties: dict[str, Any]) -> None:
    compacted = Compacted(MemoryFileSystem(), **properties)
    await compacted.create()
    compacted.put("a", "a")

    async with cleaning(compacted):
        await trio.sleep(100)

    assert compacted.runs == 0


async def test_logs_that_are_not_compacted_are_left_alone(autojump_clock: MockClock) -> None:
    compacted = Compacted(MemoryFileSystem())
    await compacted.create(cleanup_policy="delete")
    compacted.put("a", "a")

    async with cleaning(compacted):
        await trio.sleep(20)
        assert compacted.runs == 0
        await compacted.create(cleanup_policy="compact,delete")
        await trio.sleep(20)

    assert compacted.offsets() == [1]


async def test_what_is_not_committed_is_not_cleaned(autojump_clock: MockClock) -> None:
    compacted = Compacted(MemoryFileSystem())
    await compacted.create()
    put(compacted.leader().partition_log, ("a", "1"), ("a", "2"))
    compacted.leader().partition_log.roll(START_MS)

    async with cleaning(compacted):
        await trio.sleep(20)

    assert compacted.runs == 0


async def test_what_is_cleaned_is_durable_before(autojump_clock: MockClock) -> None:
    compacted = Compacted(MemoryFileSystem())
    await compacted.create()
    compacted.put("a", "a")
    compacted.leader().partition_log.recovery_point = 0

    async with cleaning(compacted):
        await trio.sleep(1)

    assert compacted.leader().partition_log.recovery_point == 2


async def test_as_many_logs_are_cleaned_side_by_side_as_there_are_threads(
    autojump_clock: MockClock,
) -> None:
    compacted = Compacted(MemoryFileSystem(), log_cleaner_threads=2)
    names = ["x", "y", "z"]
    await compacted.create(*names)
    for name in names:
        compacted.put("a", "a", name=name)
    under_way, most = 0, 0

    class Slow(CompactionInSteps):
        async def compact(self, *args: Any, **options: Any) -> Cleaned:
            nonlocal under_way, most
            under_way += 1
            most = max(most, under_way)
            await trio.sleep(1)
            under_way -= 1
            return await super().compact(*args, **options)

    async with cleaning(compacted, Slow(compacted.fs)):
        await trio.sleep(3)

    assert most == 2
    assert [compacted.offsets(name) for name in names] == [[1], [1], [1]]


async def test_a_log_that_cannot_be_read_is_told_of_and_left(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    compacted = Compacted(MemoryFileSystem())
    await compacted.create("bad", "good")
    for name in ("bad", "good"):
        compacted.put("a", "a", name=name)
    file = compacted.leader("bad").partition_log.segments[0].file
    before = bytes(file.pread(file.size, 0))
    file.pwrite(b"?", file.size - 1)

    async with cleaning(compacted):
        await trio.sleep(100)

    assert (compacted.offsets("good"), compacted.runs) == ([1], 2)
    assert compacted.leader("bad").partition_log.segments[0].file is file
    assert file.size == len(before)
    assert compacted.files(".cleaned", "bad") == []
    (line,) = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert line.levelno == logging.ERROR
    assert "log not cleaned any more topic=bad partition=0: " in line.getMessage()


async def test_a_full_disk_is_told_of_and_tried_again(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    fs = Trouble("create")
    compacted = Compacted(fs)
    await compacted.create()
    compacted.put("a", "a")
    fs.failure = OSError(errno.ENOSPC, "No space left on device")

    async with cleaning(compacted):
        await trio.sleep(20)
        assert (compacted.offsets(), fs.refused) == ([0, 1], 2)
        fs.failure = None
        await trio.sleep(20)

    assert compacted.offsets() == [1]
    assert {record.levelname for record in caplog.records} == {"WARNING"}


async def test_what_a_failed_cleaning_wrote_is_removed(autojump_clock: MockClock) -> None:
    compacted = Compacted(MemoryFileSystem())
    await compacted.create()
    compacted.put("a", "a")
    seen: list[list[str]] = []

    class Failing(CompactionInSteps):
        async def compact(
            self, task: CompactionTask, *, bytes_per_second: float, on_group: OnGroup
        ) -> Cleaned:
            async def fail(group: Any) -> None:
                seen.append(compacted.files(".cleaned"))
                raise OSError(errno.ENOSPC, "No space left on device")

            return await super().compact(task, bytes_per_second=bytes_per_second, on_group=fail)

    async with cleaning(compacted, Failing(compacted.fs)):
        await trio.sleep(1)

    assert len(seen[0]) == 3
    assert compacted.files(".cleaned") == []
    assert compacted.offsets() == [0, 1]


async def test_a_disk_that_fails_during_the_swap_fails_the_directory(
    autojump_clock: MockClock,
) -> None:
    fs = Trouble("rename")
    compacted = Compacted(fs)
    await compacted.create()
    compacted.put("a", "a")
    fs.failure = OSError(errno.EIO, "Input/output error")

    async with cleaning(compacted):
        await trio.sleep(100)

    assert compacted.directory.failure is fs.failure
    assert compacted.runs == 1


async def test_a_topic_deleted_meanwhile_ends_its_cleaning_and_leaves_its_successor_alone(
    autojump_clock: MockClock,
) -> None:
    compacted = Compacted(MemoryFileSystem())
    await compacted.create()
    compacted.put("a", "a")
    feed: Feed = compacted._feed

    class Deleting(CompactionInSteps):
        async def compact(
            self, task: CompactionTask, *, bytes_per_second: float, on_group: OnGroup
        ) -> Cleaned:
            async def delete_first(group: Any) -> None:
                await compacted.partitions.apply(feed.show(again(NAME)))
                compacted.put("new")
                await on_group(group)

            return await super().compact(
                task, bytes_per_second=bytes_per_second, on_group=delete_first
            )

    async with cleaning(compacted, Deleting(compacted.fs)):
        await trio.sleep(10)
        assert compacted.offsets() == [0]

    assert compacted.files(".log") == log_files(0, 1)
    assert compacted.checkpoint(CHECKPOINT) == []


@pytest.mark.parametrize("gone", [1, 2])
async def test_no_tombstone_goes_before_what_it_deletes_when_segments_are_taken_meanwhile(
    autojump_clock: MockClock, gone: int
) -> None:
    compacted = Compacted(MemoryFileSystem())
    await compacted.create(delete_retention_ms=0, min_cleanable_dirty_ratio=0)
    for rows in ([("x", "0")], [("k", "1")], [("k", None), ("y", "3")]):
        put(compacted.leader().partition_log, *rows)
        compacted.leader().partition_log.roll(START_MS)
    compacted.put("y")

    class Shortening(CompactionInSteps):
        async def compact(
            self, task: CompactionTask, *, bytes_per_second: float, on_group: OnGroup
        ) -> Cleaned:
            async def shorten(group: Any) -> None:
                if compacted.leader().partition_log.raise_log_start(gone):
                    compacted.leader().partition_log.drop_unreachable()
                await on_group(group)

            return await super().compact(task, bytes_per_second=bytes_per_second, on_group=shorten)

    async with cleaning(compacted, Shortening(compacted.fs)):
        for _ in range(3):
            await trio.sleep(20)
            compacted.put("y")

    assert [record.key for record in kept(compacted.leader().partition_log)] == ["y", "y"]


async def test_the_checkpoint_outlives_a_restart_and_forgets_deleted_topics(
    autojump_clock: MockClock,
) -> None:
    compacted = Compacted(MemoryFileSystem())
    await compacted.create("x", "y")
    for name in ("x", "y"):
        compacted.put("a", "a", name=name)
    async with cleaning(compacted):
        await trio.sleep(1)
    assert compacted.checkpoint(CHECKPOINT) == ["x 0 2", "y 0 2"]

    async with cleaning(compacted):
        await trio.sleep(1)
        await compacted.create("y")
        await trio.sleep(20)

    assert compacted.runs == 2
    assert compacted.checkpoint(CHECKPOINT) == ["y 0 2"]


async def test_a_topic_made_anew_is_not_clean_where_the_one_before_was_even_after_a_restart(
    autojump_clock: MockClock,
) -> None:
    compacted = Compacted(MemoryFileSystem())
    await compacted.create()
    compacted.put("a", "a")
    async with cleaning(compacted):
        await trio.sleep(1)
        assert compacted.checkpoint(CHECKPOINT) == [f"{NAME} 0 2"]
        await compacted.partitions.apply(compacted._feed.show(again(NAME)))

    assert compacted.checkpoint(CHECKPOINT) == []


async def test_work_is_held_back_to_the_bytes_per_second(autojump_clock: MockClock) -> None:
    compacted = Compacted(MemoryFileSystem(), log_cleaner_io_max_bytes_per_second=50.0)
    await compacted.create()
    compacted.put("a", "a")

    async with cleaning(compacted):
        await trio.sleep(3)
        assert compacted.offsets() == [0, 1]
        await trio.sleep(3)

    assert compacted.offsets() == [1]
