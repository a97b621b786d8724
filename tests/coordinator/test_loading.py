"""What counts of a coordinator's log when it is read, and who goes on meanwhile."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, cast

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from pykbroker.coordinator.driver import Driver
from pykbroker.coordinator.loading import RECORDS_AT_ONCE, read_records
from pykbroker.coordinator.record_codec import encode
from pykbroker.coordinator.records import OffsetRecord, Record, TargetRecord
from pykbroker.errors import ErrorCode, KafkaError
from pykbroker.wire.records import build_batch
from tests.coordinator.drivers import FixedClock, a_batch, a_driver
from tests.coordinator.list_log import ListLog
from tests.coordinator.small_machine import SmallMachine, an_offset, read

if TYPE_CHECKING:
    from pykbroker.coordinator.machine import GroupMachine


def transaction(*records: Record, producer_id: int) -> bytes:
    return a_batch(*records, producer_id=producer_id, producer_epoch=0, transactional=True)


def marker(kind: int, producer_id: int) -> bytes:
    key, value = bytes((0, 0, 0, kind)), bytes(6)
    return build_batch(
        [(0, key, value, ())],
        producer_id=producer_id,
        producer_epoch=0,
        transactional=True,
        control=True,
    )


async def test_records_of_a_transaction_count_once_it_is_committed() -> None:
    log = ListLog(
        transaction(an_offset("a", 1), producer_id=1),
        transaction(an_offset("b", 2), producer_id=2),
        transaction(an_offset("c", 3), producer_id=3),
        marker(1, 1),
        marker(0, 2),
        marker(1, 2),
    )
    driver = a_driver(log)
    with trio.move_on_after(0.01):
        await driver.run()

    assert [await driver.ask(read(group)) for group in "abc"] == [1, -1, -1]


async def test_of_each_offset_the_record_written_last_counts_whenever_a_transaction_ends() -> None:
    gone = OffsetRecord("b", "topic", 0, None)
    log = ListLog(
        transaction(*(an_offset(group, 1) for group in "abcd"), producer_id=1),
        transaction(an_offset("d", 2), producer_id=2),
        a_batch(an_offset("a", 3), gone),
        marker(1, 2),
        marker(1, 1),
        transaction(an_offset("a", 4), producer_id=1),
        marker(1, 1),
    )
    driver = a_driver(log)
    with trio.move_on_after(0.01):
        await driver.run()

    assert [await driver.ask(read(group)) for group in "abcd"] == [4, -1, 1, 2]


async def test_records_of_groups_count_at_once_while_a_transaction_is_open() -> None:
    groups: list[Record] = [
        TargetRecord("a", "member", {bytes(16): frozenset({1})}),
        an_offset("a", 2),
    ]
    log = ListLog(transaction(an_offset("a", 1), producer_id=1), a_batch(*groups), marker(1, 1))

    found = [record async for some in read_records(log) for record in some]

    assert found == groups


async def test_a_record_that_nobody_can_read_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    rows = [(0, b"\0", None, ()), (0, b"\0\x7f", None, ()), (0, *encode(an_offset("a", 4)), ())]
    driver = a_driver(ListLog(build_batch(rows)))

    with trio.move_on_after(0.01):
        await driver.run()

    assert await driver.ask(read("a")) == 4
    assert [record.args for record in caplog.records if record.levelname == "WARNING"]


@pytest.mark.parametrize(
    "damage",
    [{70: 0xFF}, {7: 0}, {11: 0xFF}, {16: 1}],
    ids=["a record", "its offset", "its length", "its magic"],
)
async def test_nothing_is_told_of_a_log_with_a_damaged_batch(
    damage: dict[int, int], autojump_clock: trio.testing.MockClock
) -> None:
    log = DamagedLog(*(a_batch(an_offset("a", number)) for number in range(3)))
    damaged = bytearray(log.batches[1])
    for position, byte in damage.items():
        damaged[position] = byte
    log.batches[1] = bytes(damaged)
    driver = a_driver(log)

    with trio.move_on_after(3):
        await driver.run()

    with pytest.raises(KafkaError) as refused:
        await driver.ask(read("a"))
    assert refused.value.code is ErrorCode.NOT_COORDINATOR


async def test_whoever_else_is_there_goes_on_while_a_log_is_read(nursery: trio.Nursery) -> None:
    driver = a_driver(ListLog(a_batch(*(an_offset(f"{number}", 1) for number in range(2_000)))))
    nursery.start_soon(driver.run)
    turns = 0

    await trio.lowlevel.checkpoint()
    while driver.is_loading:
        turns += 1
        await trio.lowlevel.checkpoint()

    assert await driver.ask(read("1999")) == 1
    assert turns >= 2_000 // RECORDS_AT_ONCE


async def test_of_many_logs_a_little_of_one_is_read_at_a_time(nursery: trio.Nursery) -> None:
    machines = [SmallMachine() for _ in range(5)]
    turns = trio.Lock()
    for machine in machines:
        driver = Driver(
            ListLog(a_batch(*(an_offset(f"{number}", 1) for number in range(1_000)))),
            lambda machine=machine: cast("GroupMachine", machine),  # type: ignore[misc]
            clock=FixedClock(),
            commit_timeout_ms=lambda: 1,
            turns=turns,
        )
        nursery.start_soon(driver.run)
    replayed = [0]

    while replayed[-1] < 5_000:
        await trio.lowlevel.checkpoint()
        replayed.append(sum(len(machine.offsets) for machine in machines))

    steps = [after - before for before, after in pairwise(replayed)]
    assert max(steps[3:]) <= 2 * RECORDS_AT_ONCE  # each begins at once, then they take turns


async def test_who_is_closed_reads_no_further_and_tells_nobody(
    nursery: trio.Nursery, caplog: pytest.LogCaptureFixture
) -> None:
    log = ListLog(*(a_batch(an_offset("a", number)) for number in range(10)))
    driver = a_driver(log)
    nursery.start_soon(driver.run)
    while not log.reads:
        await trio.lowlevel.checkpoint()

    driver.close()
    await wait_all_tasks_blocked()

    assert 0 < log.reads < 5
    assert caplog.messages == []


async def test_a_log_that_takes_long_to_read_is_not_read_again_at_once(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    driver = a_driver(log := SlowLog(a_batch(an_offset("a", 1))))
    nursery.start_soon(driver.run)
    await trio.sleep(60.1)

    driver._abandon()
    await trio.sleep(0.5)
    reads = log.reads
    await trio.sleep(1)

    assert (reads, log.reads) == (1, 2)


class DamagedLog(ListLog):
    """Gives all batches at once, as they are."""

    end_offset = 3

    async def read(self, offset: int) -> bytes:
        self.reads += 1
        assert self.reads < 10, "it is read without end"
        return b"".join(self.batches)


class SlowLog(ListLog):
    async def read(self, offset: int) -> bytes:
        data = await super().read(offset)
        await trio.sleep(60)
        return data
