"""How a classic group comes from one generation to the next: everybody joins again, or goes.

A group that was empty waits a while for members to come (KIP-134), any other until all its members
have joined again, at most for the rebalance timeout. Then the leader is told who is there, and
`syncing` goes on from that.
"""

from __future__ import annotations

from pykbroker.coordinator.classic import deadlines, storing
from pykbroker.coordinator.classic.finding import find_due
from pykbroker.coordinator.classic.group import ClassicGroup, InitialDelay
from pykbroker.coordinator.classic.members import ClassicMember
from pykbroker.coordinator.classic.states import ClassicGroupState
from pykbroker.coordinator.commands import JoinReply, MemberRefused
from pykbroker.coordinator.effects import NOTHING, Effect, Effects, Now
from pykbroker.coordinator.shard import Shard
from pykbroker.coordinator.timers import TimerKey
from pykbroker.errors import ErrorCode, KafkaError

POSTPONED_MS = 100
"""A rebalance to which nobody came is put off at least so long, whatever members ask for."""


def rebalance_or_complete(shard: Shard, group: ClassicGroup, now: Now) -> Effects:
    """Begin a rebalance after a change of members; one that goes on may be complete by it."""
    if group.can_rebalance:
        return prepare_rebalance(shard, group, now)
    return complete_if_joined(shard, group, now)


def prepare_rebalance(shard: Shard, group: ClassicGroup, now: Now) -> Effects:
    """Call all members to join again, from Empty, CompletingRebalance or Stable."""
    recalled = NOTHING
    if group.state is ClassicGroupState.COMPLETING_REBALANCE:
        recalled = _recall(shard, group, now)
    group.pending_syncs.clear()
    deadlines.end_sync(shard, group)
    is_initial = group.state is ClassicGroupState.EMPTY
    group.transition_to(ClassicGroupState.PREPARING_REBALANCE, now.wall_ms)
    if is_initial:
        delay_ms = shard.settings().group_initial_rebalance_delay_ms
        remaining_ms = max(group.rebalance_timeout_ms - delay_ms, 0)
        group.initial_delay = InitialDelay(delay_ms, remaining_ms)
        deadlines.start_rebalance(shard, group, now, timeout_ms=delay_ms)
        return recalled
    if group.have_all_joined:
        return recalled + complete_join(shard, group, now)
    deadlines.start_rebalance(shard, group, now, timeout_ms=group.rebalance_timeout_ms)
    return recalled


def complete_if_joined(shard: Shard, group: ClassicGroup, now: Now) -> Effects:
    """End the rebalance when everybody has joined; the first one lasts as long as it lasts."""
    is_preparing = group.state is ClassicGroupState.PREPARING_REBALANCE
    if is_preparing and group.initial_delay is None and group.have_all_joined:
        return complete_join(shard, group, now)
    return NOTHING


def complete_join(shard: Shard, group: ClassicGroup, now: Now) -> Effects:
    """Begin the next generation with who has joined; static members may still be away."""
    deadlines.end_rebalance(shard, group)
    absent = [
        member.member_id
        for member in group.members.values()
        if not member.awaits_join and not member.is_static
    ]
    effects = NOTHING
    for member_id in absent:
        effects += dismiss(shard, group, member_id)
    if group.members and not group.elect_leader():
        timeout_ms = max(group.rebalance_timeout_ms, POSTPONED_MS)
        deadlines.start_rebalance(shard, group, now, timeout_ms=timeout_ms)
        return effects
    group.begin_generation(now.wall_ms)
    if not group.members:
        return effects + Effects((storing.group_record(group),))
    replies = []
    for member in group.members.values():
        token = group.await_join(member, None)
        if token is not None:
            replies.append(Effect(token, join_reply(group, member)))
        member.is_new = False
        deadlines.start_session(shard, group, member, now)
        group.pending_syncs.add(member.member_id)
    deadlines.start_sync(shard, group, now)
    return effects + Effects(replies=tuple(replies))


def join_reply(
    group: ClassicGroup, member: ClassicMember, *, skip_assignment: bool = False
) -> JoinReply:
    """Tell a member the generation, and if it leads, who else is in it."""
    is_leader = group.is_leader(member.member_id)
    return JoinReply(
        member_id=member.member_id,
        generation_id=group.generation_id,
        protocol_type=group.protocol_type,
        protocol_name=group.protocol_name,
        leader=group.leader_id or "",
        members=group.joined_members() if is_leader else (),
        skip_assignment=skip_assignment,
    )


def dismiss(shard: Shard, group: ClassicGroup, member_id: str) -> Effects:
    """Let a member or a pending one go, and refuse what is parked of it: UNKNOWN_MEMBER_ID."""
    deadlines.end_session(shard, group, member_id)
    member = group.remove(member_id)
    if member is None:
        return NOTHING
    return _refuse(member, ErrorCode.UNKNOWN_MEMBER_ID, "")


def refuse_parked(group: ClassicGroup, member: ClassicMember, code: ErrorCode) -> Effects:
    """Answer what is parked of a member with a refusal."""
    refused = _refuse(member, code, member.member_id)
    group.await_join(member, None)
    member.sync_token = None
    return refused


def _refuse(member: ClassicMember, code: ErrorCode, member_id: str) -> Effects:
    replies = []
    if member.join_token is not None:
        replies.append(Effect(member.join_token, MemberRefused(code, member_id)))
    if member.sync_token is not None:
        replies.append(Effect(member.sync_token, KafkaError(code)))
    return Effects(replies=tuple(replies))


def refuse_all_parked(group: ClassicGroup, code: ErrorCode) -> Effects:
    """Answer all that is parked with a refusal, as of a group that changes its kind."""
    replies: list[Effect] = []
    for member in group.members.values():
        replies.extend(refuse_parked(group, member, code).replies)
    return Effects(replies=tuple(replies))


def _recall(shard: Shard, group: ClassicGroup, now: Now) -> Effects:
    """Take the assignments back, and call those to join who wait for theirs."""
    replies = []
    for member in group.members.values():
        member.assignment = b""
        if member.sync_token is not None:
            deadlines.start_session(shard, group, member, now)
            refusal = KafkaError(ErrorCode.REBALANCE_IN_PROGRESS)
            replies.append(Effect(member.sync_token, refusal))
            member.sync_token = None
    return Effects(replies=tuple(replies))


def rebalance_over(shard: Shard, key: TimerKey, now: Now) -> Effects:
    """Begin the generation without who is late; a first one may wait longer for who comes late."""
    group = find_due(shard, key)
    if group is None or group.state is not ClassicGroupState.PREPARING_REBALANCE:
        return NOTHING
    delay = group.initial_delay
    if delay is None or not delay.member_came or delay.remaining_ms == 0:
        return complete_join(shard, group, now)
    more_ms = min(shard.settings().group_initial_rebalance_delay_ms, delay.remaining_ms)
    group.initial_delay = InitialDelay(more_ms, max(delay.remaining_ms - delay.delay_ms, 0))
    deadlines.start_rebalance(shard, group, now, timeout_ms=more_ms)
    return NOTHING


def loaded(shard: Shard, now: Now) -> Effects:
    """Expect all members of all groups again, and let groups rebalance that must.

    Those are the ones with more members than they may have, and with members but no leader: they
    were about to rebalance when the coordinator was lost, and their members would not know.
    """
    effects = NOTHING
    size_max = shard.settings().group_max_size
    for group in tuple(shard.groups.values()):
        if isinstance(group, ClassicGroup):
            for member in group.members.values():
                deadlines.start_session(shard, group, member, now)
            is_led = group.leader_id is not None or not group.members
            if len(group.members) > size_max or not is_led:
                effects += prepare_rebalance(shard, group, now)
    return effects
