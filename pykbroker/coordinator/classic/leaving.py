"""LeaveGroup: members of a classic group go at once, or are sent away by instance (KIP-345)."""

from __future__ import annotations

from pykbroker.coordinator.classic import rebalancing
from pykbroker.coordinator.classic.group import ClassicGroup
from pykbroker.coordinator.classic.states import ClassicGroupState
from pykbroker.coordinator.commands import LeaveCommand, LeaveReply, LeavingMember, LeftMember
from pykbroker.coordinator.effects import NOTHING, Effects, Now, Token, answered
from pykbroker.coordinator.shard import Shard
from pykbroker.errors import ErrorCode, KafkaError


def leave(shard: Shard, command: LeaveCommand, token: Token, now: Now) -> Effects:
    """Let each of the members go, as far as it is one; the others rebalance.

    A group that is unknown knows none of them: UNKNOWN_MEMBER_ID for each. Raises INVALID_GROUP_ID.
    """
    if not command.group_id:
        raise KafkaError(ErrorCode.INVALID_GROUP_ID)
    group = shard.groups.get(command.group_id)
    if not isinstance(group, ClassicGroup):
        unknown = ErrorCode.UNKNOWN_MEMBER_ID
        return answered(token, LeaveReply(tuple(_left(each, unknown) for each in command.members)))
    if group.state is ClassicGroupState.DEAD:
        raise KafkaError(ErrorCode.COORDINATOR_NOT_AVAILABLE)
    effects, left = NOTHING, []
    for each in command.members:
        try:
            member_id = _member_id(group, each)
        except KafkaError as refusal:
            left.append(_left(each, refusal.code))
        else:
            effects += rebalancing.dismiss(shard, group, member_id)
            left.append(_left(each, ErrorCode.NONE))
    has_left = any(each.error_code is ErrorCode.NONE for each in left)
    if has_left and group.state is not ClassicGroupState.EMPTY:
        effects += rebalancing.rebalance_or_complete(shard, group, now)
    return effects + answered(token, LeaveReply(tuple(left)))


def _member_id(group: ClassicGroup, leaving: LeavingMember) -> str:
    """Give who is meant. Raises UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID."""
    if leaving.member_id:
        if leaving.member_id not in group.pending_joins:
            group.check_member(leaving.member_id, leaving.group_instance_id)
        return leaving.member_id
    member_id = group.static_members.get(leaving.group_instance_id or "")
    if leaving.group_instance_id is None or member_id is None:
        raise KafkaError(ErrorCode.UNKNOWN_MEMBER_ID)
    return member_id


def _left(leaving: LeavingMember, code: ErrorCode) -> LeftMember:
    return LeftMember(leaving.member_id, leaving.group_instance_id, code)
