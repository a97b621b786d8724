"""Prepare batches for a log: judge them as Kafka does, assign their offsets, change nothing else.

The checks and their order are those of ProduceRequest.validateRecords, UnifiedLog.append and
LogValidator. All of them come before the first byte is patched; records are never re-encoded
unless the topic's `compression.type` asks for it.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import NamedTuple

from pykbroker.errors import ErrorCode, KafkaError
from pykbroker.storage.batch_rules import (
    EXPANSION_MAX,
    RecordErrors,
    check_batch,
    check_crc,
    check_partition_records,
    check_records,
    check_request_records,
    check_size,
    next_batch_size,
    only_batch_size,
    scan_batch,
)
from pykbroker.storage.log_config import LogConfig
from pykbroker.storage.producer_state import ProducerStates
from pykbroker.wire.compression import NONE, compress
from pykbroker.wire.records import (
    BATCH_HEADER_BYTES,
    NO_TIMESTAMP,
    BatchHeader,
    Buffer,
    assemble,
    build_batch,
    iterate_records,
    parse_batch_header,
    patch,
    patch_timestamp,
)

__all__ = [
    "Duplicate",
    "Origin",
    "Prepared",
    "RecordErrors",
    "check_partition_records",
    "check_request_records",
    "prepare",
]

_COMPRESSION = 0x07


class Origin(Enum):
    """Who asks for an append, which decides what is checked (Kafka's AppendOrigin)."""

    CLIENT = auto()
    """A Produce request: everything is checked."""
    COORDINATOR = auto()
    """This broker's own records: no sequence numbers, control batches allowed."""
    FOLLOWER = auto()
    """Batches of the leader: offsets are kept, only CRC and order are checked."""


class Prepared(NamedTuple):
    """Batches ready to be written with one write, and what the log learns from them."""

    headers: tuple[BatchHeader, ...]
    """Final, one per batch; a follower may get several."""
    batches: Buffer
    """All batches, patched: a view of the input when that was writable."""
    first_offset: int
    last_offset: int
    max_timestamp: int
    offset_of_max_timestamp: int
    """Last offset of the first batch with the largest timestamp, for the time index."""
    log_append_time_ms: int
    """-1 unless the topic has LogAppendTime."""
    producer_update: tuple[BatchHeader, ...]
    """For `ProducerStates.apply`, once the batches are written."""

    @property
    def header(self) -> BatchHeader:
        """The header of the first batch, for a leader the only one."""
        return self.headers[0]


class Duplicate(NamedTuple):
    """A client's repetition of a batch that is in the log already: nothing is to be written."""

    first_offset: int
    last_offset: int
    log_append_time_ms: int
    """The largest timestamp of the original, whatever the timestamp type, as Kafka answers."""


def prepare(
    records: memoryview,
    *,
    config: LogConfig,
    producers: ProducerStates,
    next_offset: int,
    leader_epoch: int,
    now_ms: int,
    origin: Origin,
) -> Prepared | Duplicate:
    """Judge `records` and assign offsets from `next_offset` on; nothing else changes.

    `records` is patched in place when it is writable, otherwise copied; bytes of an incomplete
    batch at its end are left out. A follower's batches keep their offsets and epochs, and those of
    a leader epoch above `leader_epoch` are left out (KAFKA-18723).

    Raises KafkaError with Kafka's code: INVALID_RECORD, CORRUPT_MESSAGE, MESSAGE_TOO_LARGE,
    RECORD_LIST_TOO_LARGE, INVALID_TIMESTAMP, OUT_OF_ORDER_SEQUENCE_NUMBER, INVALID_PRODUCER_EPOCH,
    INVALID_TXN_STATE, UNKNOWN_SERVER_ERROR for an unknown codec; RecordErrors when single records
    are at fault.
    """
    if origin is Origin.FOLLOWER:
        return _prepare_replica(records, next_offset, leader_epoch)
    size = only_batch_size(records)
    batch = records if size == len(records) else records[:size]
    header = check_batch(batch, config, from_client=origin is Origin.CLIENT)
    data, scan = scan_batch(header, batch, config)
    check_records(header, data, scan, config, now_ms)
    append_time = config.message_timestamp_type
    max_timestamp = now_ms if append_time else max(scan.max_timestamp, NO_TIMESTAMP)
    in_order = scan.first_misplaced < 0
    if not in_order or _wants_other_codec(header, config):
        batch = _rebuild(header, batch, data, config, in_order=in_order)
        header = parse_batch_header(batch)
    if len(batch) > config.segment_bytes:
        raise KafkaError(
            ErrorCode.RECORD_LIST_TOO_LARGE,
            f"a batch of {len(batch)} bytes, segment.bytes is {config.segment_bytes}",
        )
    if header.producer_id >= 0:
        duplicate = _check_producer(header, producers, origin)
        if duplicate is not None:
            return duplicate
    return _assign(header, batch, next_offset, leader_epoch, max_timestamp, append_time)


def _wants_other_codec(header: BatchHeader, config: LogConfig) -> bool:
    """Whether the topic stores with another codec; uncompressed control batches never do."""
    target = config.target_codec
    if target is None or target == header.compression:
        return False
    return not (header.is_control and header.compression == NONE)


def _rebuild(
    header: BatchHeader, batch: Buffer, data: Buffer, config: LogConfig, *, in_order: bool
) -> memoryview:
    """Compress the records with the topic's codec, and number them anew if they need it."""
    codec = header.compression if config.target_codec is None else config.target_codec
    if not in_order:
        rows = [record[1:] for record in iterate_records(batch, EXPANSION_MAX)]
        data = build_batch(rows)[BATCH_HEADER_BYTES:]
        header = header._replace(base_timestamp=rows[0][0])
    attributes = header.attributes & ~_COMPRESSION | codec
    rebuilt = assemble(
        header._replace(attributes=attributes), compress(codec, data, config.target_level)
    )
    check_size(len(rebuilt), config)
    return memoryview(rebuilt)


def _check_producer(
    header: BatchHeader, producers: ProducerStates, origin: Origin
) -> Duplicate | None:
    if origin is Origin.COORDINATOR:
        producers.check_epoch(header)
        return None
    original = producers.check(header)
    if original is None:
        return None
    return Duplicate(original.first_offset, original.last_offset, original.timestamp)


def _assign(
    header: BatchHeader,
    batch: memoryview,
    next_offset: int,
    leader_epoch: int,
    max_timestamp: int,
    timestamp_type: int,
) -> Prepared:
    """Patch a judged batch; the CRC is computed anew only when a timestamp changes."""
    if batch.readonly:
        batch = memoryview(bytearray(batch))
    patch(batch, next_offset, leader_epoch)
    if header.max_timestamp != max_timestamp or header.timestamp_type != timestamp_type:
        patch_timestamp(batch, max_timestamp, timestamp_type)
    final = (parse_batch_header(batch),)
    last_offset = next_offset + header.last_offset_delta
    # By position: names would cost a tenth of what preparing a small batch costs.
    return Prepared(
        final,
        batch,
        next_offset,
        last_offset,
        max_timestamp,
        last_offset,
        max_timestamp if timestamp_type else -1,
        final if header.producer_id >= 0 else (),
    )


def _prepare_replica(records: memoryview, next_offset: int, leader_epoch: int) -> Prepared:
    headers: list[BatchHeader] = []
    position, expected = 0, next_offset
    max_timestamp, offset_of_max_timestamp = NO_TIMESTAMP, next_offset
    while (size := next_batch_size(records, position)) is not None:
        header = check_crc(records[position : position + size])
        if header.partition_leader_epoch > leader_epoch:
            break
        if header.base_offset < expected or header.last_offset_delta < 0:
            raise KafkaError(
                ErrorCode.UNKNOWN_SERVER_ERROR,
                f"the leader sent offset {header.base_offset}, expected is {expected} or more",
            )
        headers.append(header)
        expected = header.next_offset
        position += size
        if header.max_timestamp > max_timestamp:
            max_timestamp, offset_of_max_timestamp = header.max_timestamp, header.last_offset
    if not headers:
        raise KafkaError(
            ErrorCode.CORRUPT_MESSAGE,
            f"the leader sent no whole batch of an epoch up to {leader_epoch}",
        )
    return Prepared(
        headers=tuple(headers),
        batches=records[:position],
        first_offset=headers[0].base_offset,
        last_offset=expected - 1,
        max_timestamp=max_timestamp,
        offset_of_max_timestamp=offset_of_max_timestamp,
        log_append_time_ms=-1,
        producer_update=tuple(header for header in headers if header.producer_id >= 0),
    )
