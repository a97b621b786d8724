"""Files that are no part of a log any more go after their delay, off the event loop."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from pykbroker.replication.removing import REMOVED_AT_ONCE, Removing
from pykbroker.storage.log_directory import LogDirectory
from pykbroker.storage.memory_fs import MemoryFileSystem
from tests.replication.hosted import a_directory, at_once
from tests.replication.upkept import Trouble


class Broker:
    """What the delay of deleted topics is; it may change."""

    delay_ms = 60_000


def some_files(fs: MemoryFileSystem, *names: str) -> list[str]:
    for name in names:
        fs.create(f"data/{name}")
    return [f"data/{name}" for name in names]


def left(fs: MemoryFileSystem) -> list[str]:
    return [name for name in fs.listdir("data") if name.endswith(".deleted")]


@contextmanager
def removing(
    nursery: trio.Nursery, directory: LogDirectory, offload: Callable[..., Any] = at_once
) -> Iterator[type[Broker]]:
    task = Removing(directory, offload=offload, delay_ms=lambda: Broker.delay_ms)
    nursery.start_soon(task.run)
    yield Broker
    nursery.cancel_scope.cancel()


async def test_each_goes_after_its_delay(autojump_clock: MockClock) -> None:
    directory = a_directory(fs := MemoryFileSystem())
    one, two, three = some_files(fs, "1.deleted", "2.deleted", "3.deleted")
    directory.removals.note([one], delay_ms=2000)
    async with trio.open_nursery() as nursery:
        with removing(nursery, directory):
            await wait_all_tasks_blocked()
            directory.removals.note([two], delay_ms=500)
            directory.removals.note([three], delay_ms=0)

            await wait_all_tasks_blocked()
            assert left(fs) == ["1.deleted", "2.deleted"]
            await trio.sleep(0.6)
            assert left(fs) == ["1.deleted"]
            await trio.sleep(1.3)
            assert left(fs) == ["1.deleted"]
            await trio.sleep(0.2)
            assert left(fs) == []


async def test_without_a_delay_of_its_own_it_goes_by_the_brokers(
    autojump_clock: MockClock,
) -> None:
    directory = a_directory(fs := MemoryFileSystem())
    directory.removals.note(some_files(fs, "1.deleted"), delay_ms=None)
    async with trio.open_nursery() as nursery:
        with removing(nursery, directory):
            await trio.sleep(59.9)
            assert left(fs) == ["1.deleted"]
            await trio.sleep(0.2)
            assert left(fs) == []


async def test_threads_are_heard() -> None:
    directory = a_directory(fs := MemoryFileSystem())
    files = some_files(fs, "1.deleted")
    gone = trio.Event()

    async def offload(work: Callable[[], Any]) -> Any:
        gone.set()
        return work()

    async with trio.open_nursery() as nursery:
        with removing(nursery, directory, offload):
            await wait_all_tasks_blocked()
            await trio.to_thread.run_sync(lambda: directory.removals.note(files, delay_ms=0))
            await gone.wait()


async def test_many_go_a_few_at_a_time(autojump_clock: MockClock) -> None:
    directory = a_directory(fs := MemoryFileSystem())
    names = [f"{number:03d}.deleted" for number in range(2 * REMOVED_AT_ONCE + 1)]
    directory.removals.note(some_files(fs, *names), delay_ms=0)
    counts: list[int] = []

    async def offload(work: Callable[[], Any]) -> Any:
        counts.append(len(left(fs)))
        await trio.sleep(1)
        return work()

    async with trio.open_nursery() as nursery:
        with removing(nursery, directory, offload):
            await trio.sleep(5)

    assert counts == [2 * REMOVED_AT_ONCE + 1, REMOVED_AT_ONCE + 1, 1]


async def test_what_cannot_be_removed_is_told_of_and_keeps_nothing_from_going(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    directory = a_directory(fs := Trouble("remove"))
    directory.removals.note(some_files(fs, "1.deleted"), delay_ms=0)
    fs.failure = OSError(30, "Read-only file system", "data/1.deleted")
    async with trio.open_nursery() as nursery:
        with removing(nursery, directory):
            await trio.sleep(1)
            fs.failure = None
            directory.removals.note(some_files(fs, "2.deleted"), delay_ms=0)
            await trio.sleep(1)

    assert left(fs) == ["1.deleted"]
    (message,) = caplog.messages
    assert message.startswith("files not removed path=data: [Errno 30] Read-only file system")
    assert message.endswith("; the next start tries again")


async def test_nothing_is_removed_from_a_failed_directory() -> None:
    directory = a_directory(fs := MemoryFileSystem())
    directory.removals.note(some_files(fs, "1.deleted"), delay_ms=0)
    directory.fail(OSError(5, "Input/output error"))

    await Removing(directory, offload=at_once, delay_ms=lambda: 0).run()

    assert left(fs) == ["1.deleted"]
