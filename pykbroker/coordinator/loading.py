"""Reading a coordinator's log from its start: every record that counts, in order.

Records of a transaction count from its COMMIT marker on, and never without one
(CoordinatorLoaderImpl). What is no record of ours, or cannot be read, is told of and left out: one
broken record must not take all groups with it.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Iterable, Iterator
from itertools import islice
from typing import TypeVar

from pykbroker.coordinator.committed_log import CommittedLog
from pykbroker.coordinator.record_codec import decode
from pykbroker.coordinator.records import OffsetRecord, Record
from pykbroker.errors import ErrorCode, KafkaError, ProtocolError
from pykbroker.wire.messages.control_records import ControlRecordTypeSchema
from pykbroker.wire.records import BatchHeader, crc_of, iterate_records, parse_batch_header
from pykbroker.wire.records import Record as StoredRecord

log = logging.getLogger("pykbroker.coordinator")

Found = list[Record]
COMMIT = 1
"""The type of a marker that ends a transaction well."""
RECORDS_AT_ONCE = 100
"""Read and replayed in about a millisecond, which is how long others wait."""

T = TypeVar("T")


class _Transactions:
    """Records of transactions whose end has not been read yet, by producer id.

    Of each offset the record that was written last counts, even where a transaction ends after it
    that wrote it before (OffsetMetadataManager.replayEndTransactionMarker).
    """

    def __init__(self) -> None:
        self._open: dict[int, list[tuple[int, Record]]] = {}
        self._counting: dict[tuple[str, str, int], int] = {}
        """Where what counts was written, as far as it was while a transaction was open."""

    def add(self, producer_id: int, offset: int, record: Record) -> None:
        """Keep a record until its transaction ends."""
        self._open.setdefault(producer_id, []).append((offset, record))

    def note(self, offset: int, record: Record) -> None:
        """Take note of a record that counts at once."""
        if self._open and isinstance(record, OffsetRecord):
            self._counting[_place(record)] = offset

    def end(self, producer_id: int, *, committed: bool) -> Found:
        """Give the records that count once the transaction has ended."""
        found: Found = []
        written = self._open.pop(producer_id, [])
        for offset, record in written if committed else ():
            if isinstance(record, OffsetRecord):
                if self._counting.get(_place(record), -1) > offset:
                    continue
                self._counting[_place(record)] = offset
            found.append(record)
        if not self._open:
            self._counting.clear()
        return found


def _place(record: OffsetRecord) -> tuple[str, str, int]:
    return record.group_id, record.topic, record.partition


async def read_records(committed_log: CommittedLog) -> AsyncGenerator[Found, None]:
    """Yield the records of the log, a few at a time, up to where it ends now.

    Raises KafkaError when the log cannot be read.
    """
    transactions = _Transactions()
    offset, end_offset = committed_log.start_offset, committed_log.end_offset
    while offset < end_offset:
        data = await committed_log.read(offset)
        if not data:
            return
        try:
            for batch, header in _batches(data):
                _check(batch, header, offset)
                for found in _counting(batch, header, transactions):
                    yield found
                offset = header.next_offset
        except ProtocolError as fault:
            raise KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, str(fault)) from fault


def _batches(data: bytes) -> Iterator[tuple[memoryview, BatchHeader]]:
    view, position = memoryview(data), 0
    while position < len(view):
        header = parse_batch_header(view, position)
        yield view[position : position + header.size_bytes], header
        position += header.size_bytes


def _check(batch: memoryview, header: BatchHeader, offset: int) -> None:
    """Raise ProtocolError for a batch that is damaged: no offset is better than a wrong one."""
    if header.next_offset <= offset or header.size_bytes != len(batch):
        raise ProtocolError(f"no batch is where offset {offset} should be")
    if crc_of(batch) != header.crc:
        raise ProtocolError(f"the batch at offset {header.base_offset} is damaged")


def _counting(
    batch: memoryview, header: BatchHeader, transactions: _Transactions
) -> Iterator[Found]:
    """Yield the records that count from this batch on, a few at a time."""
    if header.is_control:
        for marker in iterate_records(batch):
            committed = marker.key is not None and _marker(marker.key) == COMMIT
            yield from _few(transactions.end(header.producer_id, committed=committed))
        return
    for records in _few(iterate_records(batch)):
        found: Found = []
        for stored in records:
            record = _known(stored)
            if record is None:
                continue
            if header.is_transactional:
                transactions.add(header.producer_id, stored.offset, record)
            else:
                transactions.note(stored.offset, record)
                found.append(record)
        yield found


def _few(all_of_them: Iterable[T]) -> Iterator[list[T]]:
    left = iter(all_of_them)
    while few := list(islice(left, RECORDS_AT_ONCE)):
        yield few


def _known(record: StoredRecord) -> Record | None:
    """Give what a record says, None if that is nothing to a coordinator."""
    try:
        return None if record.key is None else decode(record.key, record.value)
    except ProtocolError as fault:
        log.warning("unreadable record left out offset=%d: %s", record.offset, fault)
        return None


def _marker(key: bytes) -> int:
    """Give the type of a control record, whose key begins with a version that says nothing."""
    kind: int = ControlRecordTypeSchema.version(0).parse(key[2:]).type
    return kind
