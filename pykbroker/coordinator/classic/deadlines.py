"""The deadlines of a classic group and its members, in ms from now."""

from __future__ import annotations

from pykbroker.coordinator.classic.group import ClassicGroup
from pykbroker.coordinator.classic.members import ClassicMember
from pykbroker.coordinator.effects import Now
from pykbroker.coordinator.shard import Shard
from pykbroker.coordinator.timers import TimerKey, TimerKind

NEW_MEMBER_JOIN_TIMEOUT_MS = 5 * 60 * 1000
"""How long a member's first JoinGroup may be parked: who gave up asking would stay for ever."""


def start_session(
    shard: Shard,
    group: ClassicGroup,
    member: ClassicMember,
    now: Now,
    *,
    timeout_ms: int | None = None,
) -> None:
    """Expect a sign of life within the member's session timeout, or `timeout_ms`."""
    ms = member.session_timeout_ms if timeout_ms is None else timeout_ms
    key = TimerKey(TimerKind.CLASSIC_SESSION, group.group_id, member.member_id)
    shard.timers.set(key, now.elapsed_ms + ms)


def end_session(shard: Shard, group: ClassicGroup, member_id: str) -> None:
    """Expect nothing more of a member, or of one that is pending."""
    for kind in (TimerKind.CLASSIC_SESSION, TimerKind.CLASSIC_PENDING_JOIN):
        shard.timers.cancel(TimerKey(kind, group.group_id, member_id))


def expect_pending(
    shard: Shard, group: ClassicGroup, member_id: str, now: Now, *, timeout_ms: int
) -> None:
    """Expect who was told its id to come back with it."""
    key = TimerKey(TimerKind.CLASSIC_PENDING_JOIN, group.group_id, member_id)
    shard.timers.set(key, now.elapsed_ms + timeout_ms)


def start_rebalance(shard: Shard, group: ClassicGroup, now: Now, *, timeout_ms: int) -> None:
    """Let the rebalance end at this time at the latest."""
    key = TimerKey(TimerKind.CLASSIC_REBALANCE, group.group_id)
    shard.timers.set(key, now.elapsed_ms + timeout_ms)


def end_rebalance(shard: Shard, group: ClassicGroup) -> None:
    """Let the rebalance need no end."""
    shard.timers.cancel(TimerKey(TimerKind.CLASSIC_REBALANCE, group.group_id))


def start_sync(shard: Shard, group: ClassicGroup, now: Now) -> None:
    """Expect all members to collect their assignments within the rebalance timeout."""
    key = TimerKey(TimerKind.CLASSIC_SYNC, group.group_id)
    shard.timers.set(key, now.elapsed_ms + group.rebalance_timeout_ms)


def end_sync(shard: Shard, group: ClassicGroup) -> None:
    """Expect nobody to collect anything."""
    shard.timers.cancel(TimerKey(TimerKind.CLASSIC_SYNC, group.group_id))


def end_all(shard: Shard, group: ClassicGroup) -> None:
    """Forget every deadline of a group that ends."""
    for member_id in (*group.members, *group.pending_joins):
        end_session(shard, group, member_id)
    end_rebalance(shard, group)
    end_sync(shard, group)
