"""Moments and durations as a person writes them."""

from __future__ import annotations

import pytest

from pykbroker.commands.admin.moment import parse_duration, parse_moment

HOUR_MS = 3_600_000


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("1970-01-01T00:00:01.5", 1_500),
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T02:00:00+01:00", HOUR_MS),
        ("1970-01-02", 24 * HOUR_MS),
        ("1969-12-31T23:59:59.999", -1),
        ("2026-11-22T08:55:04.319", 1_795_337_704_319),
    ],
)
def test_a_moment_is_utc_unless_it_names_a_zone(text: str, ms: int) -> None:
    assert parse_moment(text) == ms


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01T00:00:00", "12:00"])
def test_what_is_no_moment_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="is no date and time; write as 2026-11-22T08:55:04"):
        parse_moment(text)


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("PT1H30M", 90 * 60_000),
        ("P7D", 7 * 24 * HOUR_MS),
        ("P1DT0.5S", 24 * HOUR_MS + 500),
        ("1h30m", 90 * 60_000),
        ("7d", 7 * 24 * HOUR_MS),
        ("1d2h3m4s", 26 * HOUR_MS + 184_000),
        ("0s", 0),
    ],
)
def test_a_duration_is_iso_8601_or_plain(text: str, ms: int) -> None:
    assert parse_duration(text) == ms


@pytest.mark.parametrize("text", ["", "P", "PT", "P1M", "1w", "5", "-1h", "1h1d", "1.5h"])
def test_what_is_no_duration_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="is no duration; write as 30s, 1h30m, 7d or PT1H30M"):
        parse_duration(text)


def test_a_duration_beyond_reckoning_is_refused() -> None:
    with pytest.raises(ValueError, match="is longer than this command can reckon with"):
        parse_duration("99999999999999d")
