"""Moments and durations as a person writes them, in the forms that Kafka's tools take and more."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_TIME = r"(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+(?:\.\d{1,9})?)S)?"
_ISO = re.compile(rf"P(?:(?P<days>\d+)D)?(?:T(?=\d){_TIME})?", re.ASCII | re.IGNORECASE)
_PLAIN = re.compile(rf"(?:(?P<days>\d+)D)?{_TIME}", re.ASCII | re.IGNORECASE)


def parse_moment(text: str) -> int:
    """Give ms since 1970-01-01 UTC of an ISO 8601 date and time; without a zone it is UTC.

    Raises ValueError with a sentence saying what to write.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(
            f"{text!r} is no date and time; write as 2026-11-22T08:55:04.319, which is UTC, or"
            " 2026-11-22T09:55:04+01:00"
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // _MILLISECOND


def parse_duration(text: str) -> int:
    """Give the ms of a duration: ISO 8601 of days and less, as PT1H30M, or plainly 1h30m.

    Raises ValueError with a sentence saying what to write.
    """
    found = _ISO.fullmatch(text) or _PLAIN.fullmatch(text)
    parts = found.groupdict() if found is not None else {}
    if not any(parts.values()):
        raise ValueError(f"{text!r} is no duration; write as 30s, 1h30m, 7d or PT1H30M")
    try:
        duration = timedelta(**{unit: float(part) for unit, part in parts.items() if part})
    except OverflowError:
        raise ValueError(f"{text!r} is longer than this command can reckon with") from None
    return duration // _MILLISECOND
