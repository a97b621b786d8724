"""Logs are looked after at Kafka's intervals, for as long as the broker runs."""

from __future__ import annotations

import errno
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio
from trio.testing import MockClock

from pykbroker.replication.upkeep import Upkeep
from pykbroker.storage.memory_fs import MemoryFileSystem
from tests.replication.hosted import at_once
from tests.replication.upkept import START_MS, LoopClock, Trouble, Upkept, log_files

LOG_STARTS, RECOVERY_POINTS = "log-start-offset-checkpoint", "recovery-point-offset-checkpoint"


@asynccontextmanager
async def upkeep(upkept: Upkept) -> AsyncIterator[None]:
    """Its tasks run while the block lasts."""
    partitions = upkept.partitions
    tasks = Upkeep(
        partitions=partitions,
        settings=partitions._settings,
        clock=LoopClock(),
        offload=at_once,
    )
    async with trio.open_nursery() as nursery:
        nursery.start_soon(tasks.run)
        yield
        nursery.cancel_scope.cancel()


async def test_retention_is_looked_after_from_the_initial_delay_on(
    autojump_clock: MockClock,
) -> None:
    upkept = Upkept(MemoryFileSystem(), log_retention_check_interval_ms=10_000)
    await upkept.create(retention_ms=35_000, file_delete_delay_ms=5_000)
    upkept.append(START_MS - 10_000, START_MS, START_MS + 3_600_000)
    async with upkeep(upkept):
        await trio.sleep(29.9)
        assert upkept.files(".log") == log_files(0, 2, 4)
        await trio.sleep(0.2)
        assert upkept.files(".log") == log_files(2, 4)
        assert upkept.files(".log.deleted") == log_files(0, suffix=".deleted")
        await trio.sleep(5)
        assert upkept.files(".deleted") == []
        await trio.sleep(5)
        assert upkept.files(".log") == log_files(4)


async def test_the_initial_delay_is_a_property(autojump_clock: MockClock) -> None:
    upkept = Upkept(MemoryFileSystem(), log_initial_task_delay_ms=100)
    await upkept.create(retention_ms=1000)
    upkept.append(START_MS - 2000, START_MS)
    async with upkeep(upkept):
        await trio.sleep(0.2)
        assert upkept.files(".log") == log_files(2)


async def test_checkpoints_are_stored_again_and_again(autojump_clock: MockClock) -> None:
    upkept = Upkept(MemoryFileSystem())
    await upkept.create()
    upkept.append(START_MS, START_MS)
    async with upkeep(upkept):
        await trio.sleep(30.1)
        assert upkept.checkpoint(RECOVERY_POINTS) == ["words 0 4"]
        upkept.append(START_MS)
        upkept.leader().raise_log_start(1)
        await trio.sleep(59)
        assert upkept.checkpoint(RECOVERY_POINTS) == ["words 0 4"]
        await trio.sleep(1)
        assert upkept.checkpoint(RECOVERY_POINTS) == ["words 0 6"]
        assert upkept.checkpoint(LOG_STARTS) == ["words 0 1"]


async def test_an_interval_of_zero_is_once(autojump_clock: MockClock) -> None:
    upkept = Upkept(MemoryFileSystem(), log_flush_offset_checkpoint_interval_ms=0)
    await upkept.create()
    upkept.append(START_MS)
    async with upkeep(upkept):
        await trio.sleep(31)
        upkept.append(START_MS)
        await trio.sleep(600)
        assert upkept.checkpoint(RECOVERY_POINTS) == ["words 0 2"]


async def test_a_full_disk_ends_nothing(autojump_clock: MockClock) -> None:
    upkept = Upkept(fs := Trouble("write_atomic"))
    await upkept.create()
    upkept.append(START_MS)
    fs.failure = OSError(errno.ENOSPC, "No space left on device")
    async with upkeep(upkept):
        await trio.sleep(31)
        assert upkept.checkpoint(RECOVERY_POINTS) == []
        fs.failure = None
        await trio.sleep(60)
        assert upkept.checkpoint(RECOVERY_POINTS) == ["words 0 2"]


async def test_a_failed_directory_is_left_alone(autojump_clock: MockClock) -> None:
    upkept = Upkept(MemoryFileSystem())
    await upkept.create(retention_ms=1000)
    upkept.append(START_MS - 2000, START_MS)
    upkept.directory.fail(OSError(errno.EIO, "Input/output error"))
    async with upkeep(upkept):
        await trio.sleep(3600)

    assert upkept.files(".log") == log_files(0, 2)
    assert upkept.checkpoint(RECOVERY_POINTS) == []


async def test_producers_are_forgotten_unless_a_transaction_is_open(
    autojump_clock: MockClock,
) -> None:
    upkept = Upkept(MemoryFileSystem(), producer_id_expiration_ms=1_000_000)
    await upkept.create()
    upkept.append(START_MS, producer_id=1)
    upkept.append(START_MS + 900_000, producer_id=2)
    upkept.append(START_MS, producer_id=3)
    producers = upkept.leader().partition_log.producers
    producers.entries[3].current_txn_first_offset = 4
    async with upkeep(upkept):
        await trio.sleep(601)
        assert sorted(producers.entries) == [1, 2, 3]
        await trio.sleep(600)
        assert sorted(producers.entries) == [2, 3]


async def test_a_deleted_topics_files_go_after_the_brokers_delay(
    autojump_clock: MockClock,
) -> None:
    upkept = Upkept(fs := MemoryFileSystem(), log_segment_delete_delay_ms=2_000)
    await upkept.create()
    upkept.append(START_MS)
    async with upkeep(upkept):
        await upkept.delete()
        await trio.sleep(1.9)
        assert [name for name in fs.listdir("data") if name.endswith("-delete")] != []
        await trio.sleep(0.2)
        assert [name for name in fs.listdir("data") if name.endswith("-delete")] == []
