"""The memory of large frames is shared, bounded, and never waited for in a circle."""

from __future__ import annotations

import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from pykbroker.server.budget import ReceiveBudget, Share
from pykbroker.server.limits import ServerLimits
from tests.server.clients import PARK, Transfer, a_request, serving


async def test_one_share_may_overdraw_and_the_next_waits_until_it_is_given_back() -> None:
    budget = ReceiveBudget(100)
    first, second, third = Share(budget), Share(budget), Share(budget)
    await first.reserve(90)
    await second.reserve(90)
    assert budget.available_bytes == -80

    async with trio.open_nursery() as nursery:
        nursery.start_soon(third.reserve, 50)
        await wait_all_tasks_blocked()
        assert (third.waiting, third.reserved_bytes) == (True, 0)
        await second.reserve(10)  # who overdraws may go on: it is the one that will finish
        second.release()

    assert (third.waiting, third.reserved_bytes, budget.available_bytes) == (False, 50, -40)
    for share in (third, first, first):
        share.release()
    assert (budget.available_bytes, budget.overdrawn_by) == (100, None)


async def test_a_cancelled_wait_holds_nothing() -> None:
    budget = ReceiveBudget(10)
    holder, overdrawer, waiter = Share(budget), Share(budget), Share(budget)
    await holder.reserve(10)
    await overdrawer.reserve(10)

    with trio.move_on_after(0):
        await waiter.reserve(10)

    assert (waiter.waiting, waiter.reserved_bytes) == (False, 0)
    holder.release()
    overdrawer.release()
    assert budget.available_bytes == 10


async def test_many_large_requests_share_little_memory_and_all_are_answered(
    autojump_clock: MockClock,
) -> None:
    limits = ServerLimits(queued_max_request_bytes=200_000)
    async with serving(limits=limits, tcp=False) as here:
        request = a_request(Transfer, {"records": b"r" * 300_000})
        sizes = []

        async def ask() -> None:
            client = here.connect_in_memory()
            await client.send(request)
            sizes.append((await client.reply(Transfer))[1].received)

        async with trio.open_nursery() as nursery:
            for _ in range(10):
                nursery.start_soon(ask)

        assert sizes == [300_000] * 10
        assert here.server.counters.connections_expired == 0


async def test_a_connection_that_waits_for_memory_is_not_called_slow(
    autojump_clock: MockClock,
) -> None:
    limits = ServerLimits(queued_max_request_bytes=100_000)
    async with serving(limits=limits, tcp=False) as here:
        request = a_request(Transfer, {"records": b"r" * 600_000})
        parked = a_request(Transfer, {"records": b"r" * 90_000, "size": PARK})
        for _ in range(2):  # the second overdraws
            await here.connect_in_memory().send(parked)
        waiting = here.connect_in_memory()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(waiting.send, request)
            await trio.sleep(100)
            assert here.server.counters.connections == 3
            here.doings.proceed.set()

            assert (await waiting.reply(Transfer))[1].received == 600_000
