"""The classic group that a request or a deadline is about."""

from __future__ import annotations

from pykbroker.coordinator.classic.group import ClassicGroup
from pykbroker.coordinator.shard import Shard
from pykbroker.coordinator.timers import TimerKey
from pykbroker.errors import ErrorCode, KafkaError


def find(shard: Shard, group_id: str) -> ClassicGroup:
    """Give the group that a member speaks of.

    Raises INVALID_GROUP_ID for the empty id, UNKNOWN_MEMBER_ID where there is no such group: on
    that clients join anew.
    """
    if not group_id:
        raise KafkaError(ErrorCode.INVALID_GROUP_ID)
    group = shard.groups.get(group_id)
    if not isinstance(group, ClassicGroup):
        raise KafkaError(ErrorCode.UNKNOWN_MEMBER_ID)
    return group


def find_due(shard: Shard, key: TimerKey) -> ClassicGroup | None:
    """Give the group of a deadline that is over; None when it is gone or changed its kind."""
    group = shard.groups.get(key.group_id)
    return group if isinstance(group, ClassicGroup) else None
