"""The subscriptions of a group, in the order in which members and topics take their turns. Pure.

Nothing here follows the order of a set or of a mapping, which may differ from run to run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pykbroker.coordinator.assignors.assignment import (
    Assignment,
    MemberSpec,
    Owners,
    TopicPartition,
    TopicShape,
)


@dataclass(frozen=True, slots=True)
class Subscriptions:
    """Who subscribes what."""

    members: Mapping[str, MemberSpec]
    """By member id, in turn."""
    topics: Mapping[bytes, TopicShape]
    """By topic id, in the order of their names: the existing ones that somebody subscribes."""
    subscribers: Mapping[bytes, Sequence[str]]
    """The member ids of each of these topics, in turn."""

    @property
    def are_equal(self) -> bool:
        """Tell whether every member subscribes every one of the topics."""
        everybody = len(self.members)
        return all(len(ids) == everybody for ids in self.subscribers.values())

    def partitions(self, topic_id: bytes) -> list[TopicPartition]:
        """Give the partitions of a topic in the order of their numbers."""
        return [(topic_id, number) for number in range(self.topics[topic_id].partitions)]


def java_order(text: str) -> bytes:
    """Give a key that sorts as `String.compareTo`, which compares UTF-16 units."""
    return text.encode("utf-16-be", "surrogatepass")


def resolve(
    order: Sequence[str],
    members: Mapping[str, MemberSpec],
    *,
    topics: Mapping[bytes, TopicShape],
) -> Subscriptions:
    """Match members, whose ids are given in turn, with the topics that exist."""
    subscribers: dict[bytes, list[str]] = {}
    for member_id in order:
        for topic_id in members[member_id].subscribed:
            if topic_id in topics:
                subscribers.setdefault(topic_id, []).append(member_id)
    by_name = sorted(subscribers, key=lambda topic_id: (topics[topic_id].name, topic_id))
    return Subscriptions(
        members={member_id: members[member_id] for member_id in order},
        topics={topic_id: topics[topic_id] for topic_id in by_name},
        subscribers={topic_id: subscribers[topic_id] for topic_id in by_name},
    )


def kept(subscriptions: Subscriptions) -> Owners:
    """Give what members have now and may keep: by member in turn, topic name, and number.

    That is what exists and what they subscribe; of two owners of one partition, the first in turn.
    """
    rank = {topic_id: position for position, topic_id in enumerate(subscriptions.topics)}
    owners: dict[TopicPartition, str] = {}
    for member_id, spec in subscriptions.members.items():
        held = spec.subscribed & spec.assigned.keys() & rank.keys()
        for topic_id in sorted(held, key=rank.__getitem__):
            end = subscriptions.topics[topic_id].partitions
            for number in sorted(n for n in spec.assigned[topic_id] if n < end):
                owners.setdefault((topic_id, number), member_id)
    return owners


def assignments(members: Iterable[str], owners: Owners) -> dict[str, Assignment]:
    """Give what each member owns, by topic."""
    shares: dict[str, dict[bytes, set[int]]] = {member_id: {} for member_id in members}
    for (topic_id, number), member_id in owners.items():
        shares[member_id].setdefault(topic_id, set()).add(number)
    return {
        member_id: {topic_id: frozenset(numbers) for topic_id, numbers in share.items()}
        for member_id, share in shares.items()
    }
