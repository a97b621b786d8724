"""A member of a consumer group: what it said of itself, and what it has (KIP-848).

A value of what two records say (Kafka's ConsumerGroupMember); changed with `dataclasses.replace`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from pykbroker.coordinator.records import (
    CurrentAssignment,
    MemberState,
    MemberSubscription,
    Partitions,
)

JOIN_EPOCH = 0
"""Sent by a member that joins, or joins again without any partition."""
LEAVE_EPOCH = -1
"""Sent by a member that leaves for good."""
STATIC_LEAVE_EPOCH = -2
"""Sent by a static member that will be back within its session timeout, and kept until then."""

Held = Mapping[bytes, Mapping[int, int]]
"""Epochs at which partitions were assigned, by partition by topic id; never an empty mapping."""

NOTHING_HELD: Held = MappingProxyType({})

NEW_SUBSCRIPTION = MemberSubscription(
    instance_id=None,
    rack_id=None,
    client_id="",
    client_host="",
    subscribed_topic_names=(),
    subscribed_topic_regex="",
    rebalance_timeout_ms=-1,
    server_assignor=None,
)
"""Before a member has said anything."""

NEW_ASSIGNMENT = CurrentAssignment(
    member_epoch=JOIN_EPOCH,
    previous_member_epoch=-1,
    state=MemberState.STABLE,
    assigned=NOTHING_HELD,
    revoking=NOTHING_HELD,
)
"""Before a member was given anything."""


@dataclass(frozen=True, slots=True)
class ConsumerMember:
    """One member; new ones have said and been given nothing."""

    member_id: str
    subscription: MemberSubscription = NEW_SUBSCRIPTION
    current: CurrentAssignment = NEW_ASSIGNMENT

    @property
    def instance_id(self) -> str | None:
        """The instance id of a static member."""
        return self.subscription.instance_id

    @property
    def member_epoch(self) -> int:
        """The epoch that the member has come to; STATIC_LEAVE_EPOCH while it is away."""
        return self.current.member_epoch

    @property
    def regex(self) -> str | None:
        """The pattern it subscribes to; None for an empty one too."""
        return self.subscription.subscribed_topic_regex or None

    @property
    def is_classic(self) -> bool:
        """Whether it speaks the classic protocol."""
        return self.subscription.classic is not None

    def is_reconciled_to(self, target_epoch: int) -> bool:
        """Tell whether it has what the target of that epoch gives it."""
        return self.current.state is MemberState.STABLE and self.member_epoch == target_epoch

    def assignment_epoch(self, topic_id: bytes, partition: int) -> int | None:
        """Tell at which epoch it was given a partition that it has, or is to give up (KIP-1251)."""
        for held in (self.current.assigned, self.current.revoking):
            epoch = held.get(topic_id, {}).get(partition)
            if epoch is not None:
                return epoch
        return None


def partitions_of(*held: Held) -> Partitions:
    """Give the partitions without their epochs, those of several together."""
    together: dict[bytes, frozenset[int]] = {}
    for each in held:
        for topic_id, epochs in each.items():
            together[topic_id] = together.get(topic_id, frozenset()).union(epochs)
    return together


def held_at(partitions: Partitions, epoch: int) -> Held:
    """Give partitions that were all assigned at one epoch."""
    return {topic_id: dict.fromkeys(sorted(held), epoch) for topic_id, held in partitions.items()}
