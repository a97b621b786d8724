"""JoinGroup of a consumer group: a member of the classic protocol joins, or joins again.

It goes the way of a heartbeat (`consumer_heartbeat`): what it wants may bump the group's epoch, the
epoch may bring a target, and the member is reconciled to that, with what its metadata says it owns.
The generation it is told is the epoch it has come to, and nobody leads
(GroupMetadataManager.classicGroupJoinToConsumerGroup).
"""

from __future__ import annotations

from dataclasses import replace

from pykbroker.config.group import MigrationPolicy
from pykbroker.coordinator.classic import joining
from pykbroker.coordinator.classic.joining import check_session_timeout
from pykbroker.coordinator.commands import JoinCommand, JoinReply, MemberRefused
from pykbroker.coordinator.consumer import leaving, migration
from pykbroker.coordinator.consumer.consumer_heartbeat import check_room, reconciled
from pykbroker.coordinator.consumer.embedded import (
    PROTOCOL_TYPE,
    EmbeddedSubscription,
    subscription_in,
)
from pykbroker.coordinator.consumer.group import ConsumerGroup
from pykbroker.coordinator.consumer.member import ConsumerMember
from pykbroker.coordinator.consumer.subscriptions import settle, subscribe
from pykbroker.coordinator.consumer.target import Target, target_of
from pykbroker.coordinator.effects import Effects, Now, Token, answered
from pykbroker.coordinator.ids import consumer_member_id
from pykbroker.coordinator.records import ClassicMember, CurrentRecord, MemberSubscription, Record
from pykbroker.coordinator.shard import Shard
from pykbroker.coordinator.timers import TimerKey, TimerKind
from pykbroker.errors import ErrorCode, KafkaError, ProtocolError

UNCHANGED = -1
"""Of a rebalance timeout: as the member said before."""


def join(shard: Shard, command: JoinCommand, token: Token, now: Now) -> Effects:
    """Take a classic member in, or let it catch up; the reply comes at once.

    A group without members becomes a classic one. Raises INVALID_SESSION_TIMEOUT,
    INCONSISTENT_GROUP_PROTOCOL where migration is disabled or the protocols fit nobody,
    GROUP_MAX_SIZE_REACHED, MEMBER_ID_REQUIRED, and of static members UNKNOWN_MEMBER_ID and
    FENCED_INSTANCE_ID.
    """
    group = shard.groups[command.group_id]
    assert isinstance(group, ConsumerGroup)
    if group.is_empty:
        return joining.join(shard, command, token, now)
    try:
        return _join(shard, group, command, token, now)
    except MemberRefused:
        raise
    except KafkaError as refusal:
        # Other than a classic group, it does not repeat the id that the member came with.
        raise MemberRefused(refusal.code, "", refusal.message) from refusal


def _join(
    shard: Shard, group: ConsumerGroup, command: JoinCommand, token: Token, now: Now
) -> Effects:
    member_id = command.member_id or consumer_member_id(shard.random_bytes)
    _check(shard, group, command, member_id)
    there = group.static_member(command.group_instance_id)
    before, records = _member_for(group, there, command, member_id)
    told = _embedded(command)
    member = replace(before, subscription=_subscription(before.subscription, command, told))
    subscribed = subscribe(shard, group, before, member, awaits_patterns=False, now=now)
    turns_classic = migration.may_downgrade_for(shard, group, there)
    if turns_classic:
        last = group.target_of(member_id, member.instance_id)
        target = Target(group.assignment_epoch, last)
    else:
        epoch = subscribed.group_epoch
        target = target_of(shard, group, epoch, before=before, member=member, now=now)
    if not turns_classic or target.epoch == subscribed.group_epoch:
        is_changed, owned = subscribed.is_changed, told.owned(shard.topics)
        member = reconciled(
            shard, group, member, target, is_subscription_changed=is_changed, owned=owned
        )
    records += (*subscribed.records, *target.records)
    if member.current != before.current:
        records += (CurrentRecord(group.group_id, member_id, member.current),)
    effects = Effects(records)
    if turns_classic:
        effects += migration.downgraded_for(shard, group, member, now)
    else:
        settle(shard, group, subscribed, now)
        _expect_sync(shard, command, member_id, now)
    return effects + answered(token, _reply(member, command))


def _check(shard: Shard, group: ConsumerGroup, command: JoinCommand, member_id: str) -> None:
    settings = shard.settings()
    check_session_timeout(settings, command)
    if settings.group_consumer_migration_policy is MigrationPolicy.DISABLED:
        raise _inconsistent("the migration policy lets no classic member into a consumer group")
    check_room(shard, group, member_id, command.group_instance_id)
    if command.protocol_type != PROTOCOL_TYPE:
        raise _inconsistent(f"members of a consumer group are of type {PROTOCOL_TYPE}")
    if not any(
        group.classic_protocols.get(name, 0) == group.classic_count for name, _ in command.protocols
    ):
        raise _inconsistent("no protocol suits all classic members")
    is_dynamic = command.group_instance_id is None
    if is_dynamic and not command.member_id and command.knows_member_id_required:
        raise MemberRefused(ErrorCode.MEMBER_ID_REQUIRED, member_id)


def _inconsistent(reason: str) -> KafkaError:
    return KafkaError(ErrorCode.INCONSISTENT_GROUP_PROTOCOL, reason)


def _member_for(
    group: ConsumerGroup, there: ConsumerMember | None, command: JoinCommand, member_id: str
) -> tuple[ConsumerMember, tuple[Record, ...]]:
    """Give the member as it was before, new or known, and the records of a replacement.

    `there` is who has the instance id. Whoever it is, and whatever protocol it speaks, it gives way
    to one that comes without a member id.
    """
    known = group.members.get(member_id) or ConsumerMember(member_id)
    if command.group_instance_id is None:
        return known, ()
    if command.member_id:
        there = leaving.known_static_member(group, command.group_instance_id, member_id)
        return there, ()
    if there is None:
        return known, ()
    return leaving.replacement(group, there, member_id)


def _embedded(command: JoinCommand) -> EmbeddedSubscription:
    """Read the first protocol's metadata: all of them say the same."""
    try:
        return subscription_in(command.protocols[0][1])
    except ProtocolError as malformed:
        raise _inconsistent(str(malformed)) from malformed


def _subscription(
    before: MemberSubscription, command: JoinCommand, told: EmbeddedSubscription
) -> MemberSubscription:
    timeout_ms = command.rebalance_timeout_ms
    return MemberSubscription(
        instance_id=command.group_instance_id or before.instance_id,
        rack_id=told.rack_id or before.rack_id,
        client_id=command.client_id,
        client_host=command.client_host,
        subscribed_topic_names=told.topics,
        subscribed_topic_regex="",  # classic members match patterns themselves
        rebalance_timeout_ms=before.rebalance_timeout_ms if timeout_ms == UNCHANGED else timeout_ms,
        server_assignor=before.server_assignor,
        classic=ClassicMember(command.session_timeout_ms, command.protocols),
    )


def _expect_sync(shard: Shard, command: JoinCommand, member_id: str, now: Now) -> None:
    """Give the member its session, and its rebalance timeout to ask for its assignment."""
    group_id = command.group_id
    shard.timers.cancel(TimerKey(TimerKind.CONSUMER_CLASSIC_JOIN, group_id, member_id))
    for kind, timeout_ms in (
        (TimerKind.CONSUMER_SESSION, command.session_timeout_ms),
        (TimerKind.CONSUMER_CLASSIC_SYNC, command.rebalance_timeout_ms),
    ):
        shard.timers.set(TimerKey(kind, group_id, member_id), now.elapsed_ms + timeout_ms)


def _reply(member: ConsumerMember, command: JoinCommand) -> JoinReply:
    return JoinReply(
        member_id=member.member_id,
        generation_id=member.member_epoch,
        protocol_type=PROTOCOL_TYPE,
        protocol_name=command.protocols[0][0],
        leader="",
    )
