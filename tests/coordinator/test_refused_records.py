"""Records that the log does not take: who hears of it, and what becomes of the machine."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, cast

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from pykbroker.coordinator.driver import Driver
from pykbroker.errors import ErrorCode, KafkaError
from tests.coordinator.drivers import FixedClock, a_batch, a_driver
from tests.coordinator.list_log import ListLog
from tests.coordinator.small_machine import SmallMachine, an_offset, commit, park, read, tell

if TYPE_CHECKING:
    from pykbroker.coordinator.machine import GroupMachine

FULL = KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, "No space left on device")


class Asker:
    """Waits for the next offset that is told."""

    def __init__(self, driver: Driver) -> None:
        self.driver = driver
        self.heard: object = None

    async def run(self) -> None:
        try:
            self.heard = await self.driver.ask(park())
        except KafkaError as refusal:
            self.heard = refusal.code


async def parked(nursery: trio.Nursery, driver: Driver) -> Asker:
    asker = Asker(driver)
    nursery.start_soon(asker.run)
    await wait_all_tasks_blocked()
    return asker


async def test_offsets_that_are_refused_leave_everything_else_as_it_was(
    nursery: trio.Nursery, caplog: pytest.LogCaptureFixture
) -> None:
    driver = a_driver(log := ListLog())
    nursery.start_soon(driver.run)
    await wait_all_tasks_blocked()
    await driver.ask(commit("a", 1))
    asker = await parked(nursery, driver)
    log.refusal = FULL

    with pytest.raises(KafkaError) as refused:
        await driver.ask(commit("a", 2))

    assert refused.value.code is ErrorCode.NOT_COORDINATOR
    assert (asker.heard, await driver.ask(read("a"))) == (None, 1)
    log.refusal = None
    await driver.ask(tell("b", 3))
    await wait_all_tasks_blocked()
    assert asker.heard == 3
    assert caplog.messages == []  # the leader has told of the disk


async def test_records_that_cannot_be_written_at_all_take_the_machine_along(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    driver = a_driver(ListLog())
    nursery.start_soon(driver.run)
    await wait_all_tasks_blocked()
    asker = await parked(nursery, driver)

    with pytest.raises((ValueError, struct.error)):
        await driver.ask(tell("a" * 40_000, 1))  # longer than a string of Kafka's may be
    await trio.sleep(1.5)

    assert asker.heard is ErrorCode.NOT_COORDINATOR  # what it was parked for is not known any more
    assert await driver.ask(read("a")) == -1


async def test_deadlines_whose_records_do_not_fit_let_others_go_on(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    machine, log = SmallMachine(expires_after_ms=1_000), ListLog()
    driver = Driver(
        log, lambda: cast("GroupMachine", machine), clock=FixedClock(), commit_timeout_ms=lambda: 1
    )
    nursery.start_soon(driver.run)
    await wait_all_tasks_blocked()
    for number in range(10):
        await driver.ask(commit(f"{number}", 1))
    log.batch_bytes_max = 1
    await trio.sleep_until(driver._wakes_at / 1000 + 1e-6)  # as the driver does

    due_seen = set()
    while machine.due:
        await trio.lowlevel.checkpoint()
        due_seen.add(len(machine.due))

    assert len(due_seen) > 5


async def test_people_are_told_once_of_a_log_that_goes_on_refusing(
    nursery: trio.Nursery,
    autojump_clock: trio.testing.MockClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    driver = a_driver(log := ListLog(a_batch(an_offset("a", 1))))
    log.refusal = FULL
    nursery.start_soon(driver.run)

    await trio.sleep(10)
    told = [record.levelname for record in caplog.records]
    log.refusal = None
    await trio.sleep(2)

    assert log.reads > 10
    assert told == ["WARNING"]
    assert await driver.ask(read("a")) == 1
