"""Offsets nobody needs any more are forgotten, and with them groups left with nothing.

Every offsets.retention.check.interval.ms the whole partition is looked through, some groups at a
time so that nobody waits long (GroupCoordinatorShard.cleanupGroupMetadata; the rules of when an
offset expires are the groups', KIP-211).
"""

from __future__ import annotations

from heapq import nsmallest

from pykbroker.coordinator.effects import Effects, Now
from pykbroker.coordinator.group import Group
from pykbroker.coordinator.records import OffsetRecord, Record
from pykbroker.coordinator.shard import Shard
from pykbroker.coordinator.timers import TimerKey, TimerKind

GROUPS_AT_ONCE = 1_000
BYTES_AT_ONCE = 1 << 18
"""Of tombstones, as estimated: they and those of one more group must fit into one batch."""
_BYTES_OF_ONE = 320
"""Of a tombstone without its group id: topic names have 249 characters at most."""
PAUSE_MS = 10
"""Between some groups and the next."""
_ALL = TimerKey(TimerKind.OFFSET_EXPIRATION)
"""A look at every group; a key with a group id is about the groups from that one on."""


def schedule(shard: Shard, now: Now) -> None:
    """Let the offsets be looked through when the interval has passed."""
    shard.timers.set(_ALL, now.elapsed_ms + shard.settings().offsets_retention_check_interval_ms)


def expire(shard: Shard, key: TimerKey, now: Now) -> Effects:
    """Look through some groups, from the one that `key` names on in the order of their ids."""
    if key == _ALL:
        schedule(shard, now)
    from_here = (group_id for group_id in shard.groups if group_id >= key.group_id)
    records: list[Record] = []
    size = 0
    for number, group_id in enumerate(nsmallest(GROUPS_AT_ONCE + 1, from_here)):
        if number < GROUPS_AT_ONCE:
            expired = _expired(shard, shard.groups[group_id], now)
            records += expired
            size += len(expired) * _bytes_of_one(group_id)
        if number == GROUPS_AT_ONCE or size >= BYTES_AT_ONCE:
            shard.timers.set(TimerKey(_ALL.kind, group_id), now.elapsed_ms + PAUSE_MS)
            break
    return Effects(tuple(records))


def _bytes_of_one(group_id: str) -> int:
    """Tell what a tombstone of an offset takes at most."""
    return _BYTES_OF_ONE + 3 * len(group_id)


def _expired(shard: Shard, group: Group, now: Now) -> list[Record]:
    """Give tombstones of offsets that have expired, and of a group that is left with nothing.

    Where there are more than BYTES_AT_ONCE of the first, the others must wait.
    """
    group_id, retention_ms = group.group_id, shard.settings().offsets_retention_ms
    committed, expires_at = shard.offsets.of(group_id), group.offsets_expire()
    tombstones: list[Record] = []
    room = -(-BYTES_AT_ONCE // _bytes_of_one(group_id))
    keeps_some = False
    for topic, partitions in committed.items():
        if expires_at is None or group.is_subscribed_to(topic):
            keeps_some = True
            continue
        for partition, value in partitions.items():
            is_pending = shard.offsets.has_pending(group_id, topic, partition)
            if is_pending or now.wall_ms < expires_at(value, retention_ms):
                keeps_some = True
                continue
            if len(tombstones) == room:
                return tombstones
            tombstones.append(OffsetRecord(group_id, topic, partition, None))
    if keeps_some or not group.is_empty:
        return tombstones
    return [*tombstones, *group.tombstones()]
