"""Tables as they are printed."""

from __future__ import annotations

from pykbroker.commands.admin.run import Row
from pykbroker.commands.admin.table import lines_of


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    rows: list[Row] = [
        {"topic": "a", "log_end_offset": 12_345_678_901_234_567},
        {"topic": "orders", "partitions": 3},
    ]

    assert lines_of(rows, ("TOPIC", "LOG-END-OFFSET", "#PARTITIONS")) == [
        "TOPIC   LOG-END-OFFSET     #PARTITIONS",
        "a       12345678901234567  -",
        "orders  -                  3",
    ]


def test_nothing_is_a_dash_and_zero_is_not() -> None:
    assert lines_of([{"a": None, "b": "", "c": 0}], ("A", "B", "C")) == ["A  B  C", "-  -  0"]


def test_a_column_that_may_be_left_out_is_when_no_row_has_it() -> None:
    rows: list[Row] = [{"a": 1}, {"a": 2, "b": 3}]

    assert lines_of(rows, ("A", "B", "C"), optional=("B", "C")) == ["A  B", "1  -", "2  3"]


def test_no_rows_are_no_lines() -> None:
    assert lines_of([], ("A",)) == []
