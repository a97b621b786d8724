"""Which transactional batches compaction may drop, decided as batches and markers pass by.

As Kafka's CleanedTransactionMetadata: data of an aborted transaction goes, a marker goes when no
batch of its transaction is left. Which transactions were aborted is found by reading the markers.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from enum import IntEnum
from typing import NamedTuple

from pykbroker.errors import ProtocolError
from pykbroker.wire.records import BatchHeader, Buffer, iterate_records

_MARKER = struct.Struct(">hh")


class Marker(IntEnum):
    """What a control batch says of its producer's transaction (KIP-98)."""

    ABORT = 0
    COMMIT = 1
    OTHER = -1
    """A control record of another kind, which is always kept."""
    CLEANED = -2
    """No record any more: the marker was removed, its batch was kept for the producer's sake."""


class AbortedTransaction(NamedTuple):
    """A transaction that was aborted; its data lies in [first_offset, last_offset]."""

    first_offset: int
    last_offset: int
    producer_id: int


def marker_of(batch: Buffer) -> Marker:
    """Read what a control batch says. Raises ProtocolError."""
    record = next(iterate_records(batch), None)
    if record is None:
        return Marker.CLEANED
    if record.key is None or len(record.key) < _MARKER.size:
        raise ProtocolError("a control record without a type")
    _, kind = _MARKER.unpack_from(record.key)
    return Marker(kind) if kind in (Marker.ABORT, Marker.COMMIT) else Marker.OTHER


class TransactionSurvey:
    """Finds out, from all batches in order, how each transaction ended."""

    __slots__ = ("_open", "aborted")

    def __init__(self) -> None:
        self._open: dict[int, int] = {}
        self.aborted: list[AbortedTransaction] = []

    def on_batch(self, header: BatchHeader) -> None:
        """Take note of a batch of data."""
        if header.is_transactional:
            self._open.setdefault(header.producer_id, header.base_offset)

    def on_control_batch(self, header: BatchHeader, marker: Marker) -> None:
        """Take note of a marker."""
        if marker in (Marker.ABORT, Marker.COMMIT):
            first_offset = self._open.pop(header.producer_id, None)
            if marker is Marker.ABORT and first_offset is not None:
                transaction = AbortedTransaction(
                    first_offset, header.last_offset, header.producer_id
                )
                self.aborted.append(transaction)

    @property
    def first_undecided_offset(self) -> int | None:
        """The first offset of the oldest transaction whose end was not seen."""
        return min(self._open.values(), default=None)


class TransactionMetadata:
    """Decides for each batch in order whether the end of its transaction lets it be dropped."""

    __slots__ = ("_aborted", "_committed", "_waiting")

    def __init__(self, aborted: Iterable[AbortedTransaction]) -> None:
        self._waiting = sorted(aborted, reverse=True)
        """Aborted transactions that begin further on, the next one last."""
        self._aborted: dict[int, bool] = {}
        """Producers within one, and whether data of it was seen."""
        self._committed: set[int] = set()
        """Producers within a transaction that was committed."""

    def discards_batch(self, header: BatchHeader) -> bool:
        """Tell whether a batch of data belongs to an aborted transaction."""
        if not header.is_transactional:
            return False
        self._begin_up_to(header.last_offset)
        if header.producer_id in self._aborted:
            self._aborted[header.producer_id] = True
            return True
        self._committed.add(header.producer_id)
        return False

    def discards_marker(self, header: BatchHeader, marker: Marker) -> bool:
        """Tell whether nothing is left of the transaction that a marker ends."""
        self._begin_up_to(header.last_offset)
        match marker:
            case Marker.ABORT:
                return not self._aborted.pop(header.producer_id, False)
            case Marker.COMMIT:
                left = header.producer_id in self._committed
                self._committed.discard(header.producer_id)
                return not left
            case Marker.CLEANED:
                return True
            case Marker.OTHER:
                return False

    def _begin_up_to(self, offset: int) -> None:
        while self._waiting and self._waiting[-1].first_offset <= offset:
            self._aborted.setdefault(self._waiting.pop().producer_id, False)
