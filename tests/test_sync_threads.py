"""Threads that wait for the disk: told of on the event loop, ended in order."""

from __future__ import annotations

import os
import threading
from functools import partial

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from pykbroker.sync_threads import SyncThreads

EIO = OSError(5, "Input/output error")


@pytest.fixture(params=["eventfd", "socketpair"], autouse=True)
def bell(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """What threads ring with: the second is for systems without the first."""
    if request.param == "socketpair":
        monkeypatch.delattr(os, "eventfd", raising=False)
    elif not hasattr(os, "eventfd"):
        pytest.skip("this system has no eventfd")


def fail(failure: BaseException) -> None:
    raise failure


async def test_the_end_of_each_work_is_told_on_the_event_loop(nursery: trio.Nursery) -> None:
    threads, told = SyncThreads(2), trio.Event()
    await nursery.start(threads.run)
    outcomes: list[tuple[OSError | None, bool]] = []

    def done(failure: OSError | None) -> None:
        outcomes.append((failure, threading.current_thread() is loop))
        if len(outcomes) == 2:
            told.set()

    loop = threading.current_thread()
    worked: list[threading.Thread] = []
    threads.start(lambda: worked.append(threading.current_thread()), done)
    threads.start(partial(fail, EIO), done)
    await told.wait()
    nursery.cancel_scope.cancel()

    assert sorted(outcomes, key=str) == sorted([(None, True), (EIO, True)], key=str)
    assert worked != [loop]


async def test_several_works_go_on_side_by_side_but_not_more_than_allowed(
    nursery: trio.Nursery,
) -> None:
    threads, told = SyncThreads(2), trio.Event()
    await nursery.start(threads.run)
    both = threading.Barrier(2)
    running = threading.Semaphore(2)
    ends: list[bool] = []

    def work() -> None:
        assert running.acquire(blocking=False), "a third work at the same time"
        both.wait(timeout=10)
        running.release()

    def done(failure: OSError | None) -> None:
        ends.append(failure is None)
        if len(ends) == 4:
            told.set()

    for _ in range(4):
        threads.start(work, done)
    started = sum(each.name == "pykbroker-sync" for each in threading.enumerate())
    await told.wait()
    nursery.cancel_scope.cancel()

    assert (ends, started) == ([True] * 4, 2)


async def test_work_under_way_at_the_end_is_waited_for_and_told_of() -> None:
    threads, gate = SyncThreads(1), threading.Event()
    outcomes: list[OSError | None] = []
    async with trio.open_nursery() as nursery:
        await nursery.start(threads.run)
        threads.start(lambda: gate.wait(10), outcomes.append)
        nursery.cancel_scope.cancel()
        with trio.CancelScope(shield=True):
            await wait_all_tasks_blocked()
            before = list(outcomes), threads.is_running
            gate.set()

    assert before == ([], False)
    assert outcomes == [None]
    assert not any(each.name == "pykbroker-sync" for each in threading.enumerate())


async def test_a_bug_in_a_work_rises() -> None:
    async def work() -> None:
        async with trio.open_nursery() as nursery:
            threads = SyncThreads(1)
            await nursery.start(threads.run)
            threads.start(lambda: 1 // 0, lambda _: None)

    with pytest.raises(ExceptionGroup) as risen:
        await work()

    assert isinstance(risen.value.exceptions[0], ZeroDivisionError)


async def test_a_bug_keeps_no_other_work_from_being_told_of() -> None:
    outcomes: list[OSError | None] = []

    async def work() -> None:
        async with trio.open_nursery() as nursery:
            threads = SyncThreads(1)
            await nursery.start(threads.run)
            ended = threading.Event()
            for each in (lambda: 1 // 0, lambda: 1 // 0, lambda: None):
                threads.start(each, outcomes.append)
            threads.start(ended.set, outcomes.append)
            ended.wait(10)  # the loop hears of all of them at once

    with pytest.raises(ExceptionGroup):
        await work()

    assert outcomes == [None, None]
    assert not any(each.name == "pykbroker-sync" for each in threading.enumerate())


async def test_where_no_more_threads_are_to_be_had_work_waits_for_those_there_are(
    nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads, told = SyncThreads(8), trio.Event()
    await nursery.start(threads.run)
    outcomes: list[OSError | None] = []

    def done(failure: OSError | None) -> None:
        outcomes.append(failure)
        if len(outcomes) == 2:
            told.set()

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    for _ in range(2):
        threads.start(lambda: None, done)
    await told.wait()
    nursery.cancel_scope.cancel()

    assert outcomes == [None, None]
