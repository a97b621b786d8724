"""Partitions written in short: `a0 b2` is partition 0 of topic a and partition 2 of topic b."""

from __future__ import annotations

from pykbroker.coordinator.assignors.assignment import TopicShape
from pykbroker.coordinator.consumer.member import Held
from pykbroker.coordinator.records import Partitions


def topic_id(name: str) -> bytes:
    """Give the id of a topic, made of its name."""
    return name.encode().rjust(16, b"\1")


def a_topic(name: str, partitions: int, *racks: str) -> TopicShape:
    """Give a topic; each of `racks` lists one partition's racks, a letter each."""
    return TopicShape(topic_id(name), name, partitions, tuple(map(frozenset, racks)))


def held(text: str, epoch: int = 10) -> Held:
    """Read partitions and the epochs they were assigned at: `a0 a1@7`; `epoch` where none is."""
    partitions: dict[bytes, dict[int, int]] = {}
    for each in text.split():
        name, _, at = each.partition("@")
        partitions.setdefault(topic_id(name[0]), {})[int(name[1:])] = int(at or epoch)
    return partitions


def some(text: str) -> Partitions:
    """Read partitions."""
    return {topic: frozenset(epochs) for topic, epochs in held(text).items()}


def told(partitions: Partitions | Held | None) -> str | None:
    """Write partitions in short, in order; None for None."""
    if partitions is None:
        return None
    return " ".join(f"{_name(topic)}{number}" for topic, number in _each(partitions))


def told_with_epochs(partitions: Held) -> str:
    """Write partitions in short with their epochs, in order."""
    return " ".join(
        f"{_name(topic)}{number}@{partitions[topic][number]}" for topic, number in _each(partitions)
    )


def _each(partitions: Partitions | Held) -> list[tuple[bytes, int]]:
    return sorted((topic, number) for topic, numbers in partitions.items() for number in numbers)


def _name(topic: bytes) -> str:
    return topic.lstrip(b"\1").decode()
