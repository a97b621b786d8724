"""One batch without the records that compaction drops; offsets never change.

As Kafka's MemoryRecords.filterTo: batches that stay whole stay as they are, byte for byte, others
keep their header but for what the records say. Records are copied, never encoded anew, save where
the batch gets a delete horizon, which takes the place of its base timestamp (KIP-534).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from pykbroker.storage.batch_rules import EXPANSION_MAX
from pykbroker.wire.compression import compress
from pykbroker.wire.record_keys import record_ends, timestamp_delta, with_base_timestamp
from pykbroker.wire.records import (
    LOG_APPEND_TIME,
    NO_TIMESTAMP,
    BatchHeader,
    Buffer,
    assemble,
    to_int64,
    uncompressed_records,
)

KEPT, SUPERSEDED, TOMBSTONE = 0, 1, 2
"""The mark of a record: to be kept, to be dropped, or without a value and the newest of its key."""
_COMPRESSION, _DELETE_HORIZON = 0x07, 0x40


class Retention(NamedTuple):
    """How long tombstones and markers stay, once a cleaning has met them."""

    now_ms: int
    delete_retention_ms: int

    def is_over(self, header: BatchHeader) -> bool:
        """Tell whether the delete horizon of a batch has passed."""
        horizon = header.delete_horizon
        return horizon is not None and horizon <= self.now_ms

    @property
    def horizon(self) -> int:
        """The delete horizon of a batch that gets one now."""
        return self.now_ms + self.delete_retention_ms


def without_dropped(
    header: BatchHeader, batch: Buffer, marks: Buffer, retention: Retention
) -> Buffer | None:
    """Return a batch without the records that `marks`, one byte for each, let go.

    None when no record is left. Raises ProtocolError when its records cannot be read.
    """
    tombstones = marks.count(TOMBSTONE) if not isinstance(marks, memoryview) else 0
    dropped = header.records_count - bytes(marks).count(KEPT) - tombstones
    if tombstones and retention.is_over(header):
        dropped, tombstones = dropped + tombstones, 0
    if dropped == header.records_count:
        return None
    wants_horizon = tombstones > 0 and header.delete_horizon is None
    if not dropped and not wants_horizon:
        return batch
    kept = {KEPT, TOMBSTONE} if tombstones else {KEPT}
    records = _records_of(header, batch, [mark in kept for mark in marks])
    return _rebuilt(header, records, retention.horizon if wants_horizon else None)


def with_horizon(header: BatchHeader, batch: Buffer, retention: Retention) -> Buffer:
    """Return a batch, all records kept, with a delete horizon; as it is when it has one."""
    if header.delete_horizon is not None:
        return batch
    records = _records_of(header, batch, [True] * header.records_count)
    return _rebuilt(header, records, retention.horizon)


def emptied(header: BatchHeader) -> bytes:
    """Return a batch without records that still says its offsets and its producer's sequence."""
    return assemble(
        header._replace(
            attributes=header.attributes & ~(_COMPRESSION | _DELETE_HORIZON),
            base_timestamp=NO_TIMESTAMP,
            records_count=0,
        ),
        b"",
    )


def _records_of(header: BatchHeader, batch: Buffer, kept: Iterable[bool]) -> Iterator[bytes]:
    """Yield the bytes of the records that are kept."""
    data = bytes(uncompressed_records(header, batch, EXPANSION_MAX))
    start = 0
    for end, keep in zip(record_ends(data, header.records_count), kept, strict=True):
        if keep:
            yield data[start:end]
        start = end


def _rebuilt(header: BatchHeader, kept: Iterable[bytes], horizon: int | None) -> bytes:
    records = list(kept)
    base, attributes, max_timestamp = header.base_timestamp, header.attributes, header.max_timestamp
    if header.timestamp_type != LOG_APPEND_TIME:
        newest = max(to_int64(base + timestamp_delta(record)) for record in records)
        max_timestamp = max(newest, NO_TIMESTAMP)
    if horizon is not None:
        records = [with_base_timestamp(record, base, horizon) for record in records]
        base, attributes = horizon, attributes | _DELETE_HORIZON
    return assemble(
        header._replace(
            attributes=attributes,
            base_timestamp=base,
            max_timestamp=max_timestamp,
            records_count=len(records),
        ),
        compress(header.compression, b"".join(records)),
    )
