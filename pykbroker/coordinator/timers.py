"""Deadlines as data: which are due, and when the next one is.

No timer runs: whoever drives a machine asks for `next_due_ms` and comes back. Putting a deadline
off, which every heartbeat does, costs one dictionary entry.
"""

from __future__ import annotations

from enum import Enum, auto
from heapq import heapify, heappop, heappush
from typing import NamedTuple

OUTDATED_MAX = 64
"""So many entries that are outdated are kept, and as many as there are deadlines."""


class TimerKind(Enum):
    """What is due."""

    CLASSIC_SESSION = auto()
    """A member of a classic group was silent for its session timeout."""
    CLASSIC_PENDING_JOIN = auto()
    """Who was told its member id did not come back with it."""
    CLASSIC_REBALANCE = auto()
    """Members have not joined again within the rebalance timeout, or the initial delay is over."""
    CLASSIC_SYNC = auto()
    """Members have not collected their assignment within the rebalance timeout."""
    CONSUMER_SESSION = auto()
    """A member of a consumer group was silent for the session timeout."""
    CONSUMER_REBALANCE = auto()
    """A member of a consumer group has not given up partitions within its rebalance timeout."""
    CONSUMER_CLASSIC_JOIN = auto()
    """A classic member of a consumer group has not joined again in time."""
    CONSUMER_CLASSIC_SYNC = auto()
    """A classic member of a consumer group has not collected its assignment in time."""
    CONSUMER_REGEX = auto()
    """A group's patterns are to be resolved anew."""
    OFFSET_EXPIRATION = auto()
    """Offsets are to be looked through for old ones."""


CONSUMER_MEMBER_KINDS = (
    TimerKind.CONSUMER_SESSION,
    TimerKind.CONSUMER_REBALANCE,
    TimerKind.CONSUMER_CLASSIC_JOIN,
    TimerKind.CONSUMER_CLASSIC_SYNC,
)
"""All that may be due for a member of a consumer group."""


class TimerKey(NamedTuple):
    """Names one deadline; setting it again puts it elsewhere."""

    kind: TimerKind
    group_id: str = ""
    member_id: str = ""


class Timers:
    """The deadlines of one machine, in ms on the clock that never jumps."""

    def __init__(self) -> None:
        self._due: dict[TimerKey, int] = {}
        self._heap: list[tuple[int, int, TimerKey]] = []
        """Every deadline has an entry no later than it; entries may be outdated."""
        self._entered: dict[TimerKey, int] = {}
        """Where the earliest entry of a key stands, so that later deadlines add none."""
        self._count = 0

    def set(self, key: TimerKey, due_ms: int) -> None:
        """Make `key` due at `due_ms` and at no other time."""
        self._due[key] = due_ms
        entered = self._entered.get(key)
        if entered is None or due_ms < entered:
            self._enter(key, due_ms)

    def cancel(self, key: TimerKey) -> None:
        """Let `key` never be due; no deadline need exist."""
        self._due.pop(key, None)
        if len(self._heap) > OUTDATED_MAX + 2 * len(self._due):
            self._forget_outdated()

    def due_ms(self, key: TimerKey) -> int | None:
        """Give when `key` is due, None when it is not set."""
        return self._due.get(key)

    @property
    def next_due_ms(self) -> int | None:
        """No later than the earliest deadline; None when there is none."""
        self._settle()
        return self._heap[0][0] if self._heap else None

    def pop(self, elapsed_ms: int) -> TimerKey | None:
        """Take the earliest deadline that is due; None when none is."""
        self._settle()
        if not self._heap or self._heap[0][0] > elapsed_ms:
            return None
        _, _, key = heappop(self._heap)
        del self._entered[key]
        del self._due[key]
        return key

    def _enter(self, key: TimerKey, due_ms: int) -> None:
        self._count += 1
        self._entered[key] = due_ms
        heappush(self._heap, (due_ms, self._count, key))

    def _forget_outdated(self) -> None:
        """Give up entries that only wait to be found outdated, which may be for a long time."""
        due, entered = self._due, self._entered
        self._heap = [each for each in self._heap if each[2] in due and entered[each[2]] == each[0]]
        heapify(self._heap)
        self._entered = {key: due_ms for due_ms, _, key in self._heap}

    def _settle(self) -> None:
        """Bring the earliest deadline to the top."""
        heap = self._heap
        while heap:
            entered, _, key = heap[0]
            due_ms = self._due.get(key)
            if due_ms == entered and self._entered.get(key) == entered:
                return
            heappop(heap)
            if self._entered.get(key) != entered:
                continue  # a later entry than another one of the same key
            if due_ms is None:
                del self._entered[key]
            else:
                self._enter(key, due_ms)
