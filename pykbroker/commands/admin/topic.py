"""What metadata tells of topics, as values that no longer know the protocol."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from dataclasses import dataclass
from typing import Any, NamedTuple

NO_LEADER = -1
_NO_ID = bytes(16)


class TopicPartition(NamedTuple):
    """The name of a partition."""

    topic: str
    partition: int

    def __str__(self) -> str:
        return f"{self.topic}-{self.partition}"


@dataclass(frozen=True, slots=True)
class Partition:
    """One partition: who leads it (NO_LEADER: nobody), who has it, who is in sync."""

    index: int
    leader: int
    replicas: tuple[int, ...]
    isr: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic; with an `error_code` other than 0 it has no partitions."""

    name: str
    topic_id: str
    """As Kafka writes ids; "" where the broker tells none."""
    is_internal: bool
    error_code: int
    partitions: tuple[Partition, ...]

    @property
    def replication_factor(self) -> int:
        """Replicas of the first partition, as Kafka's tools count them; 0 without partitions."""
        return len(self.partitions[0].replicas) if self.partitions else 0


def topic_of(answered: Any) -> Topic:
    """Make a topic of its part of a Metadata response; partitions in order."""
    partitions = sorted(
        (
            Partition(
                each.partition_index,
                each.leader_id,
                tuple(each.replica_nodes),
                tuple(each.isr_nodes),
            )
            for each in answered.partitions
        ),
        key=lambda partition: partition.index,
    )
    return Topic(
        name=answered.name,
        topic_id=topic_id_text(answered.topic_id),
        is_internal=answered.is_internal,
        error_code=answered.error_code,
        partitions=tuple(partitions),
    )


def topic_id_text(topic_id: bytes) -> str:
    """Write a topic's id as Kafka does; the zero id, which stands for none, is ""."""
    if topic_id == _NO_ID:
        return ""
    return urlsafe_b64encode(topic_id).decode().rstrip("=")
