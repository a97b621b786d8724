"""Requests that wait are told when it is too late, by one task for all."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from pykbroker.replication.deadlines import Deadlines
from pykbroker.replication.waiter import Waiter


async def late_after(deadlines: Deadlines, timeout_ms: int) -> float:
    """Wait for nothing but the deadline; give the seconds until it."""
    waiter, began = Waiter(), trio.current_time()
    deadlines.add(waiter, timeout_ms)
    while not waiter.is_late:
        await waiter.wait()
    return trio.current_time() - began


async def test_each_is_told_at_its_own_time_also_when_a_sooner_one_comes_later(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    deadlines = Deadlines()
    nursery.start_soon(deadlines.run)
    waits: dict[int, float] = {}

    async def wait(timeout_ms: int) -> None:
        waits[timeout_ms] = await late_after(deadlines, timeout_ms)

    for timeout_ms in (30_000, 500, 2_000, 0, -1):
        nursery.start_soon(wait, timeout_ms)
        await wait_all_tasks_blocked()
    await trio.sleep(31)

    assert waits == pytest.approx({30_000: 30, 500: 0.5, 2_000: 2, 0: 0, -1: 0})


async def test_whoever_has_stopped_waiting_is_told_nothing(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    waiter, deadlines = Waiter(), Deadlines()
    nursery.start_soon(deadlines.run)
    await wait_all_tasks_blocked()
    deadlines.add(waiter, 500)
    deadlines.remove(waiter)

    await trio.sleep(1)

    assert not waiter.is_late
    assert await late_after(deadlines, 700) == pytest.approx(0.7)
