"""A coordinator that can fail, and is watched: beside it a second machine that only replays.

Every record goes through its bytes into the second machine, which is thereby what a restart would
build. A restart may find part of the log compacted, as the log cleaner leaves it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pykbroker.coordinator.commands import DONE, HeartbeatCommand
from pykbroker.coordinator.effects import Effects
from pykbroker.coordinator.record_codec import decode, encode
from pykbroker.errors import ErrorCode, KafkaError
from tests.coordinator.driven import Driven
from tests.coordinator.model.faults import Fault
from tests.coordinator.model.hard_state import differences

if TYPE_CHECKING:
    from pykbroker.coordinator.commands import Command
    from pykbroker.coordinator.machine import GroupMachine
    from pykbroker.coordinator.records import Record

Answer = Callable[[Any], None]


@dataclass(eq=False, slots=True)
class Asked:
    """A request that has arrived."""

    command: Command
    reported: frozenset[tuple[bytes, int]] | None
    """What the member says it has; None: nothing of that."""
    answer: Answer
    is_awaited: bool = True
    """Whether somebody is there to hear the answer."""
    was_parked: bool = False
    """Whether it was not answered at once."""


class Watcher:
    """Who is told of all that happens here; does nothing."""

    def replies(self, asked: Asked, reply: Any) -> None:
        """A request is answered."""

    def restarts(self) -> None:
        """The machine was built anew."""

    def passes(self, cause: Command | None) -> None:
        """A decision was carried out: on a command, or on a deadline."""


class Coordinator(Driven):
    """The machine of one partition, its log, and who waits for it."""

    def __post_init__(self) -> None:
        self.watcher = Watcher()
        self.parked: dict[int, Asked] = {}
        """By token: what is not answered yet."""
        self.refuses_append = False
        """Whether the next append fails."""
        self.absence: ErrorCode | None = None
        """What everybody is told while there is no machine, and no deadline is over."""
        self.decisions = 0
        self._cause: Command | None = None
        self._logged: GroupMachine | None = None
        super().__post_init__()

    @property
    def logged(self) -> GroupMachine:
        """The machine that the log makes."""
        if self._logged is None:
            self._logged = self._new_machine()
        return self._logged

    def submit(self, asked: Asked) -> None:
        """Decide on a request; its reply comes now or later, once."""
        if self.absence is not None:
            asked.answer(self._excuse(asked.command))
            return
        token = next(self._tokens)
        self.parked[token] = asked
        self._cause = asked.command
        try:
            effects = self.machine.step(asked.command, token, self.now)
        except KafkaError as refusal:
            self._reply(token, refusal)
            self._check()
        else:
            self._carry_out(effects)
        asked.was_parked = token in self.parked
        self._cause = None

    def _excuse(self, command: Command) -> Any:
        """Give what is told while there is no machine: nobody is called to join by a long load."""
        assert self.absence is not None
        is_loading = self.absence is ErrorCode.COORDINATOR_LOAD_IN_PROGRESS
        if is_loading and isinstance(command, HeartbeatCommand):
            return DONE
        return KafkaError(self.absence)

    def go_away(self, absence: ErrorCode) -> None:
        """Lose the machine; `restart` ends that."""
        self.absence = absence
        self._answer_parked()

    def pass_time(self, ms: int) -> None:
        """Let time pass; nothing comes due while there is no machine."""
        if self.absence is None:
            super().pass_time(ms)
        else:
            self._to(self.elapsed_ms + ms)

    def next_deadline_ms(self) -> int | None:
        """Tell by when something may come due; None: never."""
        return self.machine.next_deadline_ms() if self.absence is None else None

    def _answer_parked(self) -> None:
        parked, self.parked = self.parked, {}
        for asked in parked.values():
            asked.answer(KafkaError(ErrorCode.NOT_COORDINATOR))

    def restart(self, *, compacted_records: int = 0, keeps_tombstones: bool = True) -> None:
        """Lose all that may be lost; the oldest records of the log may be compacted."""
        self.absence = None
        dirty = self.log[compacted_records:]
        self.log = _compacted(self.log[:compacted_records], keeps_tombstones) + dirty
        self._answer_parked()
        self._rebuild()

    def _rebuild(self) -> None:
        before, logged = self.logged, self._new_machine()
        self.machine, self._logged = self._new_machine(), logged
        for record in self.log:
            decoded = _through_bytes(record)
            self.machine.replay(decoded)
            logged.replay(decoded)
        for told in differences(before.shard, logged.shard):
            raise Fault("replay", f"compaction changes what the log says: {told}")
        self.watcher.restarts()
        self._carry_out(self.machine.loaded(self.now))

    def _carry_out(self, effects: Effects) -> None:
        if effects.records and self.refuses_append:
            self.refuses_append = False
            self.restart()
            return
        for record in effects.records:
            self.log.append(record)
            self.machine.replay(record)
            self.logged.replay(_through_bytes(record))
        for token, reply in sorted(effects.replies, key=lambda effect: int(str(effect.token))):
            assert isinstance(token, int)
            self._reply(token, reply)
        self._check()

    def _reply(self, token: int, reply: Any) -> None:
        asked = self.parked.pop(token, None)
        if asked is None:
            raise Fault("one reply", f"a second reply to request {token}: {reply!r}")
        self.watcher.replies(asked, reply)
        asked.answer(reply)

    def _check(self) -> None:
        self.decisions += 1
        for told in differences(self.machine.shard, self.logged.shard):
            raise Fault("replay", f"the log does not say what is: {told}")
        self.watcher.passes(self._cause)


def _through_bytes(record: Record) -> Record:
    decoded = decode(*encode(record))
    if decoded != record:
        raise Fault("replay", f"{record} is written and read as {decoded}")
    assert decoded is not None
    return decoded


def _compacted(records: list[Record], keeps_tombstones: bool) -> list[Record]:
    """Keep the last record of each key, where it is; tombstones may have gone as well."""
    last = {encode(record)[0]: number for number, record in enumerate(records)}
    return [
        record
        for number, record in enumerate(records)
        if last[encode(record)[0]] == number and (keeps_tombstones or record.value is not None)
    ]
