"""Drivers of small machines, and batches for their logs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from pykbroker.coordinator.driver import Driver
from pykbroker.coordinator.record_codec import encode
from pykbroker.coordinator.records import Record
from pykbroker.wire.records import build_batch
from tests.coordinator.list_log import ListLog
from tests.coordinator.small_machine import SmallMachine

if TYPE_CHECKING:
    from pykbroker.coordinator.machine import GroupMachine


class FixedClock:
    def now_ms(self) -> int:
        return 1_700_000_000_000


def a_driver(log: ListLog, **machine: Any) -> Driver:
    return Driver(
        log,
        lambda: cast("GroupMachine", SmallMachine(**machine)),
        clock=FixedClock(),
        commit_timeout_ms=lambda: 5000,
    )


def a_batch(*records: Record, **header: Any) -> bytes:
    return build_batch([(0, *encode(record), ()) for record in records], **header)
