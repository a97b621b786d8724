"""Which log is compacted next, from where to where, and which segments become one; pure.

Follows Kafka 4.3's LogCleanerManager, LogToClean and Cleaner.groupSegmentsBySize. A log is clean up
to its first dirty offset, where the last cleaning ended, and can be cleaned up to its first
uncleanable offset, which always is the start of a segment.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pykbroker.storage.index import RELATIVE_OFFSET_MAX
from pykbroker.storage.log_config import LogConfig


@dataclass(frozen=True, slots=True)
class CleanableSegment:
    """What the rules ask of a segment."""

    base_offset: int
    size_bytes: int
    first_ms: int
    """The largest timestamp of its first batch; 0 or less where there is none."""
    newest_ms: int
    """Its largest timestamp."""


@dataclass(frozen=True, slots=True)
class LogState:
    """What the rules ask of a log."""

    segments: Sequence[CleanableSegment]
    """Oldest first; the last one is the active one."""
    log_start_offset: int
    end_offset: int
    stable_offset: int
    """Below it all is committed, decided and durable (exclusive)."""
    checkpoint: int | None
    """Where the last cleaning ended; None before the first."""


@dataclass(frozen=True, slots=True)
class LogToClean:
    """What there is to do for one log."""

    first_dirty_offset: int
    first_uncleanable_offset: int
    clean_bytes: int
    cleanable_bytes: int
    must_clean: bool
    """Whether something lies uncleaned for longer than max.compaction.lag.ms."""
    checkpoint_is_invalid: bool
    """Whether the checkpoint is not of this log as it is now."""

    @property
    def dirty_ratio(self) -> float:
        """The cleanable share of all that a cleaning would go through; 0 when that is nothing."""
        total = self.clean_bytes + self.cleanable_bytes
        return self.cleanable_bytes / total if total else 0.0

    def is_due(self, config: LogConfig) -> bool:
        """Tell whether cleaning is worth its while, or is a must."""
        if not self.cleanable_bytes:
            return False
        return self.must_clean or self.dirty_ratio > config.min_cleanable_dirty_ratio


def plan(log: LogState, config: LogConfig, *, now_ms: int) -> LogToClean:
    """Find out what of a log can be cleaned.

    [0,10)[10,20)[20,30)[30,…, cleaned up to 10, all stable → dirty from 10, uncleanable from 30
    """
    first_dirty, is_invalid = log.checkpoint, False
    if first_dirty is None:
        first_dirty = log.log_start_offset
    elif not log.log_start_offset <= first_dirty <= log.end_offset:
        first_dirty, is_invalid = log.log_start_offset, True
    dirty = _from(log.segments, first_dirty)[:-1]
    bound = min(log.stable_offset, log.segments[-1].base_offset)
    if config.min_compaction_lag_ms > 0:
        youngest_ms = now_ms - config.min_compaction_lag_ms
        young = (segment.base_offset for segment in dirty if segment.newest_ms > youngest_ms)
        bound = min(bound, next(young, bound))
    # The segment that the bound lies in stays as it is, all of it.
    uncleanable = _from(log.segments, max(first_dirty, bound))[0].base_offset
    cleanable = [segment for segment in dirty if segment.base_offset < uncleanable]
    clean = [segment for segment in log.segments if segment.base_offset < first_dirty]
    return LogToClean(
        first_dirty_offset=first_dirty,
        first_uncleanable_offset=uncleanable,
        clean_bytes=sum(segment.size_bytes for segment in clean),
        cleanable_bytes=sum(segment.size_bytes for segment in cleanable),
        must_clean=_waits_too_long(dirty, now_ms - config.max_compaction_lag_ms),
        checkpoint_is_invalid=is_invalid,
    )


def _from(segments: Sequence[CleanableSegment], offset: int) -> Sequence[CleanableSegment]:
    """Return the segment that an offset belongs to and all later ones."""
    number = bisect_right(segments, offset, key=lambda segment: segment.base_offset) - 1
    return segments[max(number, 0) :]


def _waits_too_long(dirty: Iterable[CleanableSegment], until_ms: int) -> bool:
    return any(0 < segment.first_ms < until_ms for segment in dirty)


def dirtiest(logs: Sequence[LogToClean]) -> int | None:
    """Return the number of the log to clean first; None when there is none."""
    if not logs:
        return None
    return max(range(len(logs)), key=lambda number: logs[number].dirty_ratio)


@dataclass(frozen=True, slots=True)
class GroupedSegment:
    """What grouping asks of a segment; sizes in bytes."""

    base_offset: int
    size_bytes: int
    index_bytes: int
    time_index_bytes: int


def group_segments(
    segments: Sequence[GroupedSegment],
    config: LogConfig,
    *,
    end_offset: int,
) -> list[list[GroupedSegment]]:
    """Group neighbours so that each group fits one segment: its bytes, indexes and offsets.

    `end_offset` is where the last one ends, exclusive. Offsets must fit 31 bits from the base of
    the group. Nothing is known yet of what will be dropped, so a group may become much smaller.
    """
    groups: list[list[GroupedSegment]] = []
    group: list[GroupedSegment] = []
    log_bytes = index_bytes = time_index_bytes = 0
    ends = [segment.base_offset for segment in segments[1:]] + [end_offset]
    for segment, end in zip(segments, ends, strict=True):
        log_bytes += segment.size_bytes
        index_bytes += segment.index_bytes
        time_index_bytes += segment.time_index_bytes
        fits = (
            log_bytes <= config.segment_bytes
            and max(index_bytes, time_index_bytes) <= config.segment_index_bytes
            and (not group or end - 1 - group[0].base_offset <= RELATIVE_OFFSET_MAX)
        )
        if group and fits:
            group.append(segment)
        else:
            groups.append(group := [segment])
            log_bytes, index_bytes = segment.size_bytes, segment.index_bytes
            time_index_bytes = segment.time_index_bytes
    return groups
