"""Signs of life of the members of classic groups, and what becomes of those that give none."""

from __future__ import annotations

from pykbroker.coordinator.classic import deadlines, rebalancing
from pykbroker.coordinator.classic.finding import find, find_due
from pykbroker.coordinator.classic.group import ClassicGroup
from pykbroker.coordinator.classic.states import ClassicGroupState
from pykbroker.coordinator.commands import DONE, HeartbeatCommand
from pykbroker.coordinator.effects import NOTHING, Effects, Now, Token, answered
from pykbroker.coordinator.shard import Shard
from pykbroker.coordinator.timers import TimerKey
from pykbroker.errors import ErrorCode, KafkaError


def heartbeat(shard: Shard, command: HeartbeatCommand, token: Token, now: Now) -> Effects:
    """Let the member's session last.

    Raises INVALID_GROUP_ID, UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID, ILLEGAL_GENERATION, and
    REBALANCE_IN_PROGRESS to call the member to join, which lets its session last too.
    """
    group = find(shard, command.group_id)
    group.check_member(command.member_id, command.group_instance_id)
    if command.generation_id != group.generation_id:
        raise KafkaError(ErrorCode.ILLEGAL_GENERATION)
    deadlines.start_session(shard, group, group.members[command.member_id], now)
    if group.state is ClassicGroupState.PREPARING_REBALANCE:
        raise KafkaError(ErrorCode.REBALANCE_IN_PROGRESS)
    return answered(token, DONE)


def touch(shard: Shard, group: ClassicGroup, member_id: str, now: Now) -> None:
    """Take a commit that was accepted for a sign of life, of whoever is a member."""
    keeps = (ClassicGroupState.STABLE, ClassicGroupState.PREPARING_REBALANCE)
    if group.state in keeps and member_id in group.members:
        deadlines.start_session(shard, group, group.members[member_id], now)


def session_over(shard: Shard, key: TimerKey, now: Now) -> Effects:
    """Let a silent member go, unless it waits for the group's answer."""
    group = find_due(shard, key)
    member = None if group is None else group.members.get(key.member_id)
    if group is None or member is None or member.needs_no_heartbeat:
        return NOTHING
    effects = rebalancing.dismiss(shard, group, key.member_id)
    if group.state is ClassicGroupState.PREPARING_REBALANCE:
        if group.have_all_joined:
            effects += rebalancing.complete_join(shard, group, now)
        return effects
    return effects + rebalancing.rebalance_or_complete(shard, group, now)
