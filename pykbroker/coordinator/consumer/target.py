"""The target assignment: what each member is to have, computed when the group's epoch is ahead.

One is computed at the first heartbeat, of whichever member, that finds the last one old and no
younger than the group's assignment interval (Kafka's TargetAssignmentBuilder and
GroupMetadataManager.canComputeNextTargetAssignment). Only what changed is written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pykbroker.coordinator.assignors.assignment import Assignor, MemberSpec
from pykbroker.coordinator.assignors.table import ASSIGNORS
from pykbroker.coordinator.consumer.group import (
    NO_PARTITIONS,
    ConsumerGroup,
    count,
    preferred,
)
from pykbroker.coordinator.consumer.member import ConsumerMember
from pykbroker.coordinator.consumer.subscriptions import ids_of, topics_of
from pykbroker.coordinator.effects import Now
from pykbroker.coordinator.records import (
    Partitions,
    Record,
    TargetEpoch,
    TargetEpochRecord,
    TargetRecord,
)
from pykbroker.coordinator.shard import Shard
from pykbroker.coordinator.topics import Topics

UNKNOWN_MS = 0
"""When a target was computed, where nobody knows."""


@dataclass(frozen=True, slots=True)
class Target:
    """What one member is to have, and the records that say so where they are new."""

    epoch: int
    partitions: Partitions
    records: tuple[Record, ...] = ()


def target_of(
    shard: Shard,
    group: ConsumerGroup,
    group_epoch: int,
    *,
    before: ConsumerMember,
    member: ConsumerMember,
    now: Now,
) -> Target:
    """Give a member's target at `group_epoch`, or the last one where it is too early for that.

    `member` is as it is now, and may be new; a static one replaces the one of its instance.
    """
    if group.assignment_epoch >= group_epoch or not may_compute(
        group.assignment_timestamp_ms,
        interval_ms=shard.times_of(group.group_id).assignment_interval_ms,
        now_ms=now.wall_ms,
    ):
        last = group.target_of(member.member_id, member.instance_id)
        return Target(group.assignment_epoch, last)
    assignor = _assignor(shard, group, before, member)
    assigned = assignor(_specs(group, member, shard.topics), shard.topics.by_id)
    records: list[Record] = [
        TargetRecord(group.group_id, member_id, partitions)
        for member_id, partitions in assigned.items()
        if group.targets.get(member_id) != partitions
    ]
    epoch = TargetEpoch(group_epoch, now.wall_ms)
    records.append(TargetEpochRecord(group.group_id, epoch))
    return Target(group_epoch, assigned.get(member.member_id, NO_PARTITIONS), tuple(records))


def may_compute(computed_ms: int, *, interval_ms: int, now_ms: int) -> bool:
    """Tell whether a target may follow one computed at `computed_ms`; wall clock.

    One computed in the future is no reason to wait: the clock was put back. (Kafka waits until it
    has caught up, however long, unless the interval is 0.)
    """
    return computed_ms == UNKNOWN_MS or not computed_ms <= now_ms < computed_ms + interval_ms


def _assignor(
    shard: Shard, group: ConsumerGroup, before: ConsumerMember, member: ConsumerMember
) -> Assignor:
    """Choose what most members ask for, else the first one configured."""
    counts = dict(group.assignor_counts)
    for each, step in ((before, -1), (member, 1)):
        if each.subscription.server_assignor is not None:
            count(counts, each.subscription.server_assignor, step)
    configured = shard.settings().group_consumer_assignors
    name = preferred({name: votes for name, votes in counts.items() if name in configured})
    return ASSIGNORS[name or configured[0]]


def _specs(
    group: ConsumerGroup, member: ConsumerMember, topics: Topics
) -> Mapping[str, MemberSpec]:
    members = group.members | {member.member_id: member}
    replaced = group.static_members.get(member.instance_id or "", member.member_id)
    if replaced != member.member_id:
        del members[replaced]
    subscribed: dict[tuple[tuple[str, ...], str | None], frozenset[bytes]] = {}
    specs = {}
    for member_id, each in members.items():
        subscription = each.subscription
        key = (subscription.subscribed_topic_names, each.regex)
        if key not in subscribed:
            subscribed[key] = ids_of(topics_of(group, each), topics)
        holder = replaced if member_id == member.member_id else member_id
        specs[member_id] = MemberSpec(
            subscribed=subscribed[key],
            rack=subscription.rack_id,
            instance_id=subscription.instance_id,
            assigned=group.targets.get(holder, NO_PARTITIONS),
        )
    return specs
