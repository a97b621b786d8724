"""A static member that comes back after a restart, with its instance's id only (KIP-345).

It takes the place of its former self, which is fenced. A stable group need not rebalance for it.
"""

from __future__ import annotations

from pykbroker.coordinator.classic import deadlines, rebalancing, storing
from pykbroker.coordinator.classic.group import ClassicGroup
from pykbroker.coordinator.classic.members import ClassicMember, Told
from pykbroker.coordinator.classic.states import ClassicGroupState
from pykbroker.coordinator.commands import JoinCommand, JoinReply
from pykbroker.coordinator.effects import NOTHING, Effect, Effects, Now, Token
from pykbroker.coordinator.shard import Shard
from pykbroker.errors import ErrorCode


def take_over(
    shard: Shard,
    group: ClassicGroup,
    command: JoinCommand,
    token: Token,
    now: Now,
    *,
    member_id: str,
) -> Effects:
    """Let `member_id` be the member of the command's instance, which the group knows."""
    assert command.group_instance_id is not None
    old_member_id, old_leader_id = group.static_members[command.group_instance_id], group.leader_id
    member = group.members[old_member_id]
    told_before = member.told
    fenced = rebalancing.refuse_parked(group, member, ErrorCode.FENCED_INSTANCE_ID)
    _rename(shard, group, member, now, member_id=member_id)
    group.update(member, Told.by(command))
    is_stable = group.state is ClassicGroupState.STABLE
    if not is_stable or group.select_protocol() != group.protocol_name:
        group.await_join(member, token)
        return fenced + rebalancing.rebalance_or_complete(shard, group, now)

    def otherwise() -> Effects:
        _rename(shard, group, member, now, member_id=old_member_id)
        group.update(member, told_before)
        return NOTHING

    if command.knows_skip_assignment:
        reply = _reply(group, member)
    else:
        reply = _old_reply(group, member, old_leader_id)
    return Effects((storing.group_record(group),), (Effect(token, reply),), otherwise)


def _rename(
    shard: Shard, group: ClassicGroup, member: ClassicMember, now: Now, *, member_id: str
) -> None:
    deadlines.end_session(shard, group, member.member_id)
    group.replace(member.member_id, member_id)
    deadlines.start_session(shard, group, member, now)


def _reply(group: ClassicGroup, member: ClassicMember) -> JoinReply:
    """Tell a leader who is there, and that they have their assignments (KIP-814)."""
    is_leader = group.is_leader(member.member_id)
    return rebalancing.join_reply(group, member, skip_assignment=is_leader)


def _old_reply(group: ClassicGroup, member: ClassicMember, leader_id: str | None) -> JoinReply:
    """Name a leader by its old id to itself, so that it does not take itself for one and assign."""
    return JoinReply(
        member_id=member.member_id,
        generation_id=group.generation_id,
        protocol_type=group.protocol_type,
        protocol_name=group.protocol_name,
        leader=leader_id or "",
    )
