"""Members of a consumer group that speak the classic protocol: what they ask beside JoinGroup.

A member's epoch is the generation it knows, and its assignment is the group's. It is called to join
again by its heartbeats, whenever that would bring it further, and must come within its rebalance
timeout (GroupMetadataManager.classicGroup…ToConsumerGroup).
"""

from __future__ import annotations

from pykbroker.coordinator.commands import (
    DONE,
    HeartbeatCommand,
    LeaveCommand,
    LeaveReply,
    LeavingMember,
    LeftMember,
    SyncCommand,
    SyncReply,
)
from pykbroker.coordinator.consumer import leaving
from pykbroker.coordinator.consumer.classic_join import join
from pykbroker.coordinator.consumer.embedded import PROTOCOL_TYPE, assignment_bytes
from pykbroker.coordinator.consumer.group import NO_PARTITIONS, ConsumerGroup
from pykbroker.coordinator.consumer.member import ConsumerMember, partitions_of
from pykbroker.coordinator.consumer.metadata_hash import group_hash
from pykbroker.coordinator.consumer.target import may_compute
from pykbroker.coordinator.effects import Effects, Now, Token, answered
from pykbroker.coordinator.records import ClassicMember, MemberState
from pykbroker.coordinator.shard import Shard
from pykbroker.coordinator.timers import TimerKey, TimerKind
from pykbroker.errors import ErrorCode, KafkaError, ProtocolError

__all__ = ["heartbeat", "join", "leave", "sync"]


def sync(shard: Shard, command: SyncCommand, token: Token, now: Now) -> Effects:
    """Give a classic member what it has by now, in the version of its own metadata.

    Raises UNKNOWN_MEMBER_ID, for members of the consumer protocol too, FENCED_INSTANCE_ID,
    ILLEGAL_GENERATION, INCONSISTENT_GROUP_PROTOCOL, and REBALANCE_IN_PROGRESS where a newer target
    calls the member to join again.
    """
    group, member, classic = _speaker(shard, command)
    _check_protocol(classic, command)
    # Who has to give up partitions first has joined already, and joins again when it has.
    is_behind = group.assignment_epoch > member.member_epoch
    if is_behind and member.current.state is not MemberState.UNREVOKED_PARTITIONS:
        _call_to_join(shard, group, member, now)
        raise KafkaError(ErrorCode.REBALANCE_IN_PROGRESS)
    try:
        assignment = assignment_bytes(
            partitions_of(member.current.assigned),
            shard.topics,
            metadata=classic.protocols[0][1],
        )
    except ProtocolError as malformed:
        raise KafkaError(ErrorCode.UNKNOWN_SERVER_ERROR, str(malformed)) from malformed
    shard.timers.cancel(_key(TimerKind.CONSUMER_CLASSIC_SYNC, group, member))
    _extend_session(shard, group, member, classic, now)
    return answered(token, SyncReply(command.protocol_type, command.protocol_name, assignment))


def heartbeat(shard: Shard, command: HeartbeatCommand, token: Token, now: Now) -> Effects:
    """Let a classic member's session last.

    Raises UNKNOWN_MEMBER_ID, for members of the consumer protocol too, FENCED_INSTANCE_ID,
    ILLEGAL_GENERATION, and REBALANCE_IN_PROGRESS, which lets the session last too, where the member
    is to join again: its target is newer, or it has partitions to give up, or those that it
    waits for are free; or a newer target is due, which consumers compute where there are any. (In
    Kafka 4.3 nobody does where there are none, and partitions stay without an owner.)
    """
    group, member, classic = _speaker(shard, command)
    _extend_session(shard, group, member, classic, now)
    state = member.current.state
    if (
        member.member_epoch < group.assignment_epoch
        or state is MemberState.UNREVOKED_PARTITIONS
        or (state is MemberState.UNRELEASED_PARTITIONS and not _waits(group, member))
        or _owes_target(shard, group, now)
    ):
        _call_to_join(shard, group, member, now)
        raise KafkaError(ErrorCode.REBALANCE_IN_PROGRESS)
    return answered(token, DONE)


def leave(shard: Shard, command: LeaveCommand, token: Token, now: Now) -> Effects:
    """Let members go, of whichever protocol, by member id or by instance id.

    Each is answered for itself: UNKNOWN_MEMBER_ID or FENCED_INSTANCE_ID where it is none.
    """
    group = shard.groups[command.group_id]
    assert isinstance(group, ConsumerGroup)
    going: dict[str, ConsumerMember] = {}
    left = []
    for each in command.members:
        code = ErrorCode.NONE
        try:
            member = _meant(group, each)
        except KafkaError as refusal:
            code = refusal.code
        else:
            going[member.member_id] = member
        left.append(LeftMember(each.member_id, each.group_instance_id, code))
    gone = leaving.fence(shard, group, tuple(going.values()), now)
    return gone + answered(token, LeaveReply(tuple(left)))


def _speaker(
    shard: Shard, command: SyncCommand | HeartbeatCommand
) -> tuple[ConsumerGroup, ConsumerMember, ClassicMember]:
    """Give the classic member that a command is of, with what makes it one."""
    group = shard.groups[command.group_id]
    assert isinstance(group, ConsumerGroup)
    instance_id = command.group_instance_id
    if instance_id is None:
        member = group.member(command.member_id)
    else:
        member = leaving.known_static_member(group, instance_id, command.member_id)
    classic = member.subscription.classic
    if classic is None:
        raise KafkaError(
            ErrorCode.UNKNOWN_MEMBER_ID, f"{member.member_id} does not speak the classic protocol"
        )
    if command.generation_id != member.member_epoch:
        raise KafkaError(
            ErrorCode.ILLEGAL_GENERATION,
            f"{member.member_id} is at {member.member_epoch}, not {command.generation_id}",
        )
    return group, member, classic


def _check_protocol(classic: ClassicMember, command: SyncCommand) -> None:
    """Refuse a protocol that the member does not offer; who does not say is not asked.

    A group that was classic when the member joined may have told any. (Kafka 4.3 takes the first
    one only, and clients do not survive the refusal.)
    """
    offered = [name for name, _ in classic.protocols]
    for told, known in (
        (command.protocol_type, [PROTOCOL_TYPE]),
        (command.protocol_name, offered),
    ):
        if told is not None and told not in known:
            raise KafkaError(
                ErrorCode.INCONSISTENT_GROUP_PROTOCOL, f"{told} is not {' or '.join(known)}"
            )


def _waits(group: ConsumerGroup, member: ConsumerMember) -> bool:
    """Tell whether others still have some of what the member is to have."""
    assigned = member.current.assigned
    return any(
        partition not in assigned.get(topic_id, {})
        and group.owner_of(topic_id, partition) is not None
        for topic_id, partitions in group.targets.get(member.member_id, NO_PARTITIONS).items()
        for partition in partitions
    )


def _owes_target(shard: Shard, group: ConsumerGroup, now: Now) -> bool:
    """Tell whether a target is due that no heartbeat of a consumer will compute."""
    if group.classic_count < len(group.members):
        return False
    if group.group_epoch > group.assignment_epoch:
        return may_compute(
            group.assignment_timestamp_ms,
            interval_ms=shard.times_of(group.group_id).assignment_interval_ms,
            now_ms=now.wall_ms,
        )
    if not group.metadata_is_checked:
        is_known = group_hash(group.topic_counts, shard.topics) == group.metadata_hash
        group.metadata_is_checked = is_known
    return not group.metadata_is_checked


def _meant(group: ConsumerGroup, each: LeavingMember) -> ConsumerMember:
    if each.group_instance_id is None:
        return group.member(each.member_id)
    if each.member_id:
        return leaving.known_static_member(group, each.group_instance_id, each.member_id)
    member = group.static_member(each.group_instance_id)
    if member is None:
        raise KafkaError(ErrorCode.UNKNOWN_MEMBER_ID)
    return member


def _call_to_join(shard: Shard, group: ConsumerGroup, member: ConsumerMember, now: Now) -> None:
    """Expect the member to join within its rebalance timeout, since it was first told to."""
    key = _key(TimerKind.CONSUMER_CLASSIC_JOIN, group, member)
    if shard.timers.due_ms(key) is None:
        shard.timers.set(key, now.elapsed_ms + member.subscription.rebalance_timeout_ms)


def _extend_session(
    shard: Shard, group: ConsumerGroup, member: ConsumerMember, classic: ClassicMember, now: Now
) -> None:
    key = _key(TimerKind.CONSUMER_SESSION, group, member)
    shard.timers.set(key, now.elapsed_ms + classic.session_timeout_ms)


def _key(kind: TimerKind, group: ConsumerGroup, member: ConsumerMember) -> TimerKey:
    return TimerKey(kind, group.group_id, member.member_id)
