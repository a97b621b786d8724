"""The results, judged: medians with spread, targets met or missed, ratios to the peers.

Ratios are medians of the ratios inside rounds. All figures are kept in the JSON, one per round.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from benchmarks.line import Line, Metric, Sample, Scale
from benchmarks.peers import KAFKA, MOCK, OURS, OURS_IN_MEMORY
from benchmarks.rounds import Results
from pykbroker import __version__

CLIENT_BOUND = "*"


@dataclass(frozen=True, slots=True)
class Summary:
    """One figure of one peer over all rounds."""

    middle: float
    least: float
    most: float
    is_client_bound: bool

    def text(self, digits: int) -> str:
        """Return it as `median (least..most)`, marked when the client set the pace."""
        mark = CLIENT_BOUND if self.is_client_bound else ""
        spread = f"({self.least:,.{digits}f}..{self.most:,.{digits}f})"
        return f"{self.middle:,.{digits}f}{mark} {spread}"


@dataclass(frozen=True, slots=True)
class Row:
    """One metric: every peer's figures, and what to think of ours."""

    line: Line
    metric: Metric
    summaries: dict[str, Summary]
    ratios: dict[str, float]
    """By peer: ours divided by theirs, whichever way is better."""

    @property
    def is_met(self) -> bool | None:
        """Whether the target is met; None where there is none, or nothing was measured."""
        metric = self.metric
        ours = self.summaries.get(OURS)
        if metric.target is not None and ours is not None:
            return metric.is_met(ours.middle, metric.target)
        if metric.target_of_mock is not None and MOCK in self.ratios:
            return metric.is_met(self.ratios[MOCK], metric.target_of_mock)
        return None

    @property
    def verdict(self) -> str:
        """Return the same as a word."""
        return {True: "met", False: "MISSED", None: ""}[self.is_met]

    @property
    def target_text(self) -> str:
        """Return what is asked, with its direction."""
        sign = "≥" if self.metric.more_is_better else "≤"
        if self.metric.target is not None:
            return f"{sign} {self.metric.target:g}"
        if self.metric.target_of_mock is not None:
            return f"{sign} {self.metric.target_of_mock:g}x mock"
        return ""


class Report:
    """What one run found."""

    def __init__(
        self, lines: Sequence[Line], peers: Sequence[str], results: Results, notes: Sequence[str]
    ) -> None:
        self.peers = list(peers)
        self._results = results
        self._lines = lines
        self._notes = list(notes)
        self.rows = [self._row(line, metric) for line in lines for metric in line.metrics]

    def missed(self) -> list[Row]:
        """Return the rows whose target is not met."""
        return [row for row in self.rows if row.is_met is False]

    def text(self) -> str:
        """Return the table, and under it what must be known to read it."""
        heads = ["", "unit", "target", OURS if OURS in self.peers else "", "verdict"]
        others = [peer for peer in self.peers if peer != OURS]
        for peer in others:
            heads += [peer, "ours/theirs"]
        table = [heads, *(self._cells(row, others) for row in self.rows)]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        lines = ["  ".join(map(str.ljust, cells, widths)).rstrip() for cells in table]
        lines.insert(1, "  ".join("-" * width for width in widths))
        return "\n".join([*lines, "", *self._remarks()])

    def json(self, *, began: str, rounds: int, scale: Scale) -> str:
        """Return everything: the machine, every sample, every summary."""
        samples = [
            {"line": line, "peer": peer, "round": number, **asdict(sample)}
            for (line, peer), found in self._results.samples.items()
            for number, sample in enumerate(found)
        ]
        rows = [
            {
                "metric": row.metric.key,
                "unit": row.metric.unit,
                "target": row.target_text,
                "verdict": row.verdict,
                "peers": {peer: asdict(summary) for peer, summary in row.summaries.items()},
                "ours_to_theirs": row.ratios,
            }
            for row in self.rows
        ]
        document = {
            "began": began,
            "rounds": rounds,
            "scale": scale.factor,
            "machine": machine(),
            "notes": self._notes,
            "rows": rows,
            "samples": samples,
        }
        return json.dumps(document, indent=1, ensure_ascii=False) + "\n"

    def _row(self, line: Line, metric: Metric) -> Row:
        summaries, ratios = {}, {}
        ours = self._results.samples.get((line.name, OURS), [])
        for peer in self.peers:
            samples = self._results.samples.get((line.name, peer), [])
            values = list(_values(metric, samples))
            if not values:
                continue
            bound = sum(sample.is_client_bound for sample in samples) * 2 > len(samples)
            summaries[peer] = Summary(
                median(values), min(values), max(values), bound and metric.more_is_better
            )
            pairs = [
                (mine, theirs)
                for mine, theirs in zip(_values(metric, ours), values, strict=False)
                if theirs
            ]
            if peer != OURS and pairs and not metric.is_growth:
                ratios[peer] = median(mine / theirs for mine, theirs in pairs)
        return Row(line, metric, summaries, ratios)

    def _cells(self, row: Row, others: Sequence[str]) -> list[str]:
        digits = row.metric.digits
        cells = [
            row.metric.title,
            row.metric.unit,
            row.target_text,
            self._figure(row, OURS),
            row.verdict,
        ]
        for peer in others:
            ratio = row.ratios.get(peer)
            cells += [self._figure(row, peer), "" if ratio is None else f"{ratio:.2f}x"]
        assert digits >= 0
        return cells

    def _figure(self, row: Row, peer: str) -> str:
        if peer in row.summaries:
            return row.summaries[peer].text(row.metric.digits)
        measured = peer in self.peers and peer not in row.line.peers_left_out
        return "not measured" if measured else "-"

    def _remarks(self) -> Iterator[str]:
        yield from self._notes
        yield f"medians (least..most); {CLIENT_BOUND} the client set the pace, not the broker"
        for line in self._lines:
            if line.note:
                yield f"{line.name}: {line.note}"
        missed = self.missed()
        judged = [row for row in self.rows if row.is_met is not None]
        yield f"targets met: {len(judged) - len(missed)} of {len(judged)}"
        if KAFKA in self.peers:
            behind = [row.metric.title for row in self.rows if _is_behind(row, KAFKA)]
            yield f"behind Apache Kafka: {', '.join(behind) or 'nowhere'}"


def _is_behind(row: Row, peer: str) -> bool:
    ratio = row.ratios.get(peer)
    return ratio is not None and (ratio < 1 if row.metric.more_is_better else ratio > 1)


def _values(metric: Metric, samples: Sequence[Sample]) -> Iterator[float]:
    for sample in samples:
        value = sample.figures.get(metric.key)
        if value is not None:
            yield value


def machine() -> dict[str, object]:
    """Return what the figures belong to."""
    model = platform.processor()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next(line.partition(": ")[2] for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    return {
        "system": platform.platform(),
        "processor": model,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "pykbroker": __version__,
        "peers_known": [OURS, OURS_IN_MEMORY, MOCK, KAFKA],
    }
