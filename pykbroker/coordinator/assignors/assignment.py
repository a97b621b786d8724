"""What an assignor is asked and what it answers (KIP-848). Pure.

An answer names every member that was asked about, and no topic with an empty set of partitions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

Assignment = Mapping[bytes, frozenset[int]]
"""Partitions by 16-byte topic id; a topic without partitions is left out."""

TopicPartition = tuple[bytes, int]
"""A topic id and a partition of it."""

Owners = Mapping[TopicPartition, str]
"""The same facts the other way round: the member id of each assigned partition."""

EMPTY: Assignment = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class TopicShape:
    """A topic that exists, as far as assignors care."""

    topic_id: bytes
    name: str
    partitions: int
    """How many; they are numbered from 0."""
    racks: tuple[frozenset[str], ...] = ()
    """The racks of each partition's replicas; shorter than `partitions` where they are unknown."""


@dataclass(frozen=True, slots=True)
class MemberSpec:
    """A member: what it subscribes, and what the current target assignment gives it."""

    subscribed: frozenset[bytes]
    """Topic ids; those of topics that do not exist count for nothing."""
    rack: str | None = None
    instance_id: str | None = None
    assigned: Assignment = field(default_factory=lambda: EMPTY)


Assignor = Callable[
    [Mapping[str, MemberSpec], Mapping[bytes, TopicShape]],
    dict[str, Assignment],
]
"""From the members by member id and the topics by topic id to what each member shall read."""
