"""What consumer groups remember: their records replayed, and what is set anew after a start.

A record says all of its key, so replaying one twice does no harm; a tombstone of what is not known
does nothing.
"""

from __future__ import annotations

from dataclasses import replace

from pykbroker.coordinator import records as r
from pykbroker.coordinator.consumer.group import NO_TARGET_EPOCH, ConsumerGroup
from pykbroker.coordinator.consumer.member import LEAVE_EPOCH, NOTHING_HELD, ConsumerMember
from pykbroker.coordinator.effects import NOTHING, Effects, Now
from pykbroker.coordinator.shard import Shard
from pykbroker.coordinator.timers import TimerKey, TimerKind
from pykbroker.coordinator.topics import Topics

_GONE = r.CurrentAssignment(
    member_epoch=LEAVE_EPOCH,
    previous_member_epoch=LEAVE_EPOCH,
    state=r.MemberState.STABLE,
    assigned=NOTHING_HELD,
    revoking=NOTHING_HELD,
)


def replay_group_epoch(shard: Shard, record: r.GroupEpochRecord) -> None:
    """Take over the group's epoch, or forget the group."""
    if record.value is None:
        if isinstance(shard.groups.get(record.group_id), ConsumerGroup):
            del shard.groups[record.group_id]
        return
    group = _made(shard, record.group_id)
    group.group_epoch = record.value.epoch
    group.metadata_hash = record.value.metadata_hash


def replay_partition_metadata(shard: Shard, record: r.PartitionMetadataRecord) -> None:
    """Do nothing: what older brokers wrote of topics is not taken over (KIP-1101)."""
    del shard, record


def replay_member(shard: Shard, record: r.MemberRecord) -> None:
    """Take over what a member said of itself, or forget the member."""
    if record.value is not None:
        group = _made(shard, record.group_id)
        before = group.members.get(record.member_id) or ConsumerMember(record.member_id)
        group.put_member(replace(before, subscription=record.value))
        return
    known = _known(shard, record.group_id)
    if known is not None and record.member_id in known.members:
        known.remove_member(record.member_id)


def replay_target_epoch(shard: Shard, record: r.TargetEpochRecord) -> None:
    """Take over the epoch of the target."""
    if record.value is not None:
        group = _made(shard, record.group_id)
        group.assignment_epoch = record.value.epoch
        group.assignment_timestamp_ms = record.value.timestamp_ms
        return
    known = _known(shard, record.group_id)
    if known is not None:
        known.assignment_epoch = NO_TARGET_EPOCH
        known.assignment_timestamp_ms = 0


def replay_target(shard: Shard, record: r.TargetRecord) -> None:
    """Take over what a member is to have."""
    if record.value is not None:
        _made(shard, record.group_id).put_target(record.member_id, record.value)
        return
    known = _known(shard, record.group_id)
    if known is not None:
        known.remove_target(record.member_id)


def replay_current(shard: Shard, record: r.CurrentRecord) -> None:
    """Take over what a member has."""
    if record.value is not None:
        group = _made(shard, record.group_id)
        before = group.members.get(record.member_id) or ConsumerMember(record.member_id)
        group.put_member(replace(before, current=record.value))
        return
    known = _known(shard, record.group_id)
    if known is not None and record.member_id in known.members:
        known.put_member(replace(known.members[record.member_id], current=_GONE))


def replay_regex(shard: Shard, record: r.RegexRecord) -> None:
    """Take over what a pattern matches, or forget the pattern."""
    if record.value is not None:
        _made(shard, record.group_id).put_regex(record.regex, record.value)
        return
    known = _known(shard, record.group_id)
    if known is not None:
        known.remove_regex(record.regex)


def loaded(shard: Shard, now: Now) -> Effects:
    """Give every member its session timeout anew, and time to give up what it is asked to."""
    for group in shard.groups.values():
        if not isinstance(group, ConsumerGroup):
            continue
        group.new_topics_revision = shard.topics.revision
        session_ms = shard.times_of(group.group_id).session_timeout_ms
        for member_id, member in group.members.items():
            key = TimerKey(TimerKind.CONSUMER_SESSION, group.group_id, member_id)
            shard.timers.set(key, now.elapsed_ms + session_ms)
            if member.current.state is r.MemberState.UNREVOKED_PARTITIONS:
                timeout_ms = member.subscription.rebalance_timeout_ms
                key = TimerKey(TimerKind.CONSUMER_REBALANCE, group.group_id, member_id)
                shard.timers.set(key, now.elapsed_ms + timeout_ms)
    return NOTHING


def topics_changed(shard: Shard, before: Topics, now: Now) -> None:
    """Let groups look at their topics anew at their next heartbeat, where these changed."""
    del now
    groups = [group for group in shard.groups.values() if isinstance(group, ConsumerGroup)]
    if not groups:
        return
    after = shard.topics
    changed, has_new_topics = after.changes_from(before)
    for group in groups:
        if has_new_topics:
            group.new_topics_revision = after.revision
        if not group.topic_counts.keys().isdisjoint(changed):
            group.metadata_is_checked = False


def _made(shard: Shard, group_id: str) -> ConsumerGroup:
    """Give the group, made where there is none: what only had offsets is no group of records.

    A classic group in use stays. These records are older than it: they lead up to the tombstones
    by which the consumer group became that one.
    """
    group = shard.groups.get(group_id)
    if isinstance(group, ConsumerGroup):
        return group
    made = ConsumerGroup(group_id)
    if group is None or group.is_empty:
        shard.groups[group_id] = made
    return made


def _known(shard: Shard, group_id: str) -> ConsumerGroup | None:
    group = shard.groups.get(group_id)
    return group if isinstance(group, ConsumerGroup) else None
