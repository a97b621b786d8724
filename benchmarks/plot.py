"""The report as a picture: a small panel per metric, a bar per peer, its spread and the target."""

from __future__ import annotations

from pathlib import Path

from benchmarks.peers import KAFKA, MOCK, OURS, OURS_IN_MEMORY
from benchmarks.report import Report, Row

COLUMNS = 4
PANEL_WIDTH, PANEL_HEIGHT = 3.6, 1.5
COLORS = {OURS: "#1f77b4", OURS_IN_MEMORY: "#9ecae1", MOCK: "#7f7f7f", KAFKA: "#d95f02"}
WIDEST = 6
"""A bar longer than this many times ours is cut off, its figure told beside it."""


def draw(report: Report, path: Path) -> None:
    """Write the picture to `path`; its ending chooses the format."""
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot

    rows = [row for row in report.rows if row.summaries]
    lines = -(-len(rows) // COLUMNS)
    figure, axes = pyplot.subplots(
        lines, COLUMNS, squeeze=False, figsize=(COLUMNS * PANEL_WIDTH, lines * PANEL_HEIGHT + 0.6)
    )
    panels = list(axes.flat)
    for panel, row in zip(panels, rows, strict=False):
        _draw_panel(panel, row, report.peers)
    for panel in panels[len(rows) :]:
        panel.axis("off")
    figure.tight_layout()
    figure.savefig(path)
    pyplot.close(figure)


def _draw_panel(panel, row: Row, peers: list[str]) -> None:  # type: ignore[no-untyped-def]
    metric = row.metric
    names = [peer for peer in peers if peer in row.summaries]
    marks = [value for value in (metric.target, _middle(row, OURS)) if value]
    limit = max(marks) * WIDEST if marks else max(s.most for s in row.summaries.values())
    for place, name in enumerate(names):
        summary = row.summaries[name]
        panel.barh(place, min(summary.middle, limit), color=COLORS[name], height=0.7)
        if summary.most <= limit:
            panel.plot([summary.least, summary.most], [place, place], color="black", linewidth=1)
        panel.text(0, place, f" {summary.middle:,.{metric.digits}f}", va="center", fontsize=7)
    if metric.target is not None:
        panel.axvline(metric.target, color="green", linestyle="--", linewidth=1)
    better = "more" if metric.more_is_better else "less"
    panel.set_title(f"{metric.title}\n{metric.unit}, {better} is better", fontsize=7)
    panel.set_yticks(range(len(names)), names, fontsize=6)
    panel.tick_params(axis="x", labelsize=6)
    panel.invert_yaxis()


def _middle(row: Row, peer: str) -> float | None:
    return row.summaries[peer].middle if peer in row.summaries else None
