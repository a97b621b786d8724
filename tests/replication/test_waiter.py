"""A parked request wakes once, whoever wakes it."""

from __future__ import annotations

import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from pykbroker.replication.waiter import ANY_CHANGE, Waiter, Waiters


async def test_a_wake_before_the_wait_is_not_lost() -> None:
    waiter = Waiter()
    waiter.wake()

    with trio.fail_after(1):
        await waiter.wait()


async def test_a_waiting_task_runs_when_woken(nursery: trio.Nursery) -> None:
    waiter, woken = Waiter(), []

    async def park() -> None:
        await waiter.wait()
        woken.append(True)

    nursery.start_soon(park)
    await wait_all_tasks_blocked()
    waiter.wake()
    waiter.wake()
    await wait_all_tasks_blocked()

    assert woken == [True]


async def test_a_deadline_ends_the_wait_and_a_late_wake_harms_nobody(
    autojump_clock: MockClock,
) -> None:
    del autojump_clock
    waiter = Waiter()

    with trio.move_on_after(5) as scope:
        await waiter.wait()
    waiter.wake()

    assert scope.cancelled_caught


async def test_only_those_whose_offset_is_reached_are_woken(nursery: trio.Nursery) -> None:
    waiters, woken = Waiters(), []

    async def wait(until: int) -> None:
        with waiters.watched_by(waiter := Waiter(), until=until):
            await waiter.wait()
            woken.append(until)

    for until in (5, 3, ANY_CHANGE, 4):
        nursery.start_soon(wait, until)
    await wait_all_tasks_blocked()

    waiters.wake_reached(4)
    await wait_all_tasks_blocked()
    reached = sorted(woken)
    waiters.wake_all()
    await wait_all_tasks_blocked()

    assert (reached, sorted(woken)) == ([ANY_CHANGE, 3, 4], [ANY_CHANGE, 3, 4, 5])
