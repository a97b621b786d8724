"""What the small files beside a segment hold, and whether they fit it: for tools that look.

Nothing here raises for what a file contains: what is wrong comes as sentences without their end.
"""

from __future__ import annotations

import itertools
import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from pykbroker.storage.leader_epochs import EpochEntry
from pykbroker.storage.producer_state import ProducerStates
from pykbroker.wire.records import NO_TIMESTAMP, BatchHeader

_OFFSET_ENTRY = struct.Struct(">ii")
_TIME_ENTRY = struct.Struct(">qi")
_ABORTED_ENTRY = struct.Struct(">hqqqq")
_NUMBER = re.compile(r"-?[0-9]{1,19}", re.ASCII)
_VERSION = "0"
_FAULTS_MAX = 100
"""Of one file: a thousand more would say no more."""


class IndexEntry(NamedTuple):
    """An entry of an offset index: a batch's last offset (absolute) and where it begins."""

    offset: int
    position: int


class TimeEntry(NamedTuple):
    """An entry of a time index: the largest timestamp so far, in ms, and the offset it came at."""

    timestamp: int
    offset: int


class AbortedEntry(NamedTuple):
    """An entry of a transaction index (KIP-98)."""

    version: int
    producer_id: int
    first_offset: int
    last_offset: int
    last_stable_offset: int


class ProducerRow(NamedTuple):
    """What a snapshot says of one producer; -1 where it says nothing. Timestamps in ms."""

    producer_id: int
    producer_epoch: int
    last_sequence: int
    last_offset: int
    offset_delta: int
    last_timestamp: int
    coordinator_epoch: int
    current_txn_first_offset: int


class OffsetRow(NamedTuple):
    """A line of an offset checkpoint."""

    topic: str
    partition: int
    offset: int


Row = IndexEntry | TimeEntry | AbortedEntry | ProducerRow | EpochEntry | OffsetRow
E = TypeVar("E", bound=Row, covariant=True)


@dataclass(frozen=True, slots=True)
class Contents(Generic[E]):
    """What one small file holds."""

    rows: tuple[E, ...]
    faults: tuple[str, ...]
    reserved_bytes: int = 0
    """Zeros at the end: Kafka takes room for the indexes of an active segment in advance."""


def read_offset_index(data: bytes, base_offset: int) -> Contents[IndexEntry]:
    """Read an `.index`."""
    found, reserved, faults = _entries(data, _OFFSET_ENTRY)
    rows = tuple(IndexEntry(base_offset + offset, position) for offset, position in found)
    for before, row in itertools.pairwise(rows):
        if row.offset <= before.offset or row.position <= before.position:
            faults.append(f"{named(row)} does not ascend: {named(before)} is before it")
    return Contents(rows, tuple(faults[:_FAULTS_MAX]), reserved)


def read_time_index(data: bytes, base_offset: int) -> Contents[TimeEntry]:
    """Read a `.timeindex`."""
    found, reserved, faults = _entries(data, _TIME_ENTRY)
    rows = tuple(TimeEntry(timestamp, base_offset + offset) for timestamp, offset in found)
    for before, row in itertools.pairwise(rows):
        if row.timestamp <= before.timestamp or row.offset <= before.offset:
            faults.append(f"{named(row)} does not ascend: {named(before)} is before it")
    return Contents(rows, tuple(faults[:_FAULTS_MAX]), reserved)


def read_aborted(data: bytes) -> Contents[AbortedEntry]:
    """Read a `.txnindex`."""
    whole = len(data) // _ABORTED_ENTRY.size * _ABORTED_ENTRY.size
    rows = tuple(AbortedEntry(*row) for row in _ABORTED_ENTRY.iter_unpack(data[:whole]))
    faults = [f"{len(data) - whole} bytes follow the last whole entry"] if whole < len(data) else []
    for row in rows:
        if row.version != 0:
            faults.append(f"{named(row)}: only version 0 is known")
        elif not 0 <= row.first_offset <= row.last_offset:
            faults.append(f"{named(row)}: it ends before it begins")
    return Contents(rows, tuple(faults[:_FAULTS_MAX]))


def read_snapshot(data: bytes) -> Contents[ProducerRow]:
    """Read a `.snapshot`."""
    try:
        states = ProducerStates.from_snapshot(data)
    except ValueError as fault:
        return Contents((), (str(fault),))
    rows = []
    for producer_id, state in states.entries.items():
        last = state.batches[-1] if state.batches else None
        rows.append(
            ProducerRow(
                producer_id=producer_id,
                producer_epoch=state.producer_epoch,
                last_sequence=state.last_sequence,
                last_offset=last.last_offset if last else -1,
                offset_delta=last.offset_delta if last else 0,
                last_timestamp=state.last_timestamp,
                coordinator_epoch=state.coordinator_epoch,
                current_txn_first_offset=state.current_txn_first_offset,
            )
        )
    return Contents(tuple(rows), ())


def read_leader_epochs(data: bytes) -> Contents[EpochEntry]:
    """Read a `leader-epoch-checkpoint`."""
    lines, faults = _lines(data, fields=2)
    rows = tuple(EpochEntry(int(epoch), int(offset)) for epoch, offset in lines)
    for before, row in itertools.pairwise(rows):
        if row.epoch <= before.epoch or row.start_offset <= before.start_offset:
            faults.append(f"{named(row)} does not ascend: {named(before)} is before it")
    return Contents(rows, tuple(faults[:_FAULTS_MAX]))


def read_offset_checkpoint(data: bytes) -> Contents[OffsetRow]:
    """Read an offset checkpoint of a data directory."""
    lines, faults = _lines(data, fields=3)
    rows = tuple(OffsetRow(topic, int(number), int(offset)) for topic, number, offset in lines)
    return Contents(rows, tuple(faults[:_FAULTS_MAX]))


class IndexCheck:
    """Compares the indexes of one segment with its batches, which are given in order."""

    __slots__ = ("_at", "_entries", "_largest", "_time_at", "_times")

    def __init__(self, entries: Sequence[IndexEntry], times: Sequence[TimeEntry]) -> None:
        self._entries, self._times = entries, times
        self._at = self._time_at = 0
        self._largest = NO_TIMESTAMP

    def batch(self, position: int, header: BatchHeader) -> list[tuple[IndexEntry | TimeEntry, str]]:
        """Return the entries up to this batch that do not fit it, and why."""
        faults: list[tuple[IndexEntry | TimeEntry, str]] = []
        self._largest = max(self._largest, header.max_timestamp)
        while self._at < len(self._entries) and self._entries[self._at].position <= position:
            entry = self._entries[self._at]
            self._at += 1
            if entry.position < position:
                faults.append((entry, "no batch begins at that position"))
            elif entry.offset != header.last_offset:
                faults.append((entry, f"the batch there ends with offset {header.last_offset}"))
        while self._time_at < len(self._times):
            time = self._times[self._time_at]
            if time.offset > header.last_offset:
                break
            self._time_at += 1
            if time.offset < header.last_offset:
                faults.append((time, "no batch ends with that offset"))
            elif time.timestamp != self._largest:
                faults.append((time, f"the largest timestamp up to there is {self._largest}"))
        return faults

    def rest(self) -> list[tuple[IndexEntry | TimeEntry, str]]:
        """Return the entries behind the last batch."""
        why = "it lies behind the last batch"
        left: list[IndexEntry | TimeEntry] = [*self._entries[self._at :]]
        left += self._times[self._time_at :]
        return [(entry, why) for entry in left]


def named(row: Row) -> str:
    """Name an entry in a sentence: entry offset 9, position 4120."""
    return "entry " + ", ".join(f"{name} {value}" for name, value in row._asdict().items())


def _entries(data: bytes, row: struct.Struct) -> tuple[list[tuple[int, ...]], int, list[str]]:
    """Return the rows up to the zeros at the end, the length of these, and what is wrong."""
    whole = len(data) // row.size * row.size
    used = min(-(-len(data.rstrip(b"\0")) // row.size) * row.size, whole)
    faults = []
    if whole < len(data):
        faults.append(f"{len(data)} bytes are not whole entries of {row.size}")
    return list(row.iter_unpack(data[:used])), whole - used, faults


def _lines(data: bytes, fields: int) -> tuple[list[list[str]], list[str]]:
    """Return the rows of a checkpoint, whose last two fields are numbers, and what is wrong."""
    if not data:
        return [], []
    version, count, *lines = [*data.decode(errors="replace").split("\n"), "", ""]
    rows, faults = [], []
    if version != _VERSION:
        faults.append(f"its version is {version[:20]!r}, only {_VERSION} is known")
    for number, line in enumerate(lines, 3):
        row = line.split()
        if len(row) == fields and all(map(_NUMBER.fullmatch, row[-2:])):
            rows.append(row)
        elif line:
            faults.append(f"line {number} is not {fields} fields: {line[:80]!r}")
    if count != str(len(rows)):
        faults.append(f"it announces {count[:20]!r} entries and has {len(rows)}")
    return rows, faults
