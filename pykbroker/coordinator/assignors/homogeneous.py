"""Uniform assignment when all members subscribe the same topics: shares differ by at most 1. Pure.

Follows `UniformHomogeneousAssignmentBuilder`. A member keeps what it has up to its share; the rest,
and what nobody has, goes to those below theirs. No assignment as even moves fewer partitions.
"""

from __future__ import annotations

from collections import Counter

from pykbroker.coordinator.assignors.assignment import Owners
from pykbroker.coordinator.assignors.subscriptions import Subscriptions


def assign_homogeneous(subscriptions: Subscriptions, kept: Owners) -> Owners:
    """Give every partition an owner; every member must subscribe all topics."""
    free = [
        each
        for topic_id in subscriptions.topics
        for each in subscriptions.partitions(topic_id)
        if each not in kept
    ]
    held = Counter(kept.values())
    room = _shares({member_id: held[member_id] for member_id in subscriptions.members}, len(free))
    owners = {}
    for partition, member_id in kept.items():
        if room[member_id] > 0:
            owners[partition] = member_id
            room[member_id] -= 1
        else:
            free.append(partition)
    takers = [member_id for member_id, count in room.items() for _ in range(count)]
    return owners | dict(zip(free, takers, strict=True))


def _shares(held: dict[str, int], free: int) -> dict[str, int]:
    """Give how many partitions each member shall have, from how many it has, in turn.

    One more than the others goes to those who hold that many already, and else to the last in
    turn: 3 partitions for A and B, who have none → A 1, B 2.
    """
    shares: dict[str, int] = {}
    quota, longer = divmod(sum(held.values()) + free, len(held) or 1)
    for position, (member_id, count) in enumerate(held.items()):
        takes_more = longer > 0 and (count > quota or len(held) - position <= longer)
        shares[member_id] = quota + takes_more
        longer -= takes_more
    return shares
