"""Uniform assignment under unlike subscriptions: as even as subscriptions allow. Pure.

Follows `UniformHeterogeneousAssignmentBuilder`: what members have stays; what nobody has goes to
the least loaded subscriber; then, topic by topic and over and over, the most loaded subscribers
give to the least loaded until they differ by at most 1, or there is nothing left to give. So no
single move makes the result more even, though a chain of moves through a third member might.
"""

from __future__ import annotations

from collections import Counter

from pykbroker.coordinator.assignors.assignment import Owners, TopicPartition
from pykbroker.coordinator.assignors.loads import least_loaded, most_loaded
from pykbroker.coordinator.assignors.subscriptions import Subscriptions

ROUNDS_MAX = 16
"""How often all topics are gone through (`MAX_ITERATION_COUNT`); two rounds are the usual case."""


def assign_heterogeneous(subscriptions: Subscriptions, kept: Owners) -> Owners:
    """Give every partition of every topic an owner among its subscribers."""
    shares = _Shares(subscriptions, kept)
    # The topics with the least choice come first.
    order = sorted(subscriptions.topics, key=shares.turn)
    for topic_id in order:
        shares.fill(topic_id)
    for _ in range(ROUNDS_MAX):
        if not sum([shares.level(topic_id) for topic_id in order]):
            break
    return shares.owners


class _Shares:
    """Who owns what while it is being settled."""

    def __init__(self, subscriptions: Subscriptions, kept: Owners) -> None:
        self._subscriptions = subscriptions
        self.owners = dict(kept)
        self._loads = Counter(kept.values())

    def turn(self, topic_id: bytes) -> tuple[float, int]:
        """Give a key that sorts topics by partitions for each subscriber, most first."""
        subscribers = len(self._subscriptions.subscribers[topic_id])
        return -self._subscriptions.topics[topic_id].partitions / subscribers, subscribers

    def fill(self, topic_id: bytes) -> None:
        """Give the topic's ownerless partitions to its least loaded subscribers."""
        receivers = least_loaded(self._by_load(topic_id), self._loads)
        for partition in self._subscriptions.partitions(topic_id):
            if partition in self.owners:
                continue
            receiver = next(receivers)
            self.owners[partition] = receiver
            self._loads[receiver] += 1

    def level(self, topic_id: bytes) -> int:
        """Move the topic's partitions from the most to the least loaded; return how many."""
        subscribers = self._by_load(topic_id)
        if self._loads[subscribers[-1]] - self._loads[subscribers[0]] <= 1:
            return 0
        owned: dict[str, list[TopicPartition]] = {}
        for partition in self._subscriptions.partitions(topic_id):
            owned.setdefault(self.owners[partition], []).append(partition)
        moves = 0
        givers = most_loaded(subscribers, self._loads, can_give=owned.get)
        for giver, receiver in zip(givers, least_loaded(subscribers, self._loads), strict=False):
            if self._loads[giver] - self._loads[receiver] <= 1:
                break
            self.owners[owned[giver].pop()] = receiver
            self._loads[giver] -= 1
            self._loads[receiver] += 1
            moves += 1
        return moves

    def _by_load(self, topic_id: bytes) -> list[str]:
        return sorted(self._subscriptions.subscribers[topic_id], key=self._loads.__getitem__)
