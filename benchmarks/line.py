"""A line of the report: how it is measured, in what it is told, and what is asked of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from benchmarks.peers import Started
from benchmarks.processes import Stretch

BOUND_SHARE = 0.85
"""Of a core: who uses more than this is what limits a rate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One figure of a line."""

    key: str
    title: str
    unit: str
    digits: int = 0
    target: float | None = None
    """What is asked of the figure; None: it is told for its own sake."""
    target_of_mock: float | None = None
    """What is asked of its ratio to the mock cluster's, in the same round."""
    more_is_better: bool = False
    is_growth: bool = False
    """Near zero, where ratios say nothing."""

    def is_met(self, value: float, target: float) -> bool:
        """Tell whether `value` is on the right side of `target`, which is inclusive."""
        return value >= target if self.more_is_better else value <= target


@dataclass(slots=True)
class Sample:
    """What one measurement of one peer found."""

    figures: dict[str, float | None] = field(default_factory=dict)
    """By the metric's key; None: not measured on this platform."""
    client_share: float | None = None
    """What the load took of a core; None where nothing is driven as fast as it goes."""
    broker_share: float | None = None
    system_share: float | None = None
    """Which part of the broker's time was the kernel's."""

    @property
    def is_client_bound(self) -> bool:
        """Whether the load, not the broker, set the pace."""
        if self.client_share is None or self.broker_share is None:
            return False
        return self.client_share > max(BOUND_SHARE, self.broker_share)

    def note(self, stretch: Stretch) -> None:
        """Keep who worked how much in a stretch of full load."""
        self.client_share = stretch.client_cpu / stretch.seconds
        if stretch.broker_cpu is not None:
            self.broker_share = stretch.broker_cpu / stretch.seconds
        if stretch.split is not None and sum(stretch.split) > 0:
            self.system_share = stretch.split[1] / sum(stretch.split)


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is done: 1 for figures, less for a look."""

    factor: float = 1.0

    def count(self, full: int, *, least: int = 1) -> int:
        """Return the scaled number of things."""
        return max(least, round(full * self.factor))


Measure = Callable[[Started, str, Scale], Sample]
"""(a broker that answers, a topic nobody used before, how much) → what was found."""


MeasureAlone = Callable[[str], Sample]
"""(name of the peer) → what was found, starting and stopping it itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One kind of load, measured for every peer that can bear it."""

    name: str
    metrics: tuple[Metric, ...]
    measure: Measure | None = None
    measure_alone: MeasureAlone | None = None
    writes_bytes: int = 0
    """How much memory must be ready for what it writes."""
    needs_fresh: bool = False
    """Whether a broker that was used before would spoil it."""
    peers_left_out: frozenset[str] = frozenset()
    note: str = ""
    """What a reader must know to compare peers."""
