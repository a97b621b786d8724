"""The driver: what it appends, replays and answers, and what becomes of who waits."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any, cast

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from pykbroker.coordinator.commands import DONE, DeleteGroupCommand
from pykbroker.coordinator.driver import Driver, TooLarge
from pykbroker.coordinator.record_codec import encode
from pykbroker.coordinator.records import ClassicGroupRecord, OffsetRecord, Record
from pykbroker.coordinator.topics import Topics
from pykbroker.errors import ErrorCode, KafkaError
from pykbroker.wire.records import iterate_records
from tests.coordinator.drivers import FixedClock, a_batch, a_driver
from tests.coordinator.list_log import ListLog
from tests.coordinator.small_machine import SmallMachine, an_offset, commit, park, read, tell

if TYPE_CHECKING:
    from pykbroker.coordinator.machine import GroupMachine

STORAGE = KafkaError(ErrorCode.KAFKA_STORAGE_ERROR)


def keys_in(log: ListLog) -> list[tuple[bytes | None, bytes | None]]:
    return [
        (record.key, record.value) for batch in log.batches for record in iterate_records(batch)
    ]


async def code_of(asking: Awaitable[object]) -> ErrorCode:
    with pytest.raises(KafkaError) as refused:
        await asking
    return refused.value.code


async def started(nursery: trio.Nursery, log: ListLog, **machine: Any) -> Driver:
    driver = a_driver(log, **machine)
    nursery.start_soon(driver.run)
    await wait_all_tasks_blocked()
    return driver


async def test_a_command_is_appended_replayed_and_answered(nursery: trio.Nursery) -> None:
    driver = await started(nursery, log := ListLog())

    assert await driver.ask(commit("a", 7)) is DONE

    assert await driver.ask(read("a")) == 7
    assert keys_in(log) == [encode(an_offset("a", 7))]


async def test_a_refusal_is_raised_and_nothing_is_appended(nursery: trio.Nursery) -> None:
    driver = await started(nursery, log := ListLog())

    assert await code_of(driver.ask(commit("a", -1))) is ErrorCode.INVALID_REQUEST
    assert log.batches == []


async def test_nobody_is_told_before_what_was_applied_is_committed(nursery: trio.Nursery) -> None:
    driver = await started(nursery, log := ListLog(commits=False))
    told: list[object] = []

    async def tell(command: Any) -> None:
        try:
            told.append(await driver.ask(command))
        except KafkaError as refusal:
            told.append(refusal.code)

    nursery.start_soon(tell, commit("a", 7))
    await wait_all_tasks_blocked()
    nursery.start_soon(tell, read("a"))
    nursery.start_soon(tell, commit("b", -1))
    await wait_all_tasks_blocked()
    assert told == []

    log.commit()
    await wait_all_tasks_blocked()
    assert set(told) == {DONE, 7, ErrorCode.INVALID_REQUEST}


async def test_a_later_command_answers_who_is_parked(nursery: trio.Nursery) -> None:
    driver = await started(nursery, ListLog())
    told: list[object] = []

    async def wait() -> None:
        told.append(await driver.ask(park()))

    nursery.start_soon(wait)
    nursery.start_soon(wait)
    await wait_all_tasks_blocked()
    assert told == []

    assert await driver.ask(tell("a", 3)) == 3
    await wait_all_tasks_blocked()

    assert told == [3, 3]


async def test_an_asker_who_goes_away_takes_no_others_answer_along(nursery: trio.Nursery) -> None:
    driver = await started(nursery, log := ListLog(commits=False))
    told: list[object] = []

    async def wait() -> None:
        told.append(await driver.ask(park()))

    async with trio.open_nursery() as askers:
        nursery.start_soon(wait)
        await wait_all_tasks_blocked()
        askers.start_soon(driver.ask, tell("a", 3))
        await wait_all_tasks_blocked()
        askers.cancel_scope.cancel()
    log.commit()
    await wait_all_tasks_blocked()

    assert told == [3]


@pytest.mark.row(23)
async def test_while_its_log_is_read_a_coordinator_says_so(nursery: trio.Nursery) -> None:
    log = ListLog(a_batch(an_offset("a", 1)), a_batch(an_offset("a", 2), an_offset("b", 5)))
    log.may_read = trio.Event()
    driver = await started(nursery, log)

    assert await code_of(driver.ask(read("a"))) is ErrorCode.COORDINATOR_LOAD_IN_PROGRESS

    log.may_read.set()
    await wait_all_tasks_blocked()
    assert [await driver.ask(read(group)) for group in "ab"] == [2, 5]


async def test_an_empty_log_is_loaded_without_waiting() -> None:
    driver = a_driver(ListLog())

    await driver.load()

    assert await driver.ask(read("a")) == -1


@pytest.mark.parametrize(
    ("refusal", "told"),
    [
        (ErrorCode.KAFKA_STORAGE_ERROR, ErrorCode.NOT_COORDINATOR),
        (ErrorCode.NOT_LEADER_OR_FOLLOWER, ErrorCode.NOT_COORDINATOR),
        (ErrorCode.NOT_ENOUGH_REPLICAS, ErrorCode.COORDINATOR_NOT_AVAILABLE),
        (ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, ErrorCode.COORDINATOR_NOT_AVAILABLE),
        (ErrorCode.MESSAGE_TOO_LARGE, ErrorCode.UNKNOWN_SERVER_ERROR),
    ],
)
async def test_what_the_log_refuses_is_not_applied_and_the_machine_begins_anew(
    nursery: trio.Nursery,
    autojump_clock: trio.testing.MockClock,
    refusal: ErrorCode,
    told: ErrorCode,
) -> None:
    driver = await started(nursery, log := ListLog())
    await driver.ask(commit("a", 1))
    parked: list[ErrorCode] = []

    async def wait() -> None:
        parked.append(await code_of(driver.ask(park())))

    nursery.start_soon(wait)
    await wait_all_tasks_blocked()
    log.refusal = KafkaError(refusal)

    assert await code_of(driver.ask(tell("a", 2))) is told
    await wait_all_tasks_blocked()
    assert parked == [ErrorCode.NOT_COORDINATOR]
    assert await code_of(driver.ask(read("a"))) is ErrorCode.NOT_COORDINATOR

    log.refusal = None
    await trio.sleep(2.5)
    assert await driver.ask(read("a")) == 1


async def test_a_commit_that_never_comes_is_told_and_the_machine_begins_anew(
    nursery: trio.Nursery,
) -> None:
    driver = await started(nursery, log := ListLog(commits=False))
    codes: list[ErrorCode] = []

    async def tell() -> None:
        codes.append(await code_of(driver.ask(commit("a", 1))))

    nursery.start_soon(tell)
    await wait_all_tasks_blocked()
    log.refusal = STORAGE
    log.wake()
    await wait_all_tasks_blocked()

    assert codes == [ErrorCode.NOT_COORDINATOR]
    assert await code_of(driver.ask(read("a"))) is ErrorCode.NOT_COORDINATOR


async def test_a_commit_that_takes_too_long_is_told(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    driver = await started(nursery, ListLog(commits=False))
    began = trio.current_time()

    assert await code_of(driver.ask(commit("a", 1))) is ErrorCode.COORDINATOR_NOT_AVAILABLE
    assert trio.current_time() - began == pytest.approx(5)


async def test_a_fault_of_the_machine_rises_and_the_machine_begins_anew(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    driver = await started(nursery, ListLog())
    await driver.ask(commit("a", 1))

    with pytest.raises(AssertionError, match="a fault"):
        await driver.ask(DeleteGroupCommand("a"))
    await trio.sleep(1.5)

    assert await driver.ask(read("a")) == 1


async def test_a_fault_in_what_comes_due_ends_nothing_but_the_machine(
    nursery: trio.Nursery,
    autojump_clock: trio.testing.MockClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    driver = await started(nursery, ListLog(), expires_after_ms=1_000)
    await driver.ask(commit("a", 1))
    await driver.ask(commit("faulty", 1))

    await trio.sleep(5)
    assert await code_of(driver.ask(read("a"))) is ErrorCode.NOT_COORDINATOR
    await trio.sleep(30)

    assert await driver.ask(read("faulty")) == 1
    assert [record.levelname for record in caplog.records if record.exc_info] == ["ERROR"]


async def test_what_comes_due_is_done_on_time(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    driver = await started(nursery, log := ListLog(), expires_after_ms=10_000)
    await driver.ask(commit("a", 1))

    await trio.sleep(9.9)
    assert len(log.batches) == 1
    await trio.sleep(0.2)

    assert keys_in(log)[1:] == [encode(OffsetRecord("a", "topic", 0, None))]


async def test_a_deadline_that_is_sooner_wakes_the_driver(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    machine = SmallMachine(expires_after_ms=60_000)
    log = ListLog()
    driver = Driver(
        log, lambda: cast("GroupMachine", machine), clock=FixedClock(), commit_timeout_ms=lambda: 1
    )
    nursery.start_soon(driver.run)
    await wait_all_tasks_blocked()
    await driver.ask(commit("a", 1))
    await wait_all_tasks_blocked()
    machine.expires_after_ms = 1_000
    await driver.ask(commit("b", 1))

    await trio.sleep(1.1)

    assert machine.offsets == {"a": 1}


async def test_a_closed_driver_answers_all_and_does_not_come_back(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    driver = await started(nursery, ListLog())
    codes: list[ErrorCode] = []

    async def wait() -> None:
        codes.append(await code_of(driver.ask(park())))

    nursery.start_soon(wait)
    await wait_all_tasks_blocked()
    driver.close()
    await trio.sleep(5)

    assert codes == [ErrorCode.NOT_COORDINATOR]
    assert await code_of(driver.ask(read("a"))) is ErrorCode.NOT_COORDINATOR


async def test_a_driver_closed_while_it_reads_its_log_does_not_begin(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    log = ListLog(a_batch(an_offset("a", 1)))
    log.may_read = trio.Event()
    driver = await started(nursery, log)

    driver.close()
    log.may_read.set()
    await trio.sleep(5)

    assert await code_of(driver.ask(read("a"))) is ErrorCode.NOT_COORDINATOR


async def test_a_failure_of_old_records_leaves_the_new_machine_alone(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    driver = await started(nursery, log := ListLog(commits=False))
    codes: list[ErrorCode] = []

    async def tell() -> None:
        codes.append(await code_of(driver.ask(commit("a", 1))))

    nursery.start_soon(tell)
    await wait_all_tasks_blocked()
    driver._abandon()
    await trio.sleep(1.5)
    assert not driver.is_loading
    log.refusal = STORAGE
    log.wake()
    await wait_all_tasks_blocked()
    log.refusal = None
    log.commit()

    assert codes == [ErrorCode.NOT_COORDINATOR]
    assert await driver.ask(read("a")) == 1


async def test_a_batch_above_the_limit_is_refused_before_it_is_written(
    nursery: trio.Nursery,
) -> None:
    driver = await started(nursery, log := ListLog())
    log.batch_bytes_max = 80

    parked: list[ErrorCode] = []

    async def wait() -> None:
        parked.append(await code_of(driver.ask(park())))

    nursery.start_soon(wait)
    await wait_all_tasks_blocked()

    assert await code_of(driver.ask(tell("a" * 100, 1))) is ErrorCode.UNKNOWN_SERVER_ERROR
    await wait_all_tasks_blocked()
    assert log.batches == []
    assert parked == [ErrorCode.UNKNOWN_SERVER_ERROR]
    assert await driver.ask(read("a")) == -1  # the machine is still there


async def test_a_machine_knows_the_topics_from_its_beginning() -> None:
    machine = SmallMachine()
    driver = Driver(
        ListLog(),
        lambda: cast("GroupMachine", machine),
        clock=FixedClock(),
        commit_timeout_ms=lambda: 1,
    )
    topics = Topics(revision=3)
    driver.follow(topics)

    await driver.load()

    assert machine.topics is topics


async def test_offsets_to_forget_go_in_several_batches(nursery: trio.Nursery) -> None:
    driver = await started(nursery, log := ListLog())
    log.batch_bytes_max = 1 << 16
    forgotten = tuple(OffsetRecord("a", "topic", number, None) for number in range(2500))
    records: tuple[Record, ...] = (*forgotten, ClassicGroupRecord("a", None))

    driver._append(records)

    sizes = [len(batch) for batch in log.batches]
    assert len(sizes) > 4
    assert max(sizes) <= 1 << 14
    assert keys_in(log) == [encode(record) for record in records]


async def test_what_does_not_fit_is_refused_before_anything_is_written(
    nursery: trio.Nursery,
) -> None:
    driver = await started(nursery, log := ListLog())
    log.batch_bytes_max = 1000
    forgotten = tuple(OffsetRecord("a", "topic", number, None) for number in range(50))

    with pytest.raises(TooLarge):
        driver._append((*forgotten, OffsetRecord("a" * 2000, "topic", 0, None)))

    assert log.batches == []
