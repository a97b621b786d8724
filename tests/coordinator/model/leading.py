"""What consumers of a classic group tell each other: subscriptions, and the leader's assignment.

A subscription is version 3 of ConsumerProtocolSubscription, an assignment version 3 of
ConsumerProtocolAssignment, as current clients write them. Partitions go by topic name here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from pykbroker.coordinator.commands import JoinedMember
from pykbroker.wire.messages.consumer_protocol import (
    ConsumerProtocolAssignment,
    ConsumerProtocolSubscription,
)

RANGE = "range"
COOPERATIVE = "cooperative-sticky"
VERSION = 3
_PREFIX = VERSION.to_bytes(2, "big")

Named = frozenset[tuple[str, int]]
"""Partitions by topic name."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """What a member tells its leader."""

    topics: tuple[str, ...]
    owned: Named = frozenset()
    generation_id: int = -1
    """In which it was given what it owns."""


@lru_cache(10_000)
def written(subscription: Subscription) -> bytes:
    """Give the metadata of a JoinGroup."""
    return _PREFIX + ConsumerProtocolSubscription.version(VERSION).build(
        {
            "topics": list(subscription.topics),
            "owned_partitions": _by_topic(subscription.owned),
            "generation_id": subscription.generation_id,
        }
    )


@lru_cache(10_000)
def read(metadata: bytes) -> Subscription:
    """Read the metadata of a JoinGroup."""
    value = ConsumerProtocolSubscription.version(VERSION).parse(memoryview(metadata)[2:])
    owned = frozenset(
        (each.topic, number) for each in value.owned_partitions for number in each.partitions
    )
    return Subscription(tuple(value.topics), owned, value.generation_id)


@lru_cache(10_000)
def written_assignment(partitions: Named) -> bytes:
    """Give the assignment of a SyncGroup."""
    fields = {"assigned_partitions": _by_topic(partitions)}
    return _PREFIX + ConsumerProtocolAssignment.version(VERSION).build(fields)


@lru_cache(10_000)
def read_assignment(assignment: bytes) -> Named:
    """Read the assignment of a SyncGroup; empty bytes assign nothing."""
    if not assignment:
        return frozenset()
    value = ConsumerProtocolAssignment.version(VERSION).parse(memoryview(assignment)[2:])
    return frozenset(
        (each.topic, number) for each in value.assigned_partitions for number in each.partitions
    )


def assign(
    protocol: str, members: tuple[JoinedMember, ...], partitions: Mapping[str, int]
) -> dict[str, Named]:
    """Assign as a leader does; `partitions` counts those of each topic that it knows.

    By range, members get equal runs of each topic. Cooperatively they keep what they have, as far
    as it is no more than their share, and nobody gets what another one is yet to revoke.
    """
    told = {each.member_id: read(each.metadata) for each in members}
    assigned: dict[str, set[tuple[str, int]]] = {member_id: set() for member_id in told}
    for topic in sorted({topic for each in told.values() for topic in each.topics}):
        readers = sorted(member_id for member_id, each in told.items() if topic in each.topics)
        count = partitions.get(topic, 0)
        owners = _owners(topic, told) if protocol == COOPERATIVE else {}
        for number, member_id in _shares(count, readers, owners).items():
            if owners.get(number, member_id) == member_id:
                assigned[member_id].add((topic, number))
    return {member_id: frozenset(each) for member_id, each in assigned.items()}


def _owners(topic: str, told: Mapping[str, Subscription]) -> dict[int, str]:
    """Tell who has which partition; of several who say so, the one of the newest generation."""
    owners: dict[int, tuple[int, str]] = {}
    for member_id, each in told.items():
        for name, number in each.owned:
            if name == topic:
                claim = (each.generation_id, member_id)
                owners[number] = max(owners.get(number, claim), claim)
    return {number: member_id for number, (_, member_id) in owners.items()}


def _shares(count: int, readers: list[str], owners: Mapping[int, str]) -> dict[int, str]:
    """Deal out the partitions of a topic evenly; who has one keeps it up to a share's size."""
    rest, more = divmod(count, len(readers))
    room = {member_id: rest + (place < more) for place, member_id in enumerate(readers)}
    shares = {}
    for number in range(count):
        owner = owners.get(number)
        if owner is not None and room.get(owner, 0):
            room[owner] -= 1
            shares[number] = owner
    free = [member_id for member_id in readers for _ in range(room[member_id])]
    left = [number for number in range(count) if number not in shares]
    return shares | dict(zip(left, free, strict=True))


def _by_topic(partitions: Named) -> list[dict[str, object]]:
    topics = sorted({topic for topic, _ in partitions})
    return [
        {"topic": topic, "partitions": sorted(p for name, p in partitions if name == topic)}
        for topic in topics
    ]
