"""Rows as aligned columns: left-aligned, two spaces between, nothing behind the last.

A column that may be left out is, when no row has anything for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

MISSING = "-"
"""Stands where there is nothing, as in Kafka's tools, so that columns can be counted."""


def lines_of(
    rows: Iterable[Mapping[str, object]],
    columns: Sequence[str],
    *,
    optional: Iterable[str] = (),
    indent: str = "",
) -> list[str]:
    """Give a header and a line per row, or nothing for no rows.

    A row's key is the column's name in small letters with `_` for `-`; None, "" and a key that is
    not there are missing values.
    """
    texts = [[_text(row.get(_key(column))) for column in columns] for row in rows]
    if not texts:
        return []
    left_out = {
        place
        for place, column in enumerate(columns)
        if column in optional and all(row[place] == MISSING for row in texts)
    }
    shown = [
        [cell for place, cell in enumerate(row) if place not in left_out]
        for row in (list(columns), *texts)
    ]
    widths = [max(map(len, cells)) for cells in zip(*shown, strict=True)]
    return [
        indent
        + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in shown
    ]


def _key(column: str) -> str:
    return column.lower().replace("-", "_").removeprefix("#")


def _text(value: object) -> str:
    return MISSING if value is None or value == "" else str(value)
