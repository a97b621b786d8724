"""The driver of one machine: it alone appends, replays and replies, for whoever asks.

What a decision comes to is carried out without an await, so that no asker who goes away can cut it
in two; each asker then waits itself until what it was told is committed. When an append fails the
machine is thrown away and built anew from the log, and everybody who waits hears NOT_COORDINATOR.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING

import trio

from pykbroker.coordinator.commands import (
    CommitCommand,
    DeleteOffsetsCommand,
    ForgetPartitionsCommand,
)
from pykbroker.coordinator.effects import Effects, Now
from pykbroker.coordinator.loading import read_records
from pykbroker.coordinator.record_codec import encode
from pykbroker.coordinator.records import OffsetRecord, Record
from pykbroker.errors import ErrorCode, KafkaError
from pykbroker.wire.records import NewRecord, build_batch

if TYPE_CHECKING:
    from pykbroker.clock import Clock
    from pykbroker.coordinator.commands import Command
    from pykbroker.coordinator.committed_log import CommittedLog
    from pykbroker.coordinator.machine import GroupMachine
    from pykbroker.coordinator.topics import Topics

log = logging.getLogger("pykbroker.coordinator")

FAULT_PAUSE_SECONDS = 30.0
"""Before a machine is built again that failed: it may fail again, which is told each time."""
RELOAD_PAUSE_SECONDS = 1.0
"""Between attempts to build a machine from a log that could not be read or written."""
PARTS_OF_LIMIT = 4
"""Offsets that are forgotten together go in batches of a quarter of what a batch may have."""
ROW_BYTES = 20
"""What a record takes beside its key, at most, when it has no value."""

CHANGE_NOTHING_ELSE = CommitCommand, DeleteOffsetsCommand, ForgetPartitionsCommand
"""Commands on which a machine decides without a change to anything but by records: when those are
refused it is as it was, and who waits for something else, such as a rebalance, goes on waiting."""

_ANSWERS = {
    ErrorCode.UNKNOWN_TOPIC_OR_PARTITION: ErrorCode.COORDINATOR_NOT_AVAILABLE,
    ErrorCode.NOT_ENOUGH_REPLICAS: ErrorCode.COORDINATOR_NOT_AVAILABLE,
    ErrorCode.REQUEST_TIMED_OUT: ErrorCode.COORDINATOR_NOT_AVAILABLE,
    ErrorCode.NOT_LEADER_OR_FOLLOWER: ErrorCode.NOT_COORDINATOR,
    ErrorCode.KAFKA_STORAGE_ERROR: ErrorCode.NOT_COORDINATOR,
}
"""What an asker is told when the log refuses (GroupCoordinatorService.handleOperationException)."""


class TooLarge(KafkaError):  # noqa: N818 - a refusal, no fault
    """The records of one decision do not fit into a batch; nothing of them is in the log."""

    def __init__(self, count: int, size: int, limit: int) -> None:
        super().__init__(
            ErrorCode.UNKNOWN_SERVER_ERROR,
            f"{count} records of a group take {size} bytes, more than max.message.bytes of"
            f" __consumer_offsets, {limit}",
        )


class Asking:
    """One who asks: the token that the machine knows, and where the reply goes."""

    __slots__ = ("_answered", "end_offset", "reply")

    def __init__(self) -> None:
        self.reply: object = None
        self.end_offset = 0
        """What must be committed before the reply may be given, exclusive."""
        self._answered: trio.Event | None = None

    def answer(self, reply: object, end_offset: int) -> None:
        """Give the reply that the asker waits for."""
        self.reply, self.end_offset = reply, end_offset
        if self._answered is not None:
            self._answered.set()

    async def answered(self) -> None:
        """Return when there is a reply."""
        if self.reply is None:
            self._answered = trio.Event()
            await self._answered.wait()


class Driver:
    """Drives the machine of one partition."""

    def __init__(
        self,
        committed_log: CommittedLog,
        new_machine: Callable[[], GroupMachine],
        *,
        clock: Clock,
        commit_timeout_ms: Callable[[], int],
        turns: trio.Lock | None = None,
        name: str = "",
    ) -> None:
        """Of all drivers with the same `turns`, one goes on reading its log at a time.

        `name` is the partition's, for people.
        """
        self._log = committed_log
        self._new_machine = new_machine
        self._clock = clock
        self._commit_timeout_ms = commit_timeout_ms
        self._turns = turns or trio.Lock()
        self._name = name
        self._machine: GroupMachine | None = None
        self._absence = ErrorCode.COORDINATOR_LOAD_IN_PROGRESS
        """What is told while there is no machine."""
        self._topics: Topics | None = None
        self._parked: set[Asking] = set()
        self._end_offset = 0
        """Where what the machine has applied ends in the log, exclusive."""
        self._wakes_at = math.inf
        self._poked = trio.Event()
        self._warned_of: tuple[str, str] | None = None
        self._is_closed = False

    # -- asking --------------------------------------------------------------------------------

    @property
    def is_loading(self) -> bool:
        """Whether the log is still being read."""
        return self._machine is None and self._absence is ErrorCode.COORDINATOR_LOAD_IN_PROGRESS

    async def ask(self, command: Command) -> object:
        """Give the machine's reply to a command, once it is safe to tell.

        Raises the machine's refusal; COORDINATOR_LOAD_IN_PROGRESS while the log is read,
        NOT_COORDINATOR or COORDINATOR_NOT_AVAILABLE when the log cannot be written.
        """
        machine = self._machine
        if machine is None:
            raise KafkaError(self._absence)
        asking = Asking()
        try:
            effects = machine.step(command, asking, self._now())
        except KafkaError as refusal:
            asking.answer(refusal, self._end_offset)
        except BaseException:
            self._abandon()  # nobody knows what it had changed before it failed
            raise
        else:
            try:
                self._carry_out(effects, command)
            finally:
                self._rearm(machine)
        if asking.reply is None:
            self._parked.add(asking)
            try:
                await asking.answered()
            finally:
                self._parked.discard(asking)
        if not self._log.is_committed(asking.end_offset):
            await self._committed(asking.end_offset, machine)
        if isinstance(asking.reply, KafkaError):
            raise asking.reply
        return asking.reply

    async def _committed(self, end_offset: int, machine: GroupMachine) -> None:
        try:
            with trio.move_on_after(self._commit_timeout_ms() / 1000) as waiting:
                await self._log.wait_committed(end_offset)
        except KafkaError as refusal:
            if self._machine is machine:
                self._abandon()
            raise _told(refusal) from refusal
        if waiting.cancelled_caught:
            raise KafkaError(ErrorCode.COORDINATOR_NOT_AVAILABLE, "the commit took too long")

    def follow(self, topics: Topics) -> None:
        """Let the machine know the topics as they are now."""
        self._topics = topics
        if self._machine is not None:
            self._machine.follow(topics, self._now())
            self._rearm(self._machine)

    # -- carrying out --------------------------------------------------------------------------

    def _carry_out(self, effects: Effects, command: Command | None = None) -> None:
        """Append, replay, reply.

        Raises KafkaError if not appended; then the machine is gone, unless the records were too
        large, of which nobody else hears, or the command is one of `CHANGE_NOTHING_ELSE`.
        """
        machine = self._machine
        assert machine is not None
        end_offset = self._end_offset
        try:
            if effects.records:
                self._append(effects.records)
            for record in effects.records:
                machine.replay(record)
        except TooLarge as refusal:
            log.warning("records of a group are refused partition=%s: %s", self._name, refusal)
            for token, _ in effects.replies:
                assert isinstance(token, Asking)
                token.answer(refusal, self._end_offset)
            if effects.otherwise is not None:
                self._carry_out(effects.otherwise())
            raise
        except KafkaError as refusal:
            is_as_before = isinstance(command, CHANGE_NOTHING_ELSE)
            if not is_as_before or self._end_offset != end_offset:
                self._warn(
                    "coordinator begins anew, its log is not written partition=%s: %s", refusal
                )
                self._abandon()
            raise _told(refusal) from refusal
        except BaseException:
            self._abandon()  # nobody knows what it had changed before it failed
            raise
        for token, reply in effects.replies:
            assert isinstance(token, Asking)
            token.answer(reply, self._end_offset)

    def _append(self, records: Sequence[Record]) -> None:
        """Append records as one batch, which is how they count; raises TooLarge before any is."""
        now_ms, limit = self._clock.now_ms(), self._log.batch_bytes_max
        rows = [(now_ms, *encode(record), ()) for record in records]
        parts = _parts(records, rows, limit // PARTS_OF_LIMIT)
        batches = [build_batch(part, codec=self._log.codec) for part in parts]
        for batch, part in zip(batches, parts, strict=True):
            if len(batch) > limit:
                raise TooLarge(len(part), len(batch), limit)
        for batch in batches:
            self._end_offset = self._log.append(batch, now_ms)
        self._warned_of = None

    def _warn(self, message: str, refusal: KafkaError) -> None:
        """Tell people what the log refuses, once until it takes something again."""
        if self._warned_of != (message, str(refusal)):
            self._warned_of = message, str(refusal)
            log.warning(message, self._name, refusal)

    def _abandon(self, absence: ErrorCode = ErrorCode.NOT_COORDINATOR) -> None:
        """Throw the machine away; whoever waits is told `absence`."""
        self._machine = None
        self._absence = absence
        parked, self._parked = self._parked, set()
        for asking in parked:
            if asking.reply is None:
                asking.answer(KafkaError(ErrorCode.NOT_COORDINATOR), 0)
        self._poked.set()

    def close(self) -> None:
        """Coordinate no more: askers hear NOT_COORDINATOR from now on."""
        self._is_closed = True
        self._abandon()

    # -- running -------------------------------------------------------------------------------

    async def run(self) -> None:
        """Load the machine and do what comes due.

        Ends when: closed or cancelled. On error: a log that cannot be read is tried again; so is a
        machine that fails, as it may by records that no coordinator wrote. Groups of other
        partitions go on, as other connections do where one has failed.
        """
        while not self._is_closed:
            paused_from, pause_seconds = trio.current_time(), RELOAD_PAUSE_SECONDS
            try:
                machine = await self._load()
                if machine is None:
                    return
                paused_from = trio.current_time()
                await self._attend(machine)
            except KafkaError as refusal:
                self._warn("groups cannot be loaded yet partition=%s: %s", refusal)
                self._abandon()
                paused_from = trio.current_time()
            except Exception:  # the other partitions' groups, and the broker, go on
                log.exception("groups failed, they are loaded anew partition=%s", self._name)
                self._abandon()
                paused_from, pause_seconds = trio.current_time(), FAULT_PAUSE_SECONDS
            await trio.sleep_until(paused_from + pause_seconds)

    async def load(self) -> None:
        """Build the machine now where the log is empty, which needs no waiting."""
        if self._log.end_offset == self._log.start_offset and self._machine is None:
            await self._load()

    async def _load(self) -> GroupMachine | None:
        """Give the machine, built from the log if there is none; None when closed meanwhile."""
        if self._machine is not None:
            return self._machine
        self._absence = ErrorCode.COORDINATOR_LOAD_IN_PROGRESS
        machine, count = self._new_machine(), 0
        self._end_offset = self._log.end_offset
        async with aclosing(read_records(self._log)) as some_at_a_time:
            async for found in some_at_a_time:
                count += len(found)
                for record in found:
                    machine.replay(record)
                async with self._turns:
                    pass  # everybody else goes first
                if self._is_closed:
                    break
        if self._is_closed:
            return None
        self._machine = machine
        now = self._now()
        if self._topics is not None:
            machine.follow(self._topics, now)
        if count:
            groups = len(machine.shard.groups)
            log.info("groups loaded partition=%s records=%d groups=%d", self._name, count, groups)
        self._carry_out(machine.loaded(now))
        return machine

    async def _attend(self, machine: GroupMachine) -> None:
        """Do what comes due, until the machine is thrown away."""
        while self._machine is machine:
            while (effects := machine.expire(self._now())) is not None:
                try:
                    self._carry_out(effects)
                except TooLarge:
                    pass  # who waits has heard
                except KafkaError:
                    return
                await trio.lowlevel.checkpoint()  # much may be due at once
                if self._machine is not machine:
                    return
            self._poked = trio.Event()
            due_ms = machine.next_deadline_ms()
            self._wakes_at = math.inf if due_ms is None else due_ms
            with trio.move_on_at(self._wakes_at / 1000 + 1e-6):
                await self._poked.wait()

    def _rearm(self, machine: GroupMachine) -> None:
        """Wake the driver's task where something comes due before it would wake."""
        due_ms = machine.next_deadline_ms()
        if due_ms is not None and due_ms < self._wakes_at:
            self._wakes_at = due_ms
            self._poked.set()

    def _now(self) -> Now:
        return Now(self._clock.now_ms(), int(trio.current_time() * 1000))


def _told(refusal: KafkaError) -> KafkaError:
    return KafkaError(_ANSWERS.get(refusal.code, ErrorCode.UNKNOWN_SERVER_ERROR), refusal.message)


def _parts(
    records: Sequence[Record], rows: Sequence[NewRecord], part_bytes: int
) -> list[Sequence[NewRecord]]:
    """Split what need not be appended at once: offsets forgotten first, of which each counts alone.

    All from the first record of another kind on stays together.
    """
    alone = 0
    while alone < len(records) and _is_forgotten_offset(records[alone]):
        alone += 1
    if alone < 2:
        return [rows]
    parts: list[Sequence[NewRecord]] = []
    first = size = 0
    for number, (_, key, _, _) in enumerate(rows[:alone]):
        size += ROW_BYTES + len(key or b"")
        if size > part_bytes and number > first:
            parts.append(rows[first:number])
            first, size = number, ROW_BYTES + len(key or b"")
    return [*parts, rows[first:]]


def _is_forgotten_offset(record: Record) -> bool:
    return isinstance(record, OffsetRecord) and record.value is None
