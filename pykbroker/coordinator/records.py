"""What coordinators remember: every kind of record of __consumer_offsets, as a value.

A record is its key's fields and a value, None for a tombstone: the key is forgotten. The bytes are
`record_codec`'s. Partitions are by topic id, 16 bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

NO_TOPIC_ID = bytes(16)

# -- committed offsets -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CommittedOffset:
    """How far a group has read a partition (Kafka's OffsetAndMetadata)."""

    offset: int
    """The next offset to read."""
    leader_epoch: int = -1
    """Of the record before `offset`; -1: unknown."""
    metadata: str = ""
    commit_timestamp_ms: int = -1
    expire_timestamp_ms: int | None = None
    """Set by OffsetCommit up to version 4 only; None: the broker's retention counts."""
    topic_id: bytes = NO_TOPIC_ID


@dataclass(frozen=True, slots=True)
class OffsetRecord:
    """A committed offset."""

    group_id: str
    topic: str
    partition: int
    value: CommittedOffset | None


# -- classic groups ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StoredMember:
    """A member of a classic group as it is remembered; times in ms."""

    member_id: str
    group_instance_id: str | None
    client_id: str
    client_host: str
    rebalance_timeout_ms: int
    session_timeout_ms: int
    subscription: bytes
    """Its metadata for the protocol chosen."""
    assignment: bytes


@dataclass(frozen=True, slots=True)
class StoredGroup:
    """A classic group as it is remembered: after each rebalance, and when it is empty."""

    protocol_type: str
    generation: int
    protocol: str | None
    leader: str | None
    state_timestamp_ms: int
    """When the group came to its state, wall clock; -1: unknown."""
    members: tuple[StoredMember, ...]


@dataclass(frozen=True, slots=True)
class ClassicGroupRecord:
    """A classic group."""

    group_id: str
    value: StoredGroup | None


# -- consumer groups (KIP-848) -----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class GroupEpoch:
    """The group's epoch, and the hash of the topics it was computed for (KIP-1101)."""

    epoch: int
    metadata_hash: int = 0


@dataclass(frozen=True, slots=True)
class GroupEpochRecord:
    """A consumer group's epoch; its tombstone ends the group."""

    group_id: str
    value: GroupEpoch | None


@dataclass(frozen=True, slots=True)
class PartitionMetadataRecord:
    """What groups of older brokers knew of topics: only ever deleted (KIP-1101)."""

    group_id: str
    value: None = None


@dataclass(frozen=True, slots=True)
class ClassicMember:
    """What is kept of a consumer group's member that speaks the classic protocol."""

    session_timeout_ms: int
    protocols: tuple[tuple[str, bytes], ...]
    """Name and metadata, the preferred one first."""


@dataclass(frozen=True, slots=True)
class MemberSubscription:
    """A consumer group's member: who it is and what it wants."""

    instance_id: str | None
    rack_id: str | None
    client_id: str
    client_host: str
    subscribed_topic_names: tuple[str, ...]
    """Sorted, each once."""
    subscribed_topic_regex: str | None
    rebalance_timeout_ms: int
    server_assignor: str | None
    """None: the group's."""
    classic: ClassicMember | None = None
    """None: a member that speaks the consumer protocol."""


@dataclass(frozen=True, slots=True)
class MemberRecord:
    """A member of a consumer group."""

    group_id: str
    member_id: str
    value: MemberSubscription | None


@dataclass(frozen=True, slots=True)
class TargetEpoch:
    """The group epoch for which the target assignment was computed, and when, wall clock ms."""

    epoch: int
    timestamp_ms: int = 0


@dataclass(frozen=True, slots=True)
class TargetEpochRecord:
    """The epoch of a group's target assignment."""

    group_id: str
    value: TargetEpoch | None


Partitions = Mapping[bytes, frozenset[int]]
"""Partitions by topic id; never an empty set."""


@dataclass(frozen=True, slots=True)
class TargetRecord:
    """What one member is to have."""

    group_id: str
    member_id: str
    value: Partitions | None


class MemberState(IntEnum):
    """Where a member is on its way to its target (Kafka's modern.MemberState)."""

    STABLE = 0
    """Has what it was told; answers: nothing new. → any, when the target changes."""
    UNREVOKED_PARTITIONS = 1
    """Must give up partitions first; answers: what it keeps. → STABLE, UNRELEASED."""
    UNRELEASED_PARTITIONS = 2
    """Waits for partitions others still have; answers: what is free. → any."""
    UNKNOWN = 127
    """Written by a newer broker."""


@dataclass(frozen=True, slots=True)
class CurrentAssignment:
    """What one member has, and at which epochs.

    `assigned` and `revoking` are epochs by partition by topic id: the epoch at which the member was
    given the partition (KIP-1251).
    """

    member_epoch: int
    previous_member_epoch: int
    state: MemberState
    assigned: Mapping[bytes, Mapping[int, int]]
    revoking: Mapping[bytes, Mapping[int, int]]


@dataclass(frozen=True, slots=True)
class CurrentRecord:
    """What one member has now."""

    group_id: str
    member_id: str
    value: CurrentAssignment | None


@dataclass(frozen=True, slots=True)
class ResolvedRegex:
    """The topics that a pattern matched, at which revision of the metadata, when (wall clock)."""

    topics: frozenset[str]
    version: int
    timestamp_ms: int


@dataclass(frozen=True, slots=True)
class RegexRecord:
    """A pattern that members of a group subscribe to, resolved."""

    group_id: str
    regex: str
    value: ResolvedRegex | None


Record = (
    OffsetRecord
    | ClassicGroupRecord
    | GroupEpochRecord
    | PartitionMetadataRecord
    | MemberRecord
    | TargetEpochRecord
    | TargetRecord
    | CurrentRecord
    | RegexRecord
)
"""Everything a machine may append or replay."""
