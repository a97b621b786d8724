"""The second half of a rebalance: the leader's assignments go to the members, and to the log.

Members that ask before the leader wait for it; who does not ask within the rebalance timeout goes.
"""

from __future__ import annotations

from pykbroker.coordinator.classic import deadlines, rebalancing, storing
from pykbroker.coordinator.classic.finding import find, find_due
from pykbroker.coordinator.classic.group import ClassicGroup
from pykbroker.coordinator.classic.states import ClassicGroupState
from pykbroker.coordinator.commands import SyncCommand, SyncReply
from pykbroker.coordinator.effects import NOTHING, Effect, Effects, Now, Token, answered
from pykbroker.coordinator.shard import Shard
from pykbroker.coordinator.timers import TimerKey
from pykbroker.errors import ErrorCode, KafkaError


def sync(shard: Shard, command: SyncCommand, token: Token, now: Now) -> Effects:
    """Give the member its assignment, now or when the leader has told it.

    Raises INVALID_GROUP_ID, UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID, ILLEGAL_GENERATION,
    INCONSISTENT_GROUP_PROTOCOL, REBALANCE_IN_PROGRESS.
    """
    group = find(shard, command.group_id)
    _check(group, command)
    member = group.members[command.member_id]
    group.pending_syncs.discard(member.member_id)
    if not group.pending_syncs:
        deadlines.end_sync(shard, group)
    if group.state is ClassicGroupState.STABLE:
        return answered(token, _reply(group, member.assignment))
    # A request that was parked already is given up, and never answered, as in Kafka.
    member.sync_token = token
    if not group.is_leader(member.member_id):
        return NOTHING
    return _assign(shard, group, dict(command.assignments), now)


def _check(group: ClassicGroup, command: SyncCommand) -> None:
    group.check_member(command.member_id, command.group_instance_id)
    if command.generation_id != group.generation_id:
        raise KafkaError(ErrorCode.ILLEGAL_GENERATION)
    # First, since a group that was a consumer group a moment ago told its members other protocols
    # than it has now. (Kafka 4.3 refuses those with what clients do not survive.)
    if group.state is ClassicGroupState.PREPARING_REBALANCE:
        raise KafkaError(ErrorCode.REBALANCE_IN_PROGRESS)
    if _differ(command.protocol_type, group.protocol_type) or _differ(
        command.protocol_name, group.protocol_name
    ):
        raise KafkaError(ErrorCode.INCONSISTENT_GROUP_PROTOCOL)


def _differ(told: str | None, known: str | None) -> bool:
    return told is not None and known is not None and told != known


def _reply(group: ClassicGroup, assignment: bytes) -> SyncReply:
    return SyncReply(group.protocol_type, group.protocol_name, assignment)


def _assign(shard: Shard, group: ClassicGroup, assignments: dict[str, bytes], now: Now) -> Effects:
    """Give the record that makes the group Stable, and the members that wait their shares of it."""
    replies = []
    for member in group.members.values():
        if member.sync_token is not None:
            share = assignments.get(member.member_id, b"")
            replies.append(Effect(member.sync_token, _reply(group, share)))
            member.sync_token = None
            deadlines.start_session(shard, group, member, now)

    def otherwise() -> Effects:
        return rebalancing.prepare_rebalance(shard, group, now)

    return Effects((storing.group_record(group, assignments),), tuple(replies), otherwise)


def sync_over(shard: Shard, key: TimerKey, now: Now) -> Effects:
    """Let those go who have not collected their assignment, and rebalance (KIP-669)."""
    group = find_due(shard, key)
    syncs = (ClassicGroupState.COMPLETING_REBALANCE, ClassicGroupState.STABLE)
    if group is None or group.state not in syncs or not group.pending_syncs:
        return NOTHING
    effects = NOTHING
    for member_id in tuple(group.pending_syncs):
        effects += rebalancing.dismiss(shard, group, member_id)
    return effects + rebalancing.prepare_rebalance(shard, group, now)
