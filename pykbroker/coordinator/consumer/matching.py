"""Matching patterns against all topic names, some at a time, so that others are served in between.

How long a name takes goes with the size of the compiled pattern: a usual one takes a microsecond, a
hostile one some milliseconds, and there may be many thousand topics.
"""

from __future__ import annotations

from collections.abc import Iterable

from pykbroker.coordinator.topic_pattern import TopicPattern, compile_pattern
from pykbroker.coordinator.topics import Topics

STEPS_MAX = 25_000
"""Of a turn: for each name the instructions of its pattern; usually 2 ms, at worst some 60."""


class Matching:
    """Patterns and the names of all topics at one revision; soft state of a group."""

    def __init__(self, regexes: Iterable[str], topics: Topics) -> None:
        self.version = topics.revision
        self.found: dict[str, frozenset[str]] = {}
        """By pattern: the topics that match. Complete when `go_on` says so."""
        self._names = tuple(topics.by_name)
        self._left = list(regexes)[::-1]
        self._position = 0
        self._matched: list[str] = []

    def go_on(self) -> bool:
        """Match for one turn; tell whether all is matched now."""
        steps_left = STEPS_MAX
        while self._left and steps_left > 0:
            pattern = compile_pattern(self._left[-1])
            names_left = len(self._names) - self._position
            count = min(max(steps_left // pattern.steps, 1), names_left)
            self._match(pattern, count)
            steps_left -= (count + 1) * pattern.steps  # compiling is counted as one name
        return not self._left

    def _match(self, pattern: TopicPattern, count: int) -> None:
        end = self._position + count
        self._matched += filter(pattern.matches, self._names[self._position : end])
        self._position = end
        if end >= len(self._names):
            self.found[self._left.pop()] = frozenset(self._matched)
            self._position, self._matched = 0, []
