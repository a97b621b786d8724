"""Which log is cleaned next, from where to where, and which segments become one."""

from __future__ import annotations

from typing import Any

import pytest

from pykbroker.storage.cleaning.cleaner import (
    CleanableSegment,
    GroupedSegment,
    LogState,
    LogToClean,
    dirtiest,
    group_segments,
    plan,
)
from pykbroker.storage.log_config import LogConfig

NOW_MS = 1_000_000
MIB = 1 << 20


def a_state(*base_offsets: int, checkpoint: int | None = None, **given: Any) -> LogState:
    """A log of segments of 100 bytes, the last one active; each as old as it is said to be."""
    times = given.pop("times", [NOW_MS] * len(base_offsets))
    end_offset = given.pop("end_offset", base_offsets[-1] + 10)
    return LogState(
        segments=[
            CleanableSegment(base_offset, 100, time - 5, time)
            for base_offset, time in zip(base_offsets, times, strict=True)
        ],
        log_start_offset=given.pop("log_start_offset", base_offsets[0]),
        end_offset=end_offset,
        stable_offset=given.pop("stable_offset", end_offset),
        checkpoint=checkpoint,
    )


def planned(state: LogState, **config: Any) -> LogToClean:
    return plan(state, LogConfig(**config), now_ms=NOW_MS)


def test_all_but_the_active_segment_is_dirty_before_the_first_cleaning() -> None:
    assert planned(a_state(0, 10, 20)) == LogToClean(
        first_dirty_offset=0,
        first_uncleanable_offset=20,
        clean_bytes=0,
        cleanable_bytes=200,
        must_clean=False,
        checkpoint_is_invalid=False,
    )


@pytest.mark.parametrize(
    ("checkpoint", "first_dirty", "is_invalid"),
    [(10, 10, False), (30, 30, False), (4, 5, True), (5, 5, False), (31, 5, True)],
)
def test_a_checkpoint_outside_of_the_log_starts_anew_at_its_start(
    checkpoint: int, first_dirty: int, is_invalid: bool
) -> None:
    to_clean = planned(a_state(0, 10, 20, checkpoint=checkpoint, log_start_offset=5))

    assert (to_clean.first_dirty_offset, to_clean.checkpoint_is_invalid) == (
        first_dirty,
        is_invalid,
    )


@pytest.mark.parametrize(
    ("stable_offset", "uncleanable"), [(30, 20), (20, 20), (19, 10), (10, 10), (9, 0)]
)
def test_a_segment_is_cleaned_only_when_all_of_it_is_stable(
    stable_offset: int, uncleanable: int
) -> None:
    to_clean = planned(a_state(0, 10, 20, stable_offset=stable_offset))

    assert to_clean.first_uncleanable_offset == uncleanable
    assert to_clean.cleanable_bytes == 10 * uncleanable


@pytest.mark.parametrize(("lag_ms", "uncleanable"), [(0, 30), (100, 20), (101, 10), (501, 0)])
def test_segments_younger_than_the_least_lag_and_all_after_them_wait(
    lag_ms: int, uncleanable: int
) -> None:
    times = [NOW_MS - 500, NOW_MS - 100, NOW_MS - 99, NOW_MS - 900]

    to_clean = planned(a_state(0, 10, 20, 30, times=times), min_compaction_lag_ms=lag_ms)

    assert to_clean.first_uncleanable_offset == uncleanable


@pytest.mark.parametrize(("lag_ms", "must"), [(504, True), (505, False)])
def test_records_older_than_the_greatest_lag_make_cleaning_a_must(lag_ms: int, must: bool) -> None:
    state = a_state(0, 10, 20, times=[NOW_MS - 9_999, NOW_MS - 500, NOW_MS], checkpoint=10)

    to_clean = planned(state, max_compaction_lag_ms=lag_ms, min_cleanable_dirty_ratio=1.0)

    assert (to_clean.must_clean, to_clean.is_due(LogConfig(min_cleanable_dirty_ratio=1.0))) == (
        must,
        must,
    )


def test_a_segment_without_timestamps_is_no_must() -> None:
    state = a_state(0, 10, times=[4, NOW_MS])
    assert state.segments[0].first_ms == -1

    assert not planned(state, max_compaction_lag_ms=1).must_clean


def test_what_is_clean_beyond_the_stable_offset_stays_clean() -> None:
    to_clean = planned(a_state(0, 10, 20, checkpoint=10, stable_offset=5))

    assert (to_clean.first_dirty_offset, to_clean.first_uncleanable_offset) == (10, 10)
    assert to_clean.cleanable_bytes == 0


def test_a_must_without_anything_cleanable_is_not_due() -> None:
    state = a_state(0, 10, times=[100, NOW_MS], stable_offset=0)

    to_clean = planned(state, max_compaction_lag_ms=1)

    assert to_clean.must_clean
    assert not to_clean.is_due(LogConfig())


@pytest.mark.parametrize(("ratio", "is_due"), [(0.49, True), (0.5, False), (0.0, True)])
def test_a_log_is_due_when_more_than_the_ratio_of_it_is_dirty(ratio: float, is_due: bool) -> None:
    to_clean = planned(a_state(0, 10, 20, checkpoint=10))

    assert (to_clean.clean_bytes, to_clean.cleanable_bytes) == (100, 100)
    assert to_clean.is_due(LogConfig(min_cleanable_dirty_ratio=ratio)) is is_due


def test_an_empty_log_is_never_due() -> None:
    assert not planned(a_state(0)).is_due(LogConfig(min_cleanable_dirty_ratio=0.0))


def test_the_dirtiest_log_goes_first() -> None:
    logs = [planned(a_state(0, 10, 20, 30, checkpoint=dirty)) for dirty in (20, 0, 10)]

    assert dirtiest(logs) == 1
    assert dirtiest([]) is None


def grouped(sizes: list[tuple[int, int, int, int]], **config: Any) -> list[list[int]]:
    segments = [GroupedSegment(*size) for size in sizes]
    groups = group_segments(
        segments,
        LogConfig(segment_bytes=1000, segment_index_bytes=100, **config),
        end_offset=sizes[-1][0] + 1,
    )
    return [[segment.base_offset for segment in group] for group in groups]


@pytest.mark.parametrize(
    ("sizes", "groups"),
    [
        ([(0, 500, 1, 1), (1, 500, 1, 1), (2, 1, 1, 1)], [[0, 1], [2]]),
        ([(0, 1500, 1, 1), (1, 500, 1, 1)], [[0], [1]]),
        ([(0, 1, 60, 1), (1, 1, 40, 1), (2, 1, 1, 1)], [[0, 1], [2]]),
        ([(0, 1, 1, 60), (1, 1, 1, 41), (2, 1, 1, 1)], [[0], [1, 2]]),
        ([(0, 1, 1, 1), (9, 1, 1, 1), (2**31, 1, 1, 1)], [[0, 9], [2**31]]),
        ([(0, 1, 1, 1), (9, 1, 1, 1), (2**31 + 1, 1, 1, 1)], [[0], [9, 2**31 + 1]]),
        ([(0, 0, 0, 0)], [[0]]),
    ],
)
def test_neighbours_become_one_as_far_as_bytes_indexes_and_offsets_fit(
    sizes: list[tuple[int, int, int, int]], groups: list[list[int]]
) -> None:
    assert grouped(sizes) == groups
