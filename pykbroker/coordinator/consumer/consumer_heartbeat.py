"""ConsumerGroupHeartbeat: a member joins, goes on, or leaves (KIP-848).

What it says of itself may bump the group's epoch; the epoch may bring a new target; and the target
is what the member is reconciled to. All three are decided from the group as it was before, and
answered with where the member is then (GroupMetadataManager.consumerGroupHeartbeat).
"""

from __future__ import annotations

from dataclasses import replace

from pykbroker.coordinator.commands import ConsumerHeartbeatCommand, ConsumerHeartbeatReply
from pykbroker.coordinator.consumer import leaving, migration
from pykbroker.coordinator.consumer.group import ConsumerGroup
from pykbroker.coordinator.consumer.member import (
    JOIN_EPOCH,
    LEAVE_EPOCH,
    STATIC_LEAVE_EPOCH,
    ConsumerMember,
    Held,
    partitions_of,
)
from pykbroker.coordinator.consumer.reconciliation import Goal, reconcile
from pykbroker.coordinator.consumer.subscriptions import ids_of, settle, subscribe, topics_of
from pykbroker.coordinator.consumer.target import Target, target_of
from pykbroker.coordinator.effects import NOTHING, Effects, Now, Token, answered
from pykbroker.coordinator.ids import consumer_member_id
from pykbroker.coordinator.records import (
    CurrentRecord,
    MemberState,
    MemberSubscription,
    Partitions,
    Record,
)
from pykbroker.coordinator.shard import Shard
from pykbroker.coordinator.timers import TimerKey, TimerKind
from pykbroker.errors import ErrorCode, KafkaError

UNCHANGED = -1
"""Of a rebalance timeout: as the member said before."""


def heartbeat(shard: Shard, command: ConsumerHeartbeatCommand, token: Token, now: Now) -> Effects:
    """Answer one heartbeat.

    Raises UNSUPPORTED_VERSION where consumer groups are not served, INVALID_REQUEST,
    UNSUPPORTED_ASSIGNOR, GROUP_ID_NOT_FOUND, GROUP_MAX_SIZE_REACHED, UNKNOWN_MEMBER_ID,
    FENCED_MEMBER_EPOCH, UNRELEASED_INSTANCE_ID, FENCED_INSTANCE_ID, INVALID_REGULAR_EXPRESSION.
    """
    _check_request(shard, command)
    if command.member_epoch in (LEAVE_EPOCH, STATIC_LEAVE_EPOCH):
        return leaving.leave(shard, command, token, now)
    group, made = _group_for(shard, command, now)
    check_room(shard, group, command.member_id, command.instance_id)
    member_id = command.member_id or consumer_member_id(shard.random_bytes)
    before, records = _member_for(group, command, member_id)
    member = replace(before, subscription=_told(before.subscription, command))
    subscribed = subscribe(shard, group, before, member, awaits_patterns=True, now=now)
    target = target_of(shard, group, subscribed.group_epoch, before=before, member=member, now=now)
    member = reconciled(
        shard,
        group,
        member,
        target,
        is_subscription_changed=subscribed.is_changed,
        owned=command.topic_partitions,
    )
    records += (*subscribed.records, *target.records)
    if member.current is not before.current and member.current != before.current:
        records += (CurrentRecord(group.group_id, member_id, member.current),)
        _time_revocation(shard, group.group_id, member, now)
    settle(shard, group, subscribed, now)
    times = shard.times_of(group.group_id)
    session = TimerKey(TimerKind.CONSUMER_SESSION, group.group_id, member_id)
    shard.timers.set(session, now.elapsed_ms + times.session_timeout_ms)
    reply = ConsumerHeartbeatReply(
        member_id,
        member.member_epoch,
        heartbeat_interval_ms=times.heartbeat_interval_ms,
        assignment=_news(command, before, member),
    )
    return made + answered(token, reply, records)


def check_room(shard: Shard, group: ConsumerGroup, member_id: str, instance_id: str | None) -> None:
    """Raise GROUP_MAX_SIZE_REACHED for a member that is new to a full group.

    One that takes the place of its instance makes the group no larger.
    """
    if instance_id in group.static_members or member_id in group.members:
        return
    if len(group.members) >= shard.settings().group_consumer_max_size:
        raise KafkaError(
            ErrorCode.GROUP_MAX_SIZE_REACHED, f"group {group.group_id} has all it may have"
        )


def reconciled(
    shard: Shard,
    group: ConsumerGroup,
    member: ConsumerMember,
    target: Target,
    *,
    is_subscription_changed: bool,
    owned: Partitions | None,
) -> ConsumerMember:
    """Give the member one step nearer to its target; the same one where it is there or waits."""
    if not is_subscription_changed and member.is_reconciled_to(target.epoch):
        return member
    names = topics_of(group, member)
    goal = Goal(
        target.epoch,
        target=target.partitions,
        subscribed=ids_of(names, shard.topics),
        is_taken=lambda topic_id, partition: group.owner_of(topic_id, partition) is not None,
        is_subscription_changed=is_subscription_changed,
        subscribes=bool(names),
    )
    return replace(member, current=reconcile(member.current, goal, owned))


def _check_request(shard: Shard, command: ConsumerHeartbeatCommand) -> None:
    settings = shard.settings()
    if "consumer" not in settings.group_coordinator_rebalance_protocols:
        raise KafkaError(ErrorCode.UNSUPPORTED_VERSION, "consumer groups are not served here")
    epoch = command.member_epoch
    names_member = command.makes_member_id or epoch > JOIN_EPOCH or epoch == LEAVE_EPOCH
    _refuse(names_member and _is_blank(command.member_id), "a member id is missing")
    _refuse(_is_blank(command.group_id), "a group id is missing")
    _refuse(_is_blank(command.instance_id), "an instance id is empty")
    _refuse(_is_blank(command.rack_id), "a rack id is empty")
    if epoch == JOIN_EPOCH:
        nothing_named = command.subscribed_topic_names is None
        _refuse(command.rebalance_timeout_ms == UNCHANGED, "who joins has a rebalance timeout")
        _refuse(command.topic_partitions != {}, "who joins has no partitions, and says so")
        _refuse(
            nothing_named and command.subscribed_topic_regex is None,
            "who joins subscribes, if only to nothing",
        )
    elif epoch == STATIC_LEAVE_EPOCH:
        _refuse(command.instance_id is None, "only who has an instance id leaves for a while")
    _refuse(epoch < STATIC_LEAVE_EPOCH, f"there is no member epoch {epoch}")
    assignor = command.server_assignor
    if assignor is not None and assignor not in settings.group_consumer_assignors:
        served = ", ".join(settings.group_consumer_assignors)
        raise KafkaError(
            ErrorCode.UNSUPPORTED_ASSIGNOR, f"no assignor {assignor} is served, but {served}"
        )


def _refuse(is_wrong: bool, reason: str) -> None:
    if is_wrong:
        raise KafkaError(ErrorCode.INVALID_REQUEST, reason)


def _is_blank(text: str | None) -> bool:
    """Tell whether a text is there and has nothing but what Java's trim takes away."""
    return text is not None and all(character <= " " for character in text)


def _group_for(
    shard: Shard, command: ConsumerHeartbeatCommand, now: Now
) -> tuple[ConsumerGroup, Effects]:
    """Give the group, and what must come before all else where it is only now made.

    A classic group gives way: an empty one at once, one in use as `migration` allows.
    """
    if command.member_epoch != JOIN_EPOCH:
        return leaving.known_group(shard, command.group_id), NOTHING
    group = shard.groups.get(command.group_id)
    if isinstance(group, ConsumerGroup):
        return group, NOTHING
    if group is None:
        return ConsumerGroup(command.group_id), NOTHING
    if group.is_empty:
        return ConsumerGroup(command.group_id), Effects(tuple(group.tombstones()))
    return migration.upgraded(shard, group, now)


def _member_for(
    group: ConsumerGroup, command: ConsumerHeartbeatCommand, member_id: str
) -> tuple[ConsumerMember, tuple[Record, ...]]:
    """Give the member as it was before, new or known, and the records of a replacement."""
    joins = command.member_epoch == JOIN_EPOCH
    if command.instance_id is None:
        known = group.members.get(member_id) if joins else group.member(member_id)
        member = known or ConsumerMember(member_id)
        _check_epoch(member, command)
        return member, ()
    if not joins:
        member = leaving.known_static_member(group, command.instance_id, member_id)
        _check_epoch(member, command)
        return member, ()
    there = group.static_member(command.instance_id)
    if there is None:
        return group.members.get(member_id) or ConsumerMember(member_id), ()
    if not there.is_classic and there.member_epoch != STATIC_LEAVE_EPOCH:
        raise KafkaError(
            ErrorCode.UNRELEASED_INSTANCE_ID,
            f"instance id {command.instance_id} is still of member {there.member_id}",
        )
    return leaving.replacement(group, there, member_id)


def _check_epoch(member: ConsumerMember, command: ConsumerHeartbeatCommand) -> None:
    """Refuse an epoch that is not the member's.

    The one before it is let pass with no more partitions than the member has: then the answer that
    told the new epoch was lost.
    """
    epoch = command.member_epoch
    if epoch in (JOIN_EPOCH, member.member_epoch):
        return
    is_before = epoch < member.member_epoch and epoch == member.current.previous_member_epoch
    if not is_before or not _has_only(command.topic_partitions, member.current.assigned):
        raise KafkaError(
            ErrorCode.FENCED_MEMBER_EPOCH,
            f"member {member.member_id} is at {member.member_epoch}, not {epoch}: it must give up"
            " everything and join again",
        )


def _has_only(owned: Partitions | None, held: Held) -> bool:
    if owned is None:
        return False
    return all(partitions <= held.get(topic, {}).keys() for topic, partitions in owned.items())


def _told(before: MemberSubscription, command: ConsumerHeartbeatCommand) -> MemberSubscription:
    """Give what the member is known by now; what it leaves out is as before."""

    names = command.subscribed_topic_names
    timeout_ms = command.rebalance_timeout_ms
    return MemberSubscription(
        instance_id=_told_or(command.instance_id, before.instance_id),
        rack_id=_told_or(command.rack_id, before.rack_id),
        client_id=command.client_id,
        client_host=command.client_host,
        subscribed_topic_names=before.subscribed_topic_names
        if names is None
        else tuple(sorted(set(names))),
        subscribed_topic_regex=_told_or(
            command.subscribed_topic_regex, before.subscribed_topic_regex
        ),
        rebalance_timeout_ms=before.rebalance_timeout_ms if timeout_ms == UNCHANGED else timeout_ms,
        server_assignor=_told_or(command.server_assignor, before.server_assignor),
    )


def _told_or(text: str | None, before: str | None) -> str | None:
    return before if text is None else text


def _time_revocation(shard: Shard, group_id: str, member: ConsumerMember, now: Now) -> None:
    """Give the member its rebalance timeout to give up partitions, or let it off."""
    key = TimerKey(TimerKind.CONSUMER_REBALANCE, group_id, member.member_id)
    if member.current.state is MemberState.UNREVOKED_PARTITIONS:
        shard.timers.set(key, now.elapsed_ms + member.subscription.rebalance_timeout_ms)
    else:
        shard.timers.cancel(key)


def _news(
    command: ConsumerHeartbeatCommand, before: ConsumerMember, member: ConsumerMember
) -> Partitions | None:
    """Give the assignment where it changed, or where the member says everything of itself."""
    subscribes = command.subscribed_topic_names, command.subscribed_topic_regex
    says_all = (
        command.rebalance_timeout_ms != UNCHANGED
        and subscribes != (None, None)
        and command.topic_partitions is not None
    )
    is_new = before.current.assigned != member.current.assigned
    if command.member_epoch == JOIN_EPOCH or says_all or is_new:
        return partitions_of(member.current.assigned)
    return None
