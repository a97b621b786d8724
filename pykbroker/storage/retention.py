"""Which of a log's oldest segments go, and why; follows Kafka 4.3's `UnifiedLog.deleteOldSegments`.

Only whole segments go, from the oldest on, none beyond the high watermark, and the first that stays
ends it: what is left has no hole. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from pykbroker.storage.log_config import DELETE, LogConfig


class Reason(Enum):
    """Why a segment goes, in words for people; asked in this order."""

    LOG_START = "below the log start offset"
    SIZE = "beyond retention.bytes"
    TIME = "older than retention.ms"


@dataclass(frozen=True, slots=True)
class Candidate:
    """What the rules ask of a segment."""

    base_offset: int
    end_offset: int
    """Where the next segment, or without one the log, goes on (exclusive)."""
    size_bytes: int
    newest_ms: int
    """The largest timestamp; without any, when the segment was written to last."""
    is_last: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """What goes."""

    reasons: tuple[Reason, ...]
    """Why each of the oldest segments goes; as many go as there are reasons."""
    log_start_offset: int
    """Where the log begins without them."""
    takes_all: bool
    """Whether none stays: a new segment has to begin before they go."""
    stays_until_ms: int | None
    """The timestamp, later than now, that keeps the oldest segment that stays from ageing."""


def plan(
    segments: Iterable[Candidate],
    config: LogConfig,
    *,
    log_start_offset: int,
    high_watermark: int,
    size_bytes: int,
    now_ms: int,
) -> Plan:
    """Decide over the segments of a log that holds `size_bytes` in all, oldest first.

    They are looked at one by one, none after the first that stays. Kafka asks all for one reason
    before it asks for the next, which comes to the same: a segment that keeps the log above
    retention.bytes is preceded only by such.

    [0,10) [10,20) [20,20), old, high watermark 20 → the first two go, log start offset 20
    [0,10) [10,20), old, high watermark 20 → both go, a segment [20,20) begins
    """
    deletes = DELETE in config.cleanup_policy
    surplus_bytes = size_bytes - config.retention_bytes
    reasons: list[Reason] = []
    start_offset, takes_all, stays_until_ms = log_start_offset, False, None
    for segment in segments:
        is_empty_end = segment.is_last and not segment.size_bytes
        if segment.end_offset > high_watermark or is_empty_end:
            break
        surplus_bytes -= segment.size_bytes
        age_ms = now_ms - segment.newest_ms
        if not segment.is_last and segment.end_offset <= log_start_offset:
            reasons.append(Reason.LOG_START)
        elif deletes and config.retention_bytes >= 0 and surplus_bytes >= 0:
            reasons.append(Reason.SIZE)
        elif deletes and 0 <= config.retention_ms < age_ms:
            reasons.append(Reason.TIME)
        else:
            if deletes and config.retention_ms >= 0 > age_ms:
                stays_until_ms = segment.newest_ms
            break
        start_offset, takes_all = max(start_offset, segment.end_offset), segment.is_last
    return Plan(tuple(reasons), start_offset, takes_all, stays_until_ms)
