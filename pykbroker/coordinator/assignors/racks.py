"""Bringing partitions to members of their rack, for partitions that change hands anyhow. Pure.

Only what is free to choose is chosen: partitions that get a new owner are exchanged between the
members that take them, among topics with the same subscribers. So no count changes, nothing moves
that would have stayed, and no fewer partitions are near to their owner than were before.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from pykbroker.coordinator.assignors.assignment import Owners, TopicPartition
from pykbroker.coordinator.assignors.subscriptions import Subscriptions


def nearer(owners: Owners, kept: Owners, subscriptions: Subscriptions) -> Owners:
    """Exchange owners of partitions that `kept` gives to nobody or to another, by rack.

    Gives `owners` as they are where no racks are known.
    """
    racks_taken = {spec.rack for spec in subscriptions.members.values()}
    exchangeable: dict[tuple[str, ...], list[TopicPartition]] = {}
    for topic_id, topic in subscriptions.topics.items():
        if not racks_taken.isdisjoint(rack for racks in topic.racks for rack in racks):
            alike = exchangeable.setdefault(tuple(subscriptions.subscribers[topic_id]), [])
            alike += subscriptions.partitions(topic_id)
    result = dict(owners)
    for alike in exchangeable.values():
        taken = [each for each in alike if owners[each] != kept.get(each)]
        exchanged = _paired([owners[each] for each in taken], taken, subscriptions)
        if _near(exchanged, taken, subscriptions) > _near(owners, taken, subscriptions):
            result.update(exchanged)
    return result


def _paired(
    takers: Sequence[str], free: Sequence[TopicPartition], subscriptions: Subscriptions
) -> dict[TopicPartition, str]:
    """Give each taker one free partition: one of its rack if any is left, else the next one.

    A partition in few racks goes before one in many, which others may want.
    """
    near: dict[str | None, deque[TopicPartition]] = {}
    for partition in sorted(free, key=lambda each: len(_racks(each, subscriptions))):
        for rack in _racks(partition, subscriptions):
            near.setdefault(rack, deque()).append(partition)
    pairs: dict[TopicPartition, str] = {}
    others: list[str] = []
    for taker in takers:
        queue = near.get(subscriptions.members[taker].rack)
        while queue and queue[0] in pairs:
            queue.popleft()
        if queue:
            pairs[queue.popleft()] = taker
        else:
            others.append(taker)
    left = [partition for partition in free if partition not in pairs]
    return pairs | dict(zip(left, others, strict=True))


def _near(owners: Owners, among: Sequence[TopicPartition], subscriptions: Subscriptions) -> int:
    """Count the partitions with a replica in their owner's rack."""
    return sum(
        subscriptions.members[owners[each]].rack in _racks(each, subscriptions) for each in among
    )


def _racks(partition: TopicPartition, subscriptions: Subscriptions) -> frozenset[str]:
    topic_id, number = partition
    racks = subscriptions.topics[topic_id].racks
    return racks[number] if number < len(racks) else frozenset()
