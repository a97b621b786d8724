"""A real text as records: Python's own manual, which every Python has, in numbered lines.

Record `number` belongs to partition `number % PARTITIONS` and has the offset `number // PARTITIONS`
there, so that every answer of a broker can be foretold.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import count, cycle, islice
from pydoc_data.topics import topics
from typing import NamedTuple

PARTITIONS = 4


class TextRecord(NamedTuple):
    """One record as every client sends and returns it."""

    key: bytes
    value: bytes
    headers: tuple[tuple[str, bytes], ...]
    timestamp_ms: int


def text_records(number: int, *, first_ms: int | None = None) -> list[TextRecord]:
    """Give `number` records, a millisecond apart and the last of them now."""
    first_ms = time.time_ns() // 1_000_000 - number if first_ms is None else first_ms
    return [
        TextRecord(
            key=line.split(maxsplit=1)[0].encode(),
            value=b"%d %s" % (place, line.encode()),
            headers=(("topic", name.encode()), ("place", b"%d" % place)),
            timestamp_ms=first_ms + place,
        )
        for place, (name, line) in zip(count(), islice(cycle(_lines()), number), strict=False)
    ]


def of_partition(records: list[TextRecord], partition: int) -> list[TextRecord]:
    """Give the records that belong to a partition, in the order of their offsets."""
    return records[partition::PARTITIONS]


def _lines() -> Iterator[tuple[str, str]]:
    for name, text in topics.items():
        for line in text.splitlines():
            if line.strip():
                yield name, line
