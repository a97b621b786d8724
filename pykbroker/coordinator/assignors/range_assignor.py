"""The `range` assignor: of each topic, every subscriber reads one run of neighbours. Pure.

Follows `RangeAssignor`. Each topic is dealt out by itself, in the same order of members, so topics
with equally many partitions and the same subscribers are co-partitioned: who reads partition 3 of
one reads partition 3 of the other. Three partitions for A and B → A [0, 1], B [2].

What members had before counts for nothing, and neither do racks: as in Kafka, only the order makes
it sticky. Static members come first, by instance id, so that a restart keeps their place.
"""

from __future__ import annotations

from collections.abc import Mapping

from pykbroker.coordinator.assignors.assignment import Assignment, MemberSpec, TopicShape
from pykbroker.coordinator.assignors.subscriptions import java_order, resolve


def assign_ranges(
    members: Mapping[str, MemberSpec], topics: Mapping[bytes, TopicShape]
) -> dict[str, Assignment]:
    """Cut every topic into runs that differ by at most one, the longer ones first."""

    def turn(member_id: str) -> tuple[bool, bytes, bytes]:
        instance_id = members[member_id].instance_id
        return instance_id is None, java_order(instance_id or ""), java_order(member_id)

    subscriptions = resolve(sorted(members, key=turn), members, topics=topics)
    shares: dict[str, dict[bytes, frozenset[int]]] = {
        member_id: {} for member_id in subscriptions.members
    }
    for topic_id, subscribers in subscriptions.subscribers.items():
        quota, longer = divmod(subscriptions.topics[topic_id].partitions, len(subscribers))
        start = 0
        for position, member_id in enumerate(subscribers):
            end = start + quota + (position < longer)
            if start < end:
                shares[member_id][topic_id] = frozenset(range(start, end))
            start = end
    return dict(shares)
