"""When a segment gives way to the next: Kafka's LogSegment.shouldRoll, value by value."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from pykbroker.storage.log_config import LogConfig
from pykbroker.storage.memory_fs import MemoryFileSystem
from pykbroker.storage.segment import Segment
from tests.storage.logs import NOW_MS, a_log, append

OFFSET_MAX = (1 << 31) - 1
COMPACT = frozenset({"compact"})


def a_segment(*, first_ms: int = NOW_MS, size: int = 100, **config: Any) -> Segment:
    """One of `size` bytes, whose only batch has a timestamp; 0 is an empty one."""
    segment = Segment(
        fs := MemoryFileSystem(),
        "",
        0,
        file=fs.create("/0.log"),
        config=LogConfig(**config),
        now_ms=NOW_MS,
        random=Random(1),
    )
    if size:
        segment.account(size, 0, first_ms)
    return segment


def rolls(
    segment: Segment,
    *,
    length: int = 10,
    last_offset: int = 1,
    timestamp_ms: int = NOW_MS,
    now_ms: int = NOW_MS,
    **config: Any,
) -> bool:
    return segment.must_roll(
        length,
        last_offset,
        timestamp_ms,
        config=LogConfig(**config),
        now_ms=now_ms,
    )


def test_it_rolls_by_size_when_the_batch_would_not_fit() -> None:
    assert not rolls(a_segment(), segment_bytes=110)
    assert rolls(a_segment(), segment_bytes=109)
    assert not rolls(a_segment(size=0), segment_bytes=9)


def test_it_rolls_by_the_records_time_and_not_by_the_clock() -> None:
    late = NOW_MS + 1001
    assert not rolls(a_segment(), segment_ms=1000, timestamp_ms=late - 1)
    assert rolls(a_segment(), segment_ms=1000, timestamp_ms=late)
    assert not rolls(a_segment(), segment_ms=1000, now_ms=late)
    assert not rolls(a_segment(size=0), segment_ms=1000, timestamp_ms=late)


def test_without_timestamps_it_rolls_by_the_clock_since_it_was_opened() -> None:
    nameless = a_segment(first_ms=-1)
    assert not rolls(nameless, segment_ms=1000, timestamp_ms=NOW_MS + 9999, now_ms=NOW_MS + 1000)
    assert rolls(nameless, segment_ms=1000, timestamp_ms=-1, now_ms=NOW_MS + 1001)


def test_its_jitter_is_what_the_configuration_said_when_it_was_opened() -> None:
    segment = a_segment(segment_ms=1000, segment_jitter_ms=400)
    jitter_ms = segment.roll_jitter_ms

    assert 0 < jitter_ms < 400
    assert not rolls(segment, segment_ms=1000, timestamp_ms=NOW_MS + 1000 - jitter_ms)
    assert rolls(segment, segment_ms=1000, timestamp_ms=NOW_MS + 1001 - jitter_ms)


@pytest.mark.parametrize(
    ("config", "waits_ms"),
    [
        ({"cleanup_policy": COMPACT, "max_compaction_lag_ms": 300}, 300),
        ({"cleanup_policy": COMPACT | {"delete"}, "max_compaction_lag_ms": 300}, 300),
        ({"cleanup_policy": COMPACT, "max_compaction_lag_ms": 3000}, 1000),
        ({"max_compaction_lag_ms": 300}, 1000),
    ],
)
def test_where_it_is_compacted_it_rolls_before_its_records_wait_too_long(
    config: dict[str, Any], waits_ms: int
) -> None:
    config["segment_ms"] = 1000

    assert not rolls(a_segment(), timestamp_ms=NOW_MS + waits_ms, **config)
    assert rolls(a_segment(), timestamp_ms=NOW_MS + waits_ms + 1, **config)


def test_it_rolls_when_an_offset_is_too_far_even_when_it_is_empty() -> None:
    assert not rolls(a_segment(), last_offset=OFFSET_MAX)
    assert rolls(a_segment(), last_offset=OFFSET_MAX + 1)
    assert rolls(a_segment(size=0), last_offset=OFFSET_MAX + 1)


def test_opened_again_it_counts_from_its_first_record_and_where_it_has_no_time_from_now() -> None:
    fs = MemoryFileSystem()
    log = a_log(fs, "data/timed-0", segment_ms=1000)
    append(log, timestamp_ms=NOW_MS)
    log.close()
    log = a_log(fs, "data/nameless-0", segment_ms=1000)
    append(log, timestamp_ms=-1)
    log.close()

    later = NOW_MS + 5000
    timed = a_log(fs, "data/timed-0", clean=True, now_ms=later).segments[0]
    nameless = a_log(fs, "data/nameless-0", clean=True, now_ms=later).segments[0]

    assert rolls(timed, segment_ms=1000, timestamp_ms=NOW_MS + 1001, now_ms=later)
    assert not rolls(nameless, segment_ms=1000, timestamp_ms=-1, now_ms=later + 1000)
    assert rolls(nameless, segment_ms=1000, timestamp_ms=-1, now_ms=later + 1001)
