"""What counts of a coordinator's log when it is read."""

from __future__ import annotations

import pytest
import trio

from pykbroker.coordinator.record_codec import encode
from pykbroker.coordinator.records import Record
from pykbroker.wire.records import build_batch
from tests.coordinator.drivers import a_batch, a_driver
from tests.coordinator.list_log import ListLog
from tests.coordinator.small_machine import an_offset, read


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
    )
    driver = a_driver(log)
    with trio.move_on_after(0.01):
        await driver.run()

    assert [await driver.ask(read(group)) for group in "abc"] == [1, -1, -1]


async def test_a_record_that_nobody_can_read_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    rows = [(0, b"\0", None, ()), (0, b"\0\x7f", None, ()), (0, *encode(an_offset("a", 4)), ())]
    driver = a_driver(ListLog(build_batch(rows)))

    with trio.move_on_after(0.01):
        await driver.run()

    assert await driver.ask(read("a")) == 4
    assert [record.args for record in caplog.records if record.levelname == "WARNING"]
