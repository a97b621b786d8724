"""What happens to consumer groups by the passing of time.

A deadline may have outlived what it was for: the member, the group or its kind may have changed
since, and then nothing happens.
"""

from __future__ import annotations

from pykbroker.coordinator.consumer import leaving, regexes
from pykbroker.coordinator.consumer.group import ConsumerGroup
from pykbroker.coordinator.consumer.member import STATIC_LEAVE_EPOCH
from pykbroker.coordinator.effects import NOTHING, Effects, Now
from pykbroker.coordinator.records import MemberState
from pykbroker.coordinator.shard import Shard
from pykbroker.coordinator.timers import TimerKey


def session_over(shard: Shard, key: TimerKey, now: Now) -> Effects:
    """Remove a member that was silent for its session timeout."""
    return _remove(shard, key, now)


def rebalance_over(shard: Shard, key: TimerKey, now: Now) -> Effects:
    """Remove a member that has not given up within its rebalance timeout what it was asked to."""
    group = shard.groups.get(key.group_id)
    member = group.members.get(key.member_id) if isinstance(group, ConsumerGroup) else None
    if (
        member is None
        or member.current.state is not MemberState.UNREVOKED_PARTITIONS
        or member.member_epoch == STATIC_LEAVE_EPOCH
    ):
        return NOTHING
    return _remove(shard, key, now)


def classic_join_over(shard: Shard, key: TimerKey, now: Now) -> Effects:
    """Remove a classic member that was told to join again and did not."""
    return _remove_classic(shard, key, now)


def classic_sync_over(shard: Shard, key: TimerKey, now: Now) -> Effects:
    """Remove a classic member that joined and did not ask for its assignment."""
    return _remove_classic(shard, key, now)


def regexes_due(shard: Shard, key: TimerKey, now: Now) -> Effects:
    """Resolve the patterns of a group."""
    return regexes.resolve(shard, key.group_id, now)


def _remove_classic(shard: Shard, key: TimerKey, now: Now) -> Effects:
    """Remove a member unless it has turned to the consumer protocol, where it owes neither."""
    group = shard.groups.get(key.group_id)
    member = group.members.get(key.member_id) if isinstance(group, ConsumerGroup) else None
    return NOTHING if member is None or not member.is_classic else _remove(shard, key, now)


def _remove(shard: Shard, key: TimerKey, now: Now) -> Effects:
    group = shard.groups.get(key.group_id)
    if not isinstance(group, ConsumerGroup) or key.member_id not in group.members:
        return NOTHING
    return leaving.fence(shard, group, (group.members[key.member_id],), now)
