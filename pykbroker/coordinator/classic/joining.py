"""JoinGroup: who comes to a classic group, comes back to it, or is told its id to come with.

Refusals are answered as values: a group that is unknown is made even for whom it then refuses.
"""

from __future__ import annotations

from pykbroker.config.group import GroupSettings
from pykbroker.coordinator.classic import deadlines, rebalancing, static_members, storing
from pykbroker.coordinator.classic.finding import find_due
from pykbroker.coordinator.classic.group import ClassicGroup
from pykbroker.coordinator.classic.members import ClassicMember, Told
from pykbroker.coordinator.classic.states import ClassicGroupState
from pykbroker.coordinator.commands import JoinCommand, MemberRefused
from pykbroker.coordinator.effects import NOTHING, Effects, Now, Token, answered
from pykbroker.coordinator.ids import classic_member_id
from pykbroker.coordinator.records import Record
from pykbroker.coordinator.shard import Shard
from pykbroker.coordinator.timers import TimerKey
from pykbroker.errors import ErrorCode, KafkaError


def join(shard: Shard, command: JoinCommand, token: Token, now: Now) -> Effects:
    """Take a member into the group's next generation, which answers it when it begins.

    A group of another kind must be empty; it ends. Refuses with INVALID_GROUP_ID,
    INVALID_SESSION_TIMEOUT, UNKNOWN_MEMBER_ID, GROUP_MAX_SIZE_REACHED, FENCED_INSTANCE_ID,
    INCONSISTENT_GROUP_PROTOCOL, and MEMBER_ID_REQUIRED (KIP-394).
    """
    if not command.group_id:
        raise MemberRefused(ErrorCode.INVALID_GROUP_ID, command.member_id)
    check_session_timeout(shard.settings(), command)
    records: tuple[Record, ...] = ()
    group = shard.groups.get(command.group_id)
    if not isinstance(group, ClassicGroup):
        if command.member_id:
            raise MemberRefused(ErrorCode.UNKNOWN_MEMBER_ID, command.member_id)
        if group is not None:
            records = tuple(group.tombstones())
        group = ClassicGroup(command.group_id, state_timestamp_ms=now.wall_ms)
        shard.groups[command.group_id] = group
        records += (storing.created_record(group),)
    return Effects(records) + _decide(shard, group, command, token, now)


def check_session_timeout(settings: GroupSettings, command: JoinCommand) -> None:
    """Raise INVALID_SESSION_TIMEOUT for a timeout outside of the broker's bounds, inclusive."""
    at_least, at_most = (
        settings.group_min_session_timeout_ms,
        settings.group_max_session_timeout_ms,
    )
    if not at_least <= command.session_timeout_ms <= at_most:
        raise MemberRefused(ErrorCode.INVALID_SESSION_TIMEOUT, command.member_id)


def _decide(
    shard: Shard, group: ClassicGroup, command: JoinCommand, token: Token, now: Now
) -> Effects:
    member_id = command.member_id
    if not _has_room(group, member_id, shard.settings().group_max_size):
        gone = rebalancing.dismiss(shard, group, member_id)
        return gone + _refused(token, ErrorCode.GROUP_MAX_SIZE_REACHED, "")
    if group.state is ClassicGroupState.DEAD:
        return _refused(token, ErrorCode.COORDINATOR_NOT_AVAILABLE, member_id)
    if not group.supports(command.protocol_type, command.protocols):
        return _refused(token, ErrorCode.INCONSISTENT_GROUP_PROTOCOL, member_id)
    if not member_id:
        return _join_anew(shard, group, command, token, now)
    if member_id not in group.pending_joins:
        return _join_again(shard, group, command, token, now)
    if command.group_instance_id is not None:
        # Only dynamic members are told to come again: no client gets here by itself.
        return _refused(token, ErrorCode.UNKNOWN_SERVER_ERROR, "")
    return _add(shard, group, command, token, now, member_id=member_id)


def _has_room(group: ClassicGroup, member_id: str, size_max: int) -> bool:
    """Whether the group may grow by this member, or has it already.

    While members join again only those count who have: the last ones find the group full.
    """
    if group.state in (ClassicGroupState.EMPTY, ClassicGroupState.DEAD):
        return True
    member = group.members.get(member_id)
    if group.state is ClassicGroupState.PREPARING_REBALANCE:
        return (member is not None and member.awaits_join) or group.awaiting_join < size_max
    return member is not None or len(group.members) < size_max


def _refused(token: Token, code: ErrorCode, member_id: str) -> Effects:
    return answered(token, MemberRefused(code, member_id))


def _join_anew(
    shard: Shard, group: ClassicGroup, command: JoinCommand, token: Token, now: Now
) -> Effects:
    """Take in somebody without a member id: a new member, or a static one that restarted."""
    instance_id = command.group_instance_id
    prefix = command.client_id if instance_id is None else instance_id
    member_id = classic_member_id(prefix, shard.random_bytes)
    if instance_id is None and command.knows_member_id_required:
        group.pending_joins.add(member_id)
        timeout_ms = command.session_timeout_ms
        deadlines.expect_pending(shard, group, member_id, now, timeout_ms=timeout_ms)
        return _refused(token, ErrorCode.MEMBER_ID_REQUIRED, member_id)
    if instance_id is not None and instance_id in group.static_members:
        return static_members.take_over(shard, group, command, token, now, member_id=member_id)
    return _add(shard, group, command, token, now, member_id=member_id)


def _add(
    shard: Shard,
    group: ClassicGroup,
    command: JoinCommand,
    token: Token,
    now: Now,
    *,
    member_id: str,
) -> Effects:
    member = ClassicMember(
        member_id=member_id,
        group_instance_id=command.group_instance_id,
        client_id=command.client_id,
        client_host=command.client_host,
        rebalance_timeout_ms=command.rebalance_timeout_ms,
        session_timeout_ms=command.session_timeout_ms,
        protocol_type=command.protocol_type,
        protocols=command.protocols,
        is_new=True,
    )
    if group.initial_delay is not None:
        group.initial_delay.member_came = True
    group.add(member, token)
    deadlines.end_session(shard, group, member_id)
    timeout_ms = deadlines.NEW_MEMBER_JOIN_TIMEOUT_MS
    deadlines.start_session(shard, group, member, now, timeout_ms=timeout_ms)
    return rebalancing.rebalance_or_complete(shard, group, now)


def _join_again(
    shard: Shard, group: ClassicGroup, command: JoinCommand, token: Token, now: Now
) -> Effects:
    """Tell a member its generation again, or begin the next one for its sake."""
    try:
        group.check_member(command.member_id, command.group_instance_id)
    except KafkaError as refusal:
        return _refused(token, refusal.code, command.member_id)
    member = group.members[command.member_id]
    is_same = member.protocols == command.protocols
    if group.state is ClassicGroupState.COMPLETING_REBALANCE and is_same:
        # The reply to its JoinGroup may not have reached it.
        return answered(token, rebalancing.join_reply(group, member))
    # A leader that joins sees a reason to assign anew which its metadata does not tell.
    is_stable = group.state is ClassicGroupState.STABLE
    if is_stable and is_same and not group.is_leader(member.member_id):
        return answered(token, rebalancing.join_reply(group, member))
    return _update(shard, group, command, token, now)


def _update(
    shard: Shard, group: ClassicGroup, command: JoinCommand, token: Token, now: Now
) -> Effects:
    member = group.members[command.member_id]
    group.update(member, Told.by(command))
    # A request that was parked already is given up, and never answered, as in Kafka.
    group.await_join(member, token)
    return rebalancing.rebalance_or_complete(shard, group, now)


def pending_over(shard: Shard, key: TimerKey, now: Now) -> Effects:
    """Forget a member id that nobody came with; those who wait need not any more."""
    group = find_due(shard, key)
    if group is None or key.member_id not in group.pending_joins:
        return NOTHING
    group.remove(key.member_id)
    if group.state is ClassicGroupState.PREPARING_REBALANCE and group.have_all_joined:
        return rebalancing.complete_join(shard, group, now)
    return NOTHING
