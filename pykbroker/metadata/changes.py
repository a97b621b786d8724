"""What the controller decided and the store shall hold: plans, as plain frozen records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pykbroker.metadata.values import PartitionImage


@dataclass(frozen=True, slots=True)
class TopicPlan:
    """A topic to create: `replicas[i]` are partition i's broker ids, the preferred leader first."""

    name: str
    topic_id: bytes
    """16 bytes."""
    replicas: tuple[tuple[int, ...], ...]
    configs: Mapping[str, str] = field(default_factory=dict)

    @property
    def replication_factor(self) -> int:
        """Replicas of the first partition (all have as many)."""
        return len(self.replicas[0])


@dataclass(frozen=True, slots=True)
class PartitionsPlan:
    """Partitions to add: `replicas[i]` is for partition `first_index + i`."""

    name: str
    topic_id: bytes
    first_index: int
    replicas: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class PartitionChange:
    """A partition's next state, valid while `before` is its present one."""

    topic_id: bytes
    before: PartitionImage
    after: PartitionImage
