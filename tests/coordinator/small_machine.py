"""A machine with few rules, to look at its driver by: commit an offset, park, answer who is."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, NamedTuple

from pykbroker.coordinator.commands import (
    DONE,
    CommitCommand,
    DeleteGroupCommand,
    DescribeGroupCommand,
    HeartbeatCommand,
    OffsetToCommit,
)
from pykbroker.coordinator.effects import Effect, Effects, Now, answered
from pykbroker.coordinator.records import CommittedOffset, OffsetRecord, Record
from pykbroker.coordinator.topics import NO_TOPICS, Topics
from pykbroker.errors import ErrorCode, KafkaError


class Telling(NamedTuple):
    """A command by which the machine changes more than its records say: nobody is parked then."""

    group_id: str
    offset: int


@dataclass
class SmallMachine:
    """Offsets by group; heartbeats park, telling answers who is parked; a deadline deletes."""

    expires_after_ms: int | None = None
    offsets: dict[str, int] = field(default_factory=dict)
    parked: list[Any] = field(default_factory=list)
    due: dict[str, int] = field(default_factory=dict)
    topics: Topics = NO_TOPICS
    shard: Any = field(default_factory=lambda: SimpleNamespace(groups={}))

    def step(self, command: Any, token: Any, now: Now) -> Effects:
        match command:
            case HeartbeatCommand():
                self.parked.append(token)
                return Effects()
            case Telling(group_id, offset):
                parked, self.parked = self.parked, []
                told = tuple(Effect(each, offset) for each in (*parked, token))
                return Effects((an_offset(group_id, offset),), told)
            case CommitCommand():
                (committed,) = command.offsets
                if committed.committed_offset < 0:
                    raise KafkaError(ErrorCode.INVALID_REQUEST)
                if self.expires_after_ms is not None:
                    self.due[command.group_id] = now.elapsed_ms + self.expires_after_ms
                record = an_offset(command.group_id, committed.committed_offset)
                return answered(token, DONE, [record])
            case DescribeGroupCommand():
                return answered(token, self.offsets.get(command.group_id, -1))
            case DeleteGroupCommand():
                raise AssertionError("a fault of the machine")
        raise NotImplementedError

    def expire(self, now: Now) -> Effects | None:
        for group_id, due_ms in self.due.items():
            if due_ms <= now.elapsed_ms:
                del self.due[group_id]
                assert group_id != "faulty", "a fault of the machine"
                return Effects((OffsetRecord(group_id, "topic", 0, None),))
        return None

    def replay(self, record: Record) -> None:
        assert isinstance(record, OffsetRecord)
        if record.value is None:
            self.offsets.pop(record.group_id, None)
        else:
            self.offsets[record.group_id] = record.value.offset

    def loaded(self, now: Now) -> Effects:
        return Effects()

    def next_deadline_ms(self) -> int | None:
        return min(self.due.values(), default=None)

    def follow(self, topics: Topics, now: Now) -> None:
        self.topics = topics


def an_offset(group_id: str, offset: int) -> OffsetRecord:
    """Give the record that `commit` leads to."""
    return OffsetRecord(group_id, "topic", 0, CommittedOffset(offset))


def commit(group_id: str, offset: int) -> CommitCommand:
    """Commit one offset; a negative one is refused."""
    committed = OffsetToCommit("topic", 0, bytes(16), offset, -1, None)
    return CommitCommand(group_id, "", None, -1, (committed,), knows_consumer_groups=True)


def tell(group_id: str, offset: int) -> Any:
    """Commit an offset, which everybody hears who is parked."""
    return Telling(group_id, offset)


def park() -> HeartbeatCommand:
    """Wait for the next offset that is told."""
    return HeartbeatCommand("", -1, "", None)


def read(group_id: str) -> DescribeGroupCommand:
    """Ask for a group's offset."""
    return DescribeGroupCommand(group_id)
