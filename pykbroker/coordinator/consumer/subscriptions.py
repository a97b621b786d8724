"""What a group subscribes to, and the epoch that each change of it bumps (KIP-848, KIP-1101).

A change is decided on as a whole, from the group as it was before. A group's topics are looked at
when a member's subscription changes, and at the first heartbeat after one of them changed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from pykbroker.coordinator.consumer import regexes
from pykbroker.coordinator.consumer.group import FIRST_EPOCH, ConsumerGroup, count
from pykbroker.coordinator.consumer.member import ConsumerMember
from pykbroker.coordinator.consumer.metadata_hash import group_hash
from pykbroker.coordinator.consumer.regexes import PatternChange
from pykbroker.coordinator.effects import Now
from pykbroker.coordinator.records import (
    GroupEpoch,
    GroupEpochRecord,
    MemberRecord,
    Record,
)
from pykbroker.coordinator.shard import Shard
from pykbroker.coordinator.topics import Topics


@dataclass(frozen=True, slots=True)
class Subscribed:
    """What a member's heartbeat, or join, makes of its group's subscription."""

    group_epoch: int
    is_changed: bool
    """Whether what the member has must be made to fit what it subscribes now."""
    resolves_patterns: bool
    checks_metadata: bool
    records: tuple[Record, ...]


def subscribe(
    shard: Shard,
    group: ConsumerGroup,
    before: ConsumerMember,
    member: ConsumerMember,
    *,
    awaits_patterns: bool,
    now: Now,
) -> Subscribed:
    """Decide what follows when a member that was `before` is as it is now.

    `awaits_patterns`: a pattern that is not resolved yet bumps the epoch once it is, not now.
    Raises INVALID_REGULAR_EXPRESSION. Changes nothing: `settle` does when all is decided.
    """
    records: list[Record] = []
    if member != before:
        records.append(MemberRecord(group.group_id, member.member_id, member.subscription))
    other_names = _names(member) != _names(before)
    pattern = regexes.change_pattern(group, before, member)
    records += pattern.records
    resolves = regexes.must_resolve(shard, group, before, member, is_new=pattern.is_new, now=now)
    is_changed = other_names or pattern.change is not PatternChange.NONE
    bumps = is_changed
    if awaits_patterns:
        bumps = other_names or pattern.change is PatternChange.RESOLVED
    group_epoch = group.group_epoch
    # A classic group that had no generation yet is at 0, which to a member means to join.
    bumps = bumps or group_epoch < FIRST_EPOCH
    checks = bumps or not group.metadata_is_checked
    if checks:
        metadata_hash = group_hash(_topics_with(group, before, member), shard.topics)
        if bumps or metadata_hash != group.metadata_hash:
            group_epoch += 1
            records.append(GroupEpochRecord(group.group_id, GroupEpoch(group_epoch, metadata_hash)))
    return Subscribed(
        group_epoch,
        is_changed=is_changed,
        resolves_patterns=resolves,
        checks_metadata=checks,
        records=tuple(records),
    )


def settle(shard: Shard, group: ConsumerGroup, subscribed: Subscribed, now: Now) -> None:
    """Change what may be lost, once a decision on `subscribed` is not refused any more."""
    if subscribed.checks_metadata:
        group.metadata_is_checked = True
    if subscribed.resolves_patterns:
        shard.timers.set(regexes.timer_key(group.group_id), now.elapsed_ms)


def topics_without(
    group: ConsumerGroup, members: Iterable[ConsumerMember], patterns: Iterable[str]
) -> Collection[str]:
    """Give the names that a group subscribes to without some members and patterns."""
    counts = dict(group.topic_counts)
    for member in members:
        for name in _names(member):
            count(counts, name, -1)
    for regex in patterns:
        _drop_pattern(group, regex, counts)
    return counts


def topics_of(group: ConsumerGroup, member: ConsumerMember) -> Collection[str]:
    """Give what a member subscribes to, by name and by a pattern that is resolved."""
    resolved = None if member.regex is None else group.regexes.get(member.regex)
    names = _names(member)
    return names if resolved is None else resolved.topics.union(names)


def ids_of(names: Iterable[str], topics: Topics) -> frozenset[bytes]:
    """Give the ids of those of the topics that exist."""
    return frozenset(shape.topic_id for name in names if (shape := topics.by_name.get(name)))


def _names(member: ConsumerMember) -> tuple[str, ...]:
    return member.subscription.subscribed_topic_names


def _topics_with(
    group: ConsumerGroup, before: ConsumerMember, member: ConsumerMember
) -> Collection[str]:
    """Give the names that the group subscribes to when a member is as it is now."""
    drops_pattern = before.regex is not None and before.regex != member.regex
    if not drops_pattern and _names(before) == _names(member):
        return group.topic_counts
    counts = dict(group.topic_counts)
    for name in _names(before):
        count(counts, name, -1)
    for name in _names(member):
        count(counts, name, 1)
    if before.regex is not None and drops_pattern and group.regex_counts.get(before.regex) == 1:
        _drop_pattern(group, before.regex, counts)
    return counts


def _drop_pattern(group: ConsumerGroup, regex: str, counts: dict[str, int]) -> None:
    resolved = group.regexes.get(regex)
    for topic in resolved.topics if resolved else ():
        count(counts, topic, -1)
