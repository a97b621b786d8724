"""What was sent to a partition and acknowledged, held against what is found there.

Acknowledged records must be found at their offsets; what is found must have been sent; one offset
has one value for ever. Whatever is neither acknowledged nor refused may be there or not.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from threading import Lock

from tests.crash.values import Source, producer_and_sequence

UNKNOWN = -1
_TOLD_MAX = 50


class Anomaly(StrEnum):
    """What must not be."""

    LOST = "lost"
    """Acknowledged, or read before, and no longer there."""
    PHANTOM = "phantom"
    """Never sent, or sent otherwise."""
    CHANGED = "changed"
    """Another value at an offset than was acknowledged or read before."""
    DUPLICATE = "duplicate"
    """Sent once by an idempotent producer, found twice."""
    DISORDER = "disorder"
    """A producer's records in another order than sent."""
    HOLE = "hole"
    """An offset that no record has, below the end."""
    OFFLINE = "offline"
    """A partition that cannot be read."""


@dataclass
class Findings:
    """Anomalies by kind, the first of them in words, and how much was compared."""

    counts: Counter[Anomaly] = field(default_factory=Counter)
    told: list[str] = field(default_factory=list)
    read: int = 0

    def note(self, anomaly: Anomaly, what: str, count: int = 1) -> None:
        self.counts[anomaly] += count
        if len(self.told) < _TOLD_MAX:
            self.told.append(f"{anomaly}: {what}")


class PartitionLedger:
    """One partition. Sending and acknowledging may be noted by other threads than reading."""

    def __init__(
        self,
        name: str,
        findings: Findings,
        *,
        idempotent: frozenset[int] = frozenset(),
        keys: int | None = None,
    ) -> None:
        """`idempotent` are the producers that never repeat; `keys` how many a compacted log has."""
        self.name = name
        self.findings = findings
        self.acknowledged_count = 0
        self.repeated = 0
        """Records found twice of producers that may repeat."""
        self.compacted = 0
        """Offsets left out by compaction, as the longest reading found."""
        self.expired = 0
        """Offsets below the log start."""
        self.read_to = 0
        """Where the next reading of what is new begins."""
        self._idempotent = idempotent
        self._keys = keys
        self._lock = Lock()
        self._next_sequence: dict[int, int] = {}
        self._acknowledged: array[int] = array("q")
        self._found: array[int] = array("q")
        self._offsets: dict[int, array[int]] = {}
        """By producer and sequence, where it was found first."""
        self._latest: dict[int, int] = {}
        self._somewhere: set[Source] = set()

    @property
    def acknowledged_end(self) -> int:
        """The offset after the last acknowledged one."""
        return len(self._acknowledged)

    def next_sequence(self, producer: int) -> int:
        """Note that the producer sends one more record; return its sequence."""
        with self._lock:
            sequence = self._next_sequence.get(producer, 0)
            self._next_sequence[producer] = sequence + 1
            return sequence

    def key_of(self, source: Source) -> bytes:
        """Return the key that a record has."""
        producer, sequence = producer_and_sequence(source)
        return b"%d-%d" % (producer, sequence % self._keys if self._keys else sequence)

    def acknowledge(self, source: Source, offset: int) -> None:
        """Note that a record was acknowledged at an offset, -1 for one that was not told."""
        with self._lock:
            self.acknowledged_count += 1
            if offset < 0:
                self._somewhere.add(source)
                return
            known = _at(self._acknowledged, offset)
            if known not in (UNKNOWN, source):
                self.findings.note(Anomaly.CHANGED, f"{self.name} acknowledged {offset} twice")
            _put(self._acknowledged, offset, source)
            self._compare(offset)

    def found(self, offset: int, source: Source | None, key: bytes | None) -> None:
        """Compare one record that was read; None for a value that nobody sent here."""
        with self._lock:
            self.findings.read += 1
            if source is None or not self._was_sent(source, key):
                self.findings.note(Anomaly.PHANTOM, f"{self.name} has it at {offset}")
                return
            if _at(self._found, offset) not in (UNKNOWN, source):
                self.findings.note(Anomaly.CHANGED, f"{self.name} changed at {offset}")
            elif _at(self._found, offset) == UNKNOWN:
                self._found_first(offset, source)
            _put(self._found, offset, source)
            self._compare(offset)

    def _was_sent(self, source: Source, key: bytes | None) -> bool:
        producer, sequence = producer_and_sequence(source)
        return sequence < self._next_sequence.get(producer, 0) and key == self.key_of(source)

    def _found_first(self, offset: int, source: Source) -> None:
        producer, sequence = producer_and_sequence(source)
        offsets = self._offsets.setdefault(producer, array("q"))
        first = _at(offsets, sequence)
        if first == UNKNOWN:
            if sequence < self._latest.get(producer, -1) and self._keys is None:
                self.findings.note(Anomaly.DISORDER, f"{self.name} at {offset}")
            self._latest[producer] = max(sequence, self._latest.get(producer, -1))
            _put(offsets, sequence, offset)
        elif producer in self._idempotent:
            self.findings.note(Anomaly.DUPLICATE, f"{self.name} at {first} and {offset}")
        else:
            self.repeated += 1

    def _compare(self, offset: int) -> None:
        acknowledged, found = _at(self._acknowledged, offset), _at(self._found, offset)
        if UNKNOWN not in (acknowledged, found) and acknowledged != found:
            self.findings.note(Anomaly.CHANGED, f"{self.name} has another record at {offset}")

    def reading(self, start: int) -> Reading:
        """Begin to read from an offset; what is acknowledged by now must be found."""
        with self._lock:
            return Reading(self, start, max(len(self._acknowledged), len(self._found)))

    def missing(self, offsets: range, *, are_below_end: bool) -> None:
        """Note that a reading found no records at these offsets, below the end or above it."""
        with self._lock:
            lost = [offset for offset in offsets if self._is_known(offset)]
        if lost:
            where = f"{self.name} from {lost[0]} to {lost[-1]}"
            self.findings.note(Anomaly.LOST, where, len(lost))
        if are_below_end and len(lost) < len(offsets):
            where = f"{self.name} from {offsets[0]} to {offsets[-1]}"
            self.findings.note(Anomaly.HOLE, where, len(offsets) - len(lost))

    def _is_known(self, offset: int) -> bool:
        return (_at(self._acknowledged, offset), _at(self._found, offset)) != (UNKNOWN, UNKNOWN)

    def compacted_away(self, offsets: Collection[int], latest: Mapping[bytes, int]) -> None:
        """Judge offsets that compaction left out: a later record must have the key of each."""
        with self._lock:
            lost = [offset for offset in offsets if not self._is_replaced(offset, latest)]
        self.compacted = max(self.compacted, len(offsets) - len(lost))
        if lost:
            where = f"{self.name}, the last of their keys from {lost[0]} to {lost[-1]}"
            self.findings.note(Anomaly.LOST, where, len(lost))

    def _is_replaced(self, offset: int, latest: Mapping[bytes, int]) -> bool:
        known = max(_at(self._acknowledged, offset), _at(self._found, offset))
        return known == UNKNOWN or latest.get(self.key_of(known), -1) > offset

    @property
    def is_compacted(self) -> bool:
        """Whether offsets may be missing for which a later record has the key."""
        return self._keys is not None

    def finish(self) -> None:
        """Judge what was acknowledged without an offset, once everything was read."""
        for source in sorted(self._somewhere):
            producer, sequence = producer_and_sequence(source)
            if _at(self._offsets.get(producer, array("q")), sequence) == UNKNOWN:
                self.findings.note(Anomaly.LOST, f"{self.name} of producer {producer}")


class Reading:
    """One pass over a partition from an offset on."""

    def __init__(self, ledger: PartitionLedger, start: int, known_end: int) -> None:
        self._ledger = ledger
        self._next = start
        self._known_end = known_end
        self._missing: list[int] = []
        self._latest: dict[bytes, int] = {}

    def record(self, offset: int, source: Source | None, key: bytes | None) -> None:
        """Take the next record."""
        self._skip(offset)
        if offset < self._next:
            self._ledger.findings.note(Anomaly.DISORDER, f"offset {offset} is read again")
        self._next = offset + 1
        self._ledger.found(offset, source, key)
        if self._ledger.is_compacted and key is not None:
            self._latest[key] = offset

    def _skip(self, offset: int, *, are_below_end: bool = True) -> None:
        gap = range(self._next, offset)
        if self._ledger.is_compacted:
            self._missing += gap
        else:
            self._ledger.missing(gap, are_below_end=are_below_end)
        self._next = max(self._next, offset)

    def end(self, high_watermark: int) -> None:
        """Note that all up to the high watermark was read."""
        self._skip(high_watermark)
        self._skip(self._known_end, are_below_end=False)
        self._ledger.compacted_away(self._missing, self._latest)
        self._ledger.read_to = high_watermark


def _at(numbers: array[int], index: int) -> int:
    return numbers[index] if index < len(numbers) else UNKNOWN


def _put(numbers: array[int], index: int, value: int) -> None:
    if index >= len(numbers):
        numbers.extend([UNKNOWN] * (index + 1 - len(numbers)))
    numbers[index] = value
