"""Askers come, wait and go away, while their log commits late, refuses and is read again.

Whatever happens: what anybody is told is committed, who stays is answered, and the machine is what
its log says.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any, cast

import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from pykbroker.coordinator.driver import Driver
from pykbroker.coordinator.record_codec import decode
from pykbroker.coordinator.records import OffsetRecord
from pykbroker.errors import ErrorCode, KafkaError
from pykbroker.wire.records import iterate_records
from tests.coordinator.drivers import FixedClock
from tests.coordinator.list_log import ListLog
from tests.coordinator.small_machine import SmallMachine, commit, park, read, tell

if TYPE_CHECKING:
    from pykbroker.coordinator.machine import GroupMachine

HISTORIES = 20
STEPS = 80
REFUSAL = KafkaError(ErrorCode.KAFKA_STORAGE_ERROR)
RETRIABLE = (
    ErrorCode.NOT_COORDINATOR,
    ErrorCode.COORDINATOR_NOT_AVAILABLE,
    ErrorCode.COORDINATOR_LOAD_IN_PROGRESS,
)


@dataclass
class History:
    """A driver, its log, and who asks; each asker commits an offset of its own."""

    random: Random
    clock: MockClock
    log: ListLog = field(default_factory=lambda: ListLog(commits=False))
    machine: SmallMachine = field(default_factory=SmallMachine)
    waiting: list[trio.CancelScope] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    asked: int = 0
    told: int = 0

    def __post_init__(self) -> None:
        self.driver = Driver(
            self.log, self._new_machine, clock=FixedClock(), commit_timeout_ms=lambda: 5_000
        )

    def _new_machine(self) -> GroupMachine:
        self.machine = SmallMachine()
        return cast("GroupMachine", self.machine)

    def happen(self, nursery: trio.Nursery) -> None:
        """Let one thing happen."""
        dice = self.random.random()
        if self.log.refusal is not None and dice < 0.3:
            self.log.refusal = None
        elif dice < 0.55:
            nursery.start_soon(self._ask)
        elif dice < 0.65 and self.waiting:
            self.random.choice(self.waiting).cancel()
        elif dice < 0.85:
            self.log.commit()
        elif dice < 0.9:
            self.log.refusal = REFUSAL
            self.log.wake()
        else:
            self.clock.jump(self.random.choice((0.5, 1.1, 6)))

    async def _ask(self) -> None:
        self.asked += 1
        group, offset = self.random.choice("ab"), self.asked
        commands = (commit(group, offset), tell(group, offset), read(group), park())
        with trio.CancelScope() as scope:
            self.waiting.append(scope)
            try:
                self._judge(command := self.random.choice(commands), await self.driver.ask(command))
            except KafkaError as refusal:
                self._expect(refusal.code in RETRIABLE, f"{refusal}")
        self.waiting.remove(scope)

    def _judge(self, command: Any, reply: Any) -> None:
        """Compare a reply with what is committed at this moment."""
        self.told += 1
        committed = offsets_in(self.log, self.log.committed_end)
        if command == park():
            known = reply in [offset for _, offset in committed]
        elif hasattr(command, "offset"):
            known = (command.group_id, command.offset) in committed
        elif hasattr(command, "offsets"):
            known = (command.group_id, command.offsets[0].committed_offset) in committed
        else:
            known = reply == -1 or (command.group_id, reply) in committed
        self._expect(known, f"{command} was answered by {reply}; committed is {committed}")

    def look(self) -> None:
        """Compare the machine with its log."""
        if self.driver._machine is not None:
            said = dict(offsets_in(self.log, self.log.end_offset))
            self._expect(self.machine.offsets == said, f"{self.machine.offsets}, not {said}")

    def _expect(self, condition: bool, otherwise: str) -> None:
        if not condition:
            self.wrong.append(otherwise)


def offsets_in(log: ListLog, end_offset: int) -> list[tuple[str, int]]:
    """Give groups and their offsets below the end, in the order written."""
    found = []
    for batch in log.batches:
        for stored in iterate_records(batch):
            record = decode(stored.key or b"", stored.value)
            assert isinstance(record, OffsetRecord)
            assert record.value is not None
            if stored.offset < end_offset:
                found.append((record.group_id, record.value.offset))
    return found


def run(seed: int) -> History:
    """Let things happen, and then let everybody who waits be answered."""
    clock = MockClock()
    history = History(Random(seed), clock)

    async def happen() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(history.driver.run)
            for _ in range(STEPS):
                history.happen(nursery)
                for _ in range(history.random.choice((0, 0, 1, 3))):
                    await trio.lowlevel.checkpoint()
                history.look()
            history.log.refusal = None
            history.driver.close()
            history.log.commit()
            clock.jump(10)
            await wait_all_tasks_blocked()

    trio.run(happen, clock=clock)
    return history


def test_any_history_of_askers_keeps_the_driver_to_its_word() -> None:
    histories = [run(seed) for seed in range(HISTORIES)]

    assert [wrong for history in histories for wrong in history.wrong] == []
    assert [history for history in histories if history.waiting] == []
    assert sum(history.told for history in histories) > HISTORIES
