"""Patterns that members subscribe to: when they are resolved, and what comes of that (KIP-848).

A pattern is resolved beside the heartbeat that brings it, never within: the heartbeat makes
TimerKind.CONSUMER_REGEX due at once, so that its answer and the epochs after it are Kafka's, which
resolves on another thread. All patterns of a group are resolved together, with one epoch for all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto

from pykbroker.coordinator.consumer.group import NO_PARTITIONS, ConsumerGroup, count
from pykbroker.coordinator.consumer.matching import Matching
from pykbroker.coordinator.consumer.member import ConsumerMember
from pykbroker.coordinator.consumer.metadata_hash import group_hash
from pykbroker.coordinator.effects import NOTHING, Effects, Now
from pykbroker.coordinator.records import (
    GroupEpoch,
    GroupEpochRecord,
    Record,
    RegexRecord,
    ResolvedRegex,
)
from pykbroker.coordinator.shard import Shard
from pykbroker.coordinator.timers import TimerKey, TimerKind
from pykbroker.coordinator.topic_pattern import compile_pattern

PAUSE_MS = 10_000
"""Shortest time between two resolutions of a group's patterns."""


class PatternChange(Enum):
    """What a member's pattern did."""

    NONE = auto()
    UNRESOLVED = auto()
    """It changed, to one that nobody knows the topics of yet: the epoch is bumped later."""
    RESOLVED = auto()
    """It changed, to a resolved one or to none: the group's topics are known now."""


@dataclass(frozen=True, slots=True)
class ChangedPattern:
    """What a member's new pattern brings about."""

    change: PatternChange
    is_new: bool
    """Nobody had it before: it is valid, and to be resolved."""
    records: tuple[Record, ...]


def change_pattern(
    group: ConsumerGroup, before: ConsumerMember, member: ConsumerMember
) -> ChangedPattern:
    """Tell what becomes of the group's patterns when a member is as it is now.

    The tombstone of a pattern that nobody else subscribes to is among the records. Raises
    INVALID_REGULAR_EXPRESSION for a pattern that is new to the group and none.
    """
    old, new = before.regex, member.regex
    if before.subscription.subscribed_topic_regex == member.subscription.subscribed_topic_regex:
        return ChangedPattern(PatternChange.NONE, is_new=False, records=())
    change = PatternChange.UNRESOLVED
    records: tuple[Record, ...] = ()
    if old is not None and group.regex_counts.get(old) == 1:
        records = (RegexRecord(group.group_id, old, None),)
    is_new = new is not None and new not in group.regex_counts
    if new is not None and is_new:
        compile_pattern(new)
    elif new in group.regexes or (new is None and old is not None):
        change = PatternChange.RESOLVED
    return ChangedPattern(change, is_new=is_new, records=records)


def must_resolve(
    shard: Shard,
    group: ConsumerGroup,
    before: ConsumerMember,
    member: ConsumerMember,
    *,
    is_new: bool,
    now: Now,
) -> bool:
    """Tell whether the group's patterns are to be resolved after this heartbeat.

    They are when one is not resolved, when there are new topics, and now and then for deleted
    ones; never while it is to be done anyway, and not within PAUSE_MS.
    """
    if not is_new and not group.regex_counts:
        return False
    if shard.timers.due_ms(timer_key(group.group_id)) is not None:
        return False
    counts = _counts_with(group.regex_counts, before, member)
    if not counts:
        return False
    last = next(iter(group.regexes.values()), None)
    if last is None:
        return True
    passed_ms = now.wall_ms - last.timestamp_ms
    if 0 <= passed_ms <= PAUSE_MS:
        return False
    return (
        is_new
        or len(counts) != len(group.regexes)
        or last.version < group.new_topics_revision
        or passed_ms > shard.settings().group_consumer_regex_refresh_interval_ms
        or passed_ms < 0  # the clock was put back, and would not let this happen for long
    )


def resolve(shard: Shard, group_id: str, now: Now) -> Effects:
    """Resolve a group's patterns, and bump its epoch if its topics are others than before.

    What takes long is done in turns: nothing is decided before the last.
    """
    group = shard.groups.get(group_id)
    if not isinstance(group, ConsumerGroup):
        return NOTHING
    matching = group.matching or Matching(group.regex_counts, shard.topics)
    if not matching.go_on():
        group.matching = matching
        shard.timers.set(timer_key(group_id), now.elapsed_ms)
        return NOTHING
    group.matching = None
    records: list[Record] = []
    topics = set(group.topic_counts)
    changed = False
    for regex, found in matching.found.items():
        if regex not in group.regex_counts:
            continue  # nobody subscribes to it any more
        resolved = ResolvedRegex(found, version=matching.version, timestamp_ms=now.wall_ms)
        before = group.regexes.get(regex)
        before_topics = before.topics if before else frozenset()
        changed = changed or resolved.topics != before_topics
        changed = changed or (before is None and _have_more(shard, group, regex, found))
        topics |= resolved.topics
        records.append(RegexRecord(group_id, regex, resolved))
    # What a pattern matches no more is deleted, and does not count.
    metadata_hash = group_hash(topics, shard.topics)
    if changed or metadata_hash != group.metadata_hash:
        epoch = GroupEpoch(group.group_epoch + 1, metadata_hash)
        records.append(GroupEpochRecord(group_id, epoch))
        group.metadata_is_checked = True
    return Effects(tuple(records))


def _have_more(shard: Shard, group: ConsumerGroup, regex: str, found: frozenset[str]) -> bool:
    """Tell whether members are to have topics that they do not subscribe to any more.

    They subscribed to a pattern that was not resolved yet, for which no epoch was bumped, and which
    matches nothing: what their last target gives them would be nobody's. (In Kafka it is.)
    """
    return any(
        shard.topics.name_of(topic_id)
        not in found.union(member.subscription.subscribed_topic_names)
        for member in group.members.values()
        if member.regex == regex
        for topic_id in group.targets.get(member.member_id, NO_PARTITIONS)
    )


def timer_key(group_id: str) -> TimerKey:
    """Name the deadline at which a group's patterns are resolved."""
    return TimerKey(TimerKind.CONSUMER_REGEX, group_id)


def _counts_with(
    counts: Mapping[str, int], before: ConsumerMember, member: ConsumerMember
) -> Mapping[str, int]:
    if before.regex == member.regex:
        return counts
    after = dict(counts)
    if before.regex is not None:
        count(after, before.regex, -1)
    if member.regex is not None:
        count(after, member.regex, 1)
    return after
