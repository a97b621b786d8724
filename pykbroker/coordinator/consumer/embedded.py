"""What members of type "consumer" embed in JoinGroup and SyncGroup, as values of a consumer group.

A broker passes these bytes on unread but where members of both protocols share a group. Topics go
by name in the bytes and by id in the group; names that no topic has count for nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct
from typing import Any

from pykbroker.coordinator.records import Partitions
from pykbroker.coordinator.topics import Topics
from pykbroker.errors import ProtocolError
from pykbroker.wire.messages.consumer_protocol import (
    ConsumerProtocolAssignment,
    ConsumerProtocolSubscription,
)
from pykbroker.wire.schema import Message

PROTOCOL_TYPE = "consumer"
"""The protocol type of clients that consume; others embed what only they can read."""

_VERSION = Struct(">h")


@dataclass(frozen=True, slots=True)
class EmbeddedSubscription:
    """What a classic member wants, and what it has."""

    topics: tuple[str, ...]
    """Sorted, each once."""
    owned_partitions: tuple[tuple[str, tuple[int, ...]], ...] = ()
    """By topic name; empty before version 1, which cannot tell."""
    rack_id: str | None = None

    def owned(self, topics: Topics) -> Partitions:
        """Give the owned partitions by topic id."""
        return _by_id(self.owned_partitions, topics)


@dataclass(frozen=True, slots=True)
class EmbeddedAssignment:
    """What the leader of a classic group gave a member."""

    assigned_partitions: tuple[tuple[str, tuple[int, ...]], ...]
    has_user_data: bool
    """Whether a custom assignor told its member something that no consumer group can keep."""

    def partitions(self, topics: Topics) -> Partitions:
        """Give the partitions by topic id."""
        return _by_id(self.assigned_partitions, topics)


def subscription_in(metadata: bytes) -> EmbeddedSubscription:
    """Read the metadata of one protocol of a JoinGroup. Raises ProtocolError where it is none."""
    value = _read(ConsumerProtocolSubscription, metadata)
    return EmbeddedSubscription(
        topics=tuple(sorted(set(value.topics))),
        owned_partitions=_first_of_each(getattr(value, "owned_partitions", ())),
        rack_id=getattr(value, "rack_id", None) or None,
    )


def assignment_in(assignment: bytes) -> EmbeddedAssignment:
    """Read a member's assignment; empty bytes assign nothing. Raises ProtocolError."""
    if not assignment:
        return EmbeddedAssignment((), has_user_data=False)
    value = _read(ConsumerProtocolAssignment, assignment)
    return EmbeddedAssignment(_first_of_each(value.assigned_partitions), bool(value.user_data))


def assignment_bytes(partitions: Partitions, topics: Topics, *, metadata: bytes) -> bytes:
    """Give an assignment in the version of the member's own `metadata`.

    Topics that are no more are left out. Raises ProtocolError for metadata without a version.
    """
    version = _version(ConsumerProtocolAssignment, metadata)
    named = {
        name: sorted(numbers)
        for topic_id, numbers in partitions.items()
        if (name := topics.name_of(topic_id)) is not None
    }
    fields = {
        "assigned_partitions": [
            {"topic": name, "partitions": named[name]} for name in sorted(named)
        ]
    }
    return _VERSION.pack(version) + ConsumerProtocolAssignment.version(version).build(fields)


def _read(message: Message, data: bytes) -> Any:
    version = _version(message, data)
    return message.version(version).parse(memoryview(data)[_VERSION.size :])


def _version(message: Message, data: bytes) -> int:
    """Give the version to read and write by: newer ones begin as the newest that is known."""
    if len(data) < _VERSION.size:
        raise ProtocolError("the embedded consumer protocol is cut in its version")
    version: int = _VERSION.unpack_from(data)[0]
    if version < message.min_version:
        raise ProtocolError(f"the embedded consumer protocol has no version {version}")
    return min(version, message.max_version)


def _first_of_each(topic_partitions: Any) -> tuple[tuple[str, tuple[int, ...]], ...]:
    """Give topics with partitions; of a topic that is told twice, the first counts, as in Kafka."""
    named: dict[str, tuple[int, ...]] = {}
    for each in topic_partitions:
        named.setdefault(each.topic, tuple(each.partitions))
    return tuple(named.items())


def _by_id(named: tuple[tuple[str, tuple[int, ...]], ...], topics: Topics) -> Partitions:
    return {
        shape.topic_id: frozenset(numbers)
        for name, numbers in named
        if numbers and (shape := topics.by_name.get(name)) is not None
    }
