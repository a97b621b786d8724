"""Which segments go: Kafka's rules by values, and against the rules as Kafka writes them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pykbroker.storage.log_config import LogConfig
from pykbroker.storage.retention import Candidate, Plan, Reason, plan

NOW = 1_000_000
DAY = 86_400_000
START, SIZE, TIME = Reason.LOG_START, Reason.SIZE, Reason.TIME
OLD, NEW, FUTURE = NOW - 2000, NOW, NOW + 5000
"""Timestamps beyond, within and after retention.ms=1000."""


def segments(*rows: tuple[int, int], first: int = 0) -> list[Candidate]:
    """Segments of ten offsets each, an empty one of none, by size and newest timestamp."""
    made, offset = [], first
    for number, (size, newest_ms) in enumerate(rows):
        end = offset + (10 if size else 0)
        made.append(Candidate(offset, end, size, newest_ms, number + 1 == len(rows)))
        offset = end
    return made


def a_plan(
    candidates: Sequence[Candidate],
    *,
    log_start_offset: int = 0,
    high_watermark: int | None = None,
    **config: Any,
) -> Plan:
    end_offset = candidates[-1].end_offset
    return plan(
        iter(candidates),
        LogConfig(**{"retention_ms": -1, **config}),
        log_start_offset=log_start_offset,
        high_watermark=end_offset if high_watermark is None else high_watermark,
        size_bytes=sum(candidate.size_bytes for candidate in candidates),
        now_ms=NOW,
    )


OLD_3 = [(100, OLD), (100, OLD), (100, OLD)]
NEW_3 = [(100, NEW), (100, NEW), (100, NEW)]
COMPACT, BOTH, NEITHER = frozenset({"compact"}), frozenset({"compact", "delete"}), frozenset[str]()


@dataclass(frozen=True)
class Case:
    """A log, its configuration, and what goes of it."""

    why: str
    rows: list[tuple[int, int]]
    config: dict[str, Any]
    gone: list[Reason]
    start: int = 0
    """Where the log begins before."""
    committed: int | None = None
    """The high watermark; None: all is committed."""


CASES = [
    Case("retention.ms=-1 keeps all", OLD_3, {}, []),
    Case("all are old: all go, the active one too", OLD_3, {"retention_ms": 1000}, [TIME] * 3),
    Case("none is old", NEW_3, {"retention_ms": 1000}, []),
    Case("the first that stays ends it", [(1, OLD), (1, NEW), (1, OLD)], {"retention_ms": 1000},
         [TIME]),
    Case("exactly retention.ms old stays", [(1, NOW - 1000), (1, NEW)], {"retention_ms": 1000}, []),
    Case("a millisecond older goes", [(1, NOW - 1001), (1, NEW)], {"retention_ms": 1000}, [TIME]),
    Case("retention.ms=0 keeps what is of this millisecond", [(1, NOW - 1), (1, NOW)],
         {"retention_ms": 0}, [TIME]),
    Case("the future does not age", [(1, FUTURE), (1, OLD)], {"retention_ms": 1000}, []),
    Case("behind what is old the future ends it", [(1, OLD), (1, FUTURE)], {"retention_ms": 1000},
         [TIME]),
    Case("an empty active segment stays", [(1, OLD), (1, OLD), (0, OLD)], {"retention_ms": 1000},
         [TIME, TIME]),
    Case("an empty log stays", [(0, OLD)], {"retention_ms": 1000}, []),
    Case("an empty segment within goes by its file's time", [(1, OLD), (0, OLD), (1, NEW)],
         {"retention_ms": 1000}, [TIME, TIME]),
    Case("nothing beyond the high watermark", OLD_3, {"retention_ms": 1000}, [TIME], committed=19),
    Case("a segment that ends at it goes", OLD_3, {"retention_ms": 1000}, [TIME] * 2, committed=20),
    Case("nothing is committed", OLD_3, {"retention_ms": 1000}, [], committed=0),
    Case("the active one is not wholly committed", OLD_3, {"retention_ms": 1000}, [TIME] * 2,
         committed=29),
    Case("retention.bytes=-1 keeps all", NEW_3, {"retention_bytes": -1}, []),
    Case("not above retention.bytes", NEW_3, {"retention_bytes": 300}, []),
    Case("without the oldest too little would stay", NEW_3, {"retention_bytes": 201}, []),
    Case("without the oldest enough stays", NEW_3, {"retention_bytes": 200}, [SIZE]),
    Case("between two sizes the larger stays", NEW_3, {"retention_bytes": 150}, [SIZE]),
    Case("retention.bytes=0 takes all, the active one too", NEW_3, {"retention_bytes": 0},
         [SIZE] * 3),
    Case("an oldest larger than the surplus ends it", [(300, NEW), (1, NEW), (1, NEW)],
         {"retention_bytes": 50}, []),
    Case("size first, then age", [(100, OLD), (100, OLD), (100, NEW)],
         {"retention_bytes": 200, "retention_ms": 1000}, [SIZE, TIME]),
    Case("below the log start", NEW_3, {}, [START], start=10),
    Case("one that holds the log start stays", NEW_3, {}, [START], start=19),
    Case("below the log start save the active one", NEW_3, {}, [START] * 2, start=30),
    Case("first what is below the log start counts out", NEW_3, {"retention_bytes": 150}, [START],
         start=10),
    Case("all three in one pass", [(9, NEW), (100, NEW), (100, OLD), (5, NEW)],
         {"retention_bytes": 105, "retention_ms": 1000}, [START, SIZE, TIME], start=10),
    Case("below the log start but not committed", NEW_3, {}, [], start=10, committed=9),
    Case("a compacted topic ignores age and size", OLD_3,
         {"cleanup_policy": COMPACT, "retention_ms": 1000, "retention_bytes": 0}, []),
    Case("a compacted topic loses what is below its log start", OLD_3,
         {"cleanup_policy": COMPACT, "retention_ms": 1000}, [START], start=10),
    Case("compact,delete is deleted from", OLD_3,
         {"cleanup_policy": BOTH, "retention_ms": 1000}, [TIME] * 3),
    Case("no policy at all keeps what is readable", OLD_3,
         {"cleanup_policy": NEITHER, "retention_ms": 1000, "retention_bytes": 0}, [START],
         start=10),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.why)
def test_what_goes(case: Case) -> None:
    candidates = segments(*case.rows)

    decided = a_plan(
        candidates, log_start_offset=case.start, high_watermark=case.committed, **case.config
    )

    assert list(decided.reasons) == case.gone
    end = candidates[len(case.gone) - 1].end_offset if case.gone else 0
    assert decided.log_start_offset == max(case.start, end)
    assert decided.takes_all is (len(case.gone) == len(candidates))


def test_only_what_keeps_a_segment_from_ageing_is_told_of() -> None:
    def stays_until(*rows: tuple[int, int], **config: Any) -> int | None:
        return a_plan(segments(*rows), **config).stays_until_ms

    assert stays_until((1, OLD), (1, FUTURE), (1, FUTURE + 1), retention_ms=1000) == FUTURE
    assert stays_until((1, NEW), (1, FUTURE), retention_ms=1000) is None
    assert stays_until((1, FUTURE)) is None
    assert stays_until((1, FUTURE), retention_ms=1000, cleanup_policy=COMPACT) is None


def test_no_segment_is_asked_about_behind_the_first_that_stays() -> None:
    def asked() -> Iterator[Candidate]:
        yield from segments((1, OLD), (1, NEW))[:2]
        raise AssertionError("asked for a third")

    decided = plan(
        asked(),
        LogConfig(retention_ms=1000),
        log_start_offset=0,
        high_watermark=100,
        size_bytes=2,
        now_ms=NOW,
    )

    assert decided.reasons == (TIME,)


def kafkas_way(
    candidates: list[Candidate], config: LogConfig, *, log_start_offset: int, high_watermark: int
) -> tuple[int, int]:
    """How many go, and the log start: reason by reason, over what the one before has left."""
    left, start = list(candidates), log_start_offset

    def delete(is_due: Any) -> None:
        nonlocal start
        while left and high_watermark >= left[0].end_offset:
            is_empty_end = left[0].is_last and left[0].size_bytes == 0
            if not is_due(left[0]) or is_empty_end:
                return
            start = max(start, left.pop(0).end_offset)

    delete(lambda segment: not segment.is_last and segment.end_offset <= log_start_offset)
    if "delete" in config.cleanup_policy:
        surplus = sum(segment.size_bytes for segment in left) - config.retention_bytes

        def is_surplus(segment: Candidate) -> bool:
            nonlocal surplus
            if surplus - segment.size_bytes < 0:
                return False
            surplus -= segment.size_bytes
            return True

        if config.retention_bytes >= 0:
            delete(is_surplus)
        if config.retention_ms >= 0:
            delete(lambda segment: NOW - segment.newest_ms > config.retention_ms)
    return len(candidates) - len(left), start


ROW = st.tuples(st.integers(0, 30), st.sampled_from([NOW - 2 * DAY, OLD, NOW - 1, NEW, FUTURE]))


@given(
    rows=st.lists(ROW, min_size=1, max_size=8),
    log_start_offset=st.integers(0, 90),
    high_watermark=st.integers(0, 90),
    retention_ms=st.sampled_from([-1, 0, 1, 1000, DAY]),
    retention_bytes=st.integers(-2, 120),
    cleanup_policy=st.sampled_from([frozenset({"delete"}), COMPACT, BOTH, NEITHER]),
)
def test_one_by_one_comes_to_what_kafka_does_reason_by_reason(
    rows: list[tuple[int, int]], log_start_offset: int, high_watermark: int, **config: Any
) -> None:
    candidates = segments(*rows)
    high_watermark = min(high_watermark, candidates[-1].end_offset)
    log_start_offset = min(log_start_offset, high_watermark)
    expected = kafkas_way(
        candidates,
        LogConfig(**config),
        log_start_offset=log_start_offset,
        high_watermark=high_watermark,
    )

    decided = a_plan(
        candidates, log_start_offset=log_start_offset, high_watermark=high_watermark, **config
    )

    assert (len(decided.reasons), decided.log_start_offset) == expected
    assert decided.log_start_offset <= high_watermark
