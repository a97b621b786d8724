"""What one log remembers of its producers: the five last batches of each (KIP-98).

`check` decides and changes nothing; `replay` changes and decides nothing, so that running and
recovery agree. Follows Kafka's ProducerStateManager, ProducerStateEntry and ProducerAppendInfo.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from crc32c import crc32c

from pykbroker.errors import ErrorCode, KafkaError
from pykbroker.wire.records import BatchHeader

WINDOW_BATCHES = 5
NO_SEQUENCE = -1
_SEQUENCE_MASK = 0x7FFF_FFFF
_SNAPSHOT_VERSION = 1
_SNAPSHOT_HEAD = struct.Struct(">hIi")
_SNAPSHOT_ENTRY = struct.Struct(">qhiqiqiq")
_CRC_START = 6


class BatchMetadata(NamedTuple):
    """One batch of a producer, as it was appended."""

    last_sequence: int
    last_offset: int
    offset_delta: int
    timestamp: int

    @property
    def first_sequence(self) -> int:
        """The sequence number of its first record, taking the wrap at 2³¹ into account."""
        return (self.last_sequence - self.offset_delta) & _SEQUENCE_MASK

    @property
    def first_offset(self) -> int:
        """The offset of its first record."""
        return self.last_offset - self.offset_delta


class ProducerEntry:
    """The state of one producer id. `batches` are at most five, oldest first, all of one epoch."""

    __slots__ = (
        "batches",
        "coordinator_epoch",
        "current_txn_first_offset",
        "last_timestamp",
        "producer_epoch",
    )

    def __init__(self, producer_epoch: int) -> None:
        self.producer_epoch = producer_epoch
        self.coordinator_epoch = -1
        self.last_timestamp = -1
        self.current_txn_first_offset = -1
        self.batches: list[BatchMetadata] = []

    @property
    def last_sequence(self) -> int:
        """The sequence number of the last record; NO_SEQUENCE after a marker or a new epoch."""
        return self.batches[-1].last_sequence if self.batches else NO_SEQUENCE


class ProducerStates:
    """The producers of one log, by producer id."""

    __slots__ = ("_entries",)

    def __init__(self) -> None:
        self._entries: dict[int, ProducerEntry] = {}

    @property
    def entries(self) -> Mapping[int, ProducerEntry]:
        """All producers, by id; not to be changed."""
        return self._entries

    def check(self, header: BatchHeader) -> BatchMetadata | None:
        """Judge a client's batch that carries a producer id: None to append it.

        A repetition of one of the producer's last five batches is returned as it was appended.
        An unknown producer id may begin with any sequence number. Raises KafkaError
        OUT_OF_ORDER_SEQUENCE_NUMBER, INVALID_PRODUCER_EPOCH or INVALID_TXN_STATE.
        """
        entry = self._entries.get(header.producer_id)
        if entry is None:
            return None
        if entry.producer_epoch == header.producer_epoch:
            duplicate = _find_duplicate(entry, header)
            if duplicate is not None:
                return duplicate
        _check_epoch(entry, header)
        _check_sequence(entry, header)
        _check_transaction(entry, header)
        return None

    def check_epoch(self, header: BatchHeader) -> None:
        """Judge a coordinator's batch, which has no sequence numbers: its epoch and transaction.

        Raises KafkaError INVALID_PRODUCER_EPOCH or INVALID_TXN_STATE.
        """
        entry = self._entries.get(header.producer_id)
        if entry is not None:
            _check_epoch(entry, header)
            _check_transaction(entry, header)

    def replay(self, header: BatchHeader, *, coordinator_epoch: int | None = None) -> None:
        """Take over a batch that is in the log; one without a producer id changes nothing.

        A control batch ends the producer's transaction; `coordinator_epoch` is what its marker
        says, None where nobody has read it.
        """
        if header.producer_id < 0:
            return
        entry = self._entries.get(header.producer_id)
        if entry is None:
            entry = self._entries[header.producer_id] = ProducerEntry(header.producer_epoch)
        if entry.producer_epoch != header.producer_epoch:
            entry.producer_epoch = header.producer_epoch
            entry.batches.clear()
        entry.last_timestamp = header.max_timestamp
        if header.is_control:
            entry.current_txn_first_offset = -1
            if coordinator_epoch is not None:
                entry.coordinator_epoch = coordinator_epoch
            return
        if len(entry.batches) == WINDOW_BATCHES:
            del entry.batches[0]
        entry.batches.append(
            BatchMetadata(
                header.last_sequence,
                header.last_offset,
                header.last_offset_delta,
                header.max_timestamp,
            )
        )
        if header.is_transactional and entry.current_txn_first_offset < 0:
            entry.current_txn_first_offset = header.base_offset

    def apply(self, update: Iterable[BatchHeader]) -> None:
        """Take over what `prepare` said to, after the batches were written."""
        for header in update:
            self.replay(header)

    def expire(self, now_ms: int, expiration_ms: int) -> None:
        """Forget producers idle for `expiration_ms`, except those with an open transaction."""
        idle = [
            producer_id
            for producer_id, entry in self._entries.items()
            if entry.current_txn_first_offset < 0 and now_ms - entry.last_timestamp >= expiration_ms
        ]
        for producer_id in idle:
            del self._entries[producer_id]

    def snapshot(self) -> bytes:
        """Write the content of a `.snapshot` file (ProducerSnapshot, version 1).

        Only the last batch of each producer is kept: after a restart the window has one batch.
        """
        rows = []
        for producer_id, entry in self._entries.items():
            last = entry.batches[-1] if entry.batches else BatchMetadata(NO_SEQUENCE, -1, 0, -1)
            rows.append(
                _SNAPSHOT_ENTRY.pack(
                    producer_id,
                    entry.producer_epoch,
                    last.last_sequence,
                    last.last_offset,
                    last.offset_delta,
                    entry.last_timestamp,
                    entry.coordinator_epoch,
                    entry.current_txn_first_offset,
                )
            )
        data = bytearray(_SNAPSHOT_HEAD.pack(_SNAPSHOT_VERSION, 0, len(rows)))
        data += b"".join(rows)
        crc = crc32c(memoryview(data)[_CRC_START:])
        _SNAPSHOT_HEAD.pack_into(data, 0, _SNAPSHOT_VERSION, crc, len(rows))
        return bytes(data)

    @classmethod
    def from_snapshot(cls, data: bytes) -> ProducerStates:
        """Read the content of a `.snapshot` file. Raises ValueError when it is damaged."""
        if len(data) < _SNAPSHOT_HEAD.size:
            raise ValueError("producer snapshot is cut off")
        version, crc, count = _SNAPSHOT_HEAD.unpack_from(data)
        if version != _SNAPSHOT_VERSION:
            raise ValueError(f"producer snapshot of version {version}")
        if crc != crc32c(memoryview(data)[_CRC_START:]):
            raise ValueError("producer snapshot has a wrong CRC")
        if len(data) != _SNAPSHOT_HEAD.size + count * _SNAPSHOT_ENTRY.size:
            raise ValueError(f"producer snapshot of {len(data)} bytes announces {count} producers")
        states = cls()
        for row in _SNAPSHOT_ENTRY.iter_unpack(memoryview(data)[_SNAPSHOT_HEAD.size :]):
            producer_id, epoch, sequence, offset, delta, timestamp, coordinator_epoch, first = row
            entry = states._entries[producer_id] = ProducerEntry(epoch)
            entry.last_timestamp = timestamp
            entry.coordinator_epoch = coordinator_epoch
            entry.current_txn_first_offset = first
            if offset >= 0:
                entry.batches.append(BatchMetadata(sequence, offset, delta, timestamp))
        return states


def _find_duplicate(entry: ProducerEntry, header: BatchHeader) -> BatchMetadata | None:
    last_sequence = header.last_sequence
    for batch in entry.batches:
        if batch.last_sequence == last_sequence and batch.first_sequence == header.base_sequence:
            return batch
    return None


def _check_epoch(entry: ProducerEntry, header: BatchHeader) -> None:
    if header.producer_epoch < entry.producer_epoch:
        raise KafkaError(
            ErrorCode.INVALID_PRODUCER_EPOCH,
            f"producer {header.producer_id} has epoch {entry.producer_epoch},"
            f" the batch is of epoch {header.producer_epoch}",
        )


def _check_transaction(entry: ProducerEntry, header: BatchHeader) -> None:
    if entry.current_txn_first_offset >= 0 and not (header.is_transactional or header.is_control):
        raise KafkaError(
            ErrorCode.INVALID_TXN_STATE,
            f"producer {header.producer_id} has a transaction open"
            f" since offset {entry.current_txn_first_offset}, the batch is outside of it",
        )


def _check_sequence(entry: ProducerEntry, header: BatchHeader) -> None:
    if entry.producer_epoch < 0:
        return
    last_sequence = entry.last_sequence
    if entry.producer_epoch != header.producer_epoch:
        last_sequence = NO_SEQUENCE  # a new epoch begins with 0
    expected = 0 if last_sequence == NO_SEQUENCE else (last_sequence + 1) & _SEQUENCE_MASK
    if header.base_sequence != expected:
        raise KafkaError(
            ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER,
            f"producer {header.producer_id} in epoch {header.producer_epoch} continues with"
            f" sequence {header.base_sequence} instead of {expected}",
        )
