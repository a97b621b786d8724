"""Members that go: by their own will, because they were silent, or for others of their instance.

A member is gone when three tombstones of it are replayed, in the order below; the group's epoch
goes up with each departure but that of a static member that will be back (KIP-345, KIP-848).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import replace

from pykbroker.coordinator.commands import ConsumerHeartbeatCommand, ConsumerHeartbeatReply
from pykbroker.coordinator.consumer import migration
from pykbroker.coordinator.consumer.group import NO_PARTITIONS, ConsumerGroup
from pykbroker.coordinator.consumer.member import (
    JOIN_EPOCH,
    NOTHING_HELD,
    STATIC_LEAVE_EPOCH,
    ConsumerMember,
    held_at,
    partitions_of,
)
from pykbroker.coordinator.consumer.metadata_hash import group_hash
from pykbroker.coordinator.consumer.subscriptions import topics_without
from pykbroker.coordinator.effects import NOTHING, Effects, Now, Token, answered
from pykbroker.coordinator.records import (
    CurrentRecord,
    GroupEpoch,
    GroupEpochRecord,
    MemberRecord,
    Record,
    RegexRecord,
    TargetRecord,
)
from pykbroker.coordinator.shard import Shard
from pykbroker.coordinator.timers import CONSUMER_MEMBER_KINDS, TimerKey
from pykbroker.errors import ErrorCode, KafkaError


def leave(shard: Shard, command: ConsumerHeartbeatCommand, token: Token, now: Now) -> Effects:
    """Let a member go: for good at epoch -1, or for a while at -2.

    Raises GROUP_ID_NOT_FOUND, UNKNOWN_MEMBER_ID, and FENCED_INSTANCE_ID for an instance id that
    another member has.
    """
    group = known_group(shard, command.group_id)
    reply = ConsumerHeartbeatReply(command.member_id, command.member_epoch)
    if command.instance_id is None:
        member = group.member(command.member_id)
    else:
        member = known_static_member(group, command.instance_id, command.member_id)
        if command.member_epoch == STATIC_LEAVE_EPOCH:
            return answered(token, reply, (_away(group, member),))
    return fence(shard, group, (member,), now) + answered(token, reply)


def fence(
    shard: Shard, group: ConsumerGroup, members: Collection[ConsumerMember], now: Now
) -> Effects:
    """End memberships; the group becomes a classic one if only classic members are left."""
    if not members:
        return NOTHING
    downgraded = migration.downgraded(shard, group, members, now)
    if downgraded is not None:
        return downgraded
    records: list[Record] = []
    for member in members:
        records += tombstones_of(group, member.member_id)
    patterns = Counter(member.regex for member in members if member.regex is not None)
    dropped = [regex for regex, left in patterns.items() if group.regex_counts.get(regex) == left]
    records += [RegexRecord(group.group_id, regex, None) for regex in dropped]
    metadata_hash = group_hash(topics_without(group, members, dropped), shard.topics)
    epoch = GroupEpoch(group.group_epoch + 1, metadata_hash)
    records.append(GroupEpochRecord(group.group_id, epoch))
    for member in members:
        cancel_timers(shard, group.group_id, member.member_id)
    return Effects(tuple(records))


def tombstones_of(group: ConsumerGroup, member_id: str) -> Iterable[Record]:
    """Give the records that end a membership."""
    return (
        CurrentRecord(group.group_id, member_id, None),
        TargetRecord(group.group_id, member_id, None),
        MemberRecord(group.group_id, member_id, None),
    )


def replacement(
    group: ConsumerGroup, before: ConsumerMember, member_id: str
) -> tuple[ConsumerMember, tuple[Record, ...]]:
    """Give a static member's place, and all it has, to another member of its instance."""
    current = replace(before.current, member_epoch=JOIN_EPOCH, previous_member_epoch=JOIN_EPOCH)
    member = replace(before, member_id=member_id, current=current)
    target = group.targets.get(before.member_id, NO_PARTITIONS)
    return member, (
        *tombstones_of(group, before.member_id),
        MemberRecord(group.group_id, member_id, member.subscription),
        TargetRecord(group.group_id, member_id, target),
        CurrentRecord(group.group_id, member_id, current),
    )


def cancel_timers(shard: Shard, group_id: str, member_id: str) -> None:
    """Let nothing be due any more for a member that goes."""
    for kind in CONSUMER_MEMBER_KINDS:
        shard.timers.cancel(TimerKey(kind, group_id, member_id))


def known_group(shard: Shard, group_id: str) -> ConsumerGroup:
    """Give a consumer group. Raises GROUP_ID_NOT_FOUND, for a group of another kind too."""
    group = shard.groups.get(group_id)
    if not isinstance(group, ConsumerGroup):
        raise KafkaError(ErrorCode.GROUP_ID_NOT_FOUND, f"there is no consumer group {group_id}")
    return group


def known_static_member(group: ConsumerGroup, instance_id: str, member_id: str) -> ConsumerMember:
    """Give the member of an instance. Raises UNKNOWN_MEMBER_ID and FENCED_INSTANCE_ID."""
    member = group.static_member(instance_id)
    if member is None:
        raise KafkaError(ErrorCode.UNKNOWN_MEMBER_ID, f"nobody has instance id {instance_id}")
    if member.member_id != member_id:
        raise KafkaError(
            ErrorCode.FENCED_INSTANCE_ID,
            f"instance id {instance_id} is of member {member.member_id}, not {member_id}",
        )
    return member


def _away(group: ConsumerGroup, member: ConsumerMember) -> Record:
    """Keep what a static member has, at epoch 0: nothing may be committed by its old id."""
    current = replace(
        member.current,
        member_epoch=STATIC_LEAVE_EPOCH,
        assigned=held_at(partitions_of(member.current.assigned), JOIN_EPOCH),
        revoking=NOTHING_HELD,
    )
    return CurrentRecord(group.group_id, member.member_id, current)
