"""What Kafka refuses in batches and their records, in its order and with its codes.

Follows RequestUtils.flag, ProduceRequest.validateRecords, UnifiedLog.analyzeAndValidateRecords and
LogValidator. Nothing here changes a byte.
"""

from __future__ import annotations

import struct

from pykbroker.errors import ErrorCode, KafkaError, ProtocolError
from pykbroker.storage.log_config import LogConfig
from pykbroker.wire.compression import NAMES, NONE, ZSTD, ExpansionError
from pykbroker.wire.record_scan import RecordScan, scan_records
from pykbroker.wire.record_walk import walk_records
from pykbroker.wire.records import (
    BATCH_HEADER_BYTES,
    CREATE_TIME,
    LOG_APPEND_TIME,
    LOG_OVERHEAD_BYTES,
    MAGIC,
    NO_TIMESTAMP,
    BatchHeader,
    Buffer,
    crc_of,
    parse_batch_header,
    to_int64,
    uncompressed_records,
)

_LENGTH_MIN = 14
"""The overhead of the smallest message ever (LegacyRecord.RECORD_OVERHEAD_V0)."""
_ZSTD_FIRST_VERSION = 7
_EXPANSION_FACTOR = 16
_EXPANSION_MIN, EXPANSION_MAX = 1 << 20, 64 << 20
_RECORD_ERRORS_TOLD = 3

_LENGTH = struct.Struct(">i")
_BASE_OFFSET = struct.Struct(">q")
_LENGTH_POSITION, _MAGIC_POSITION, _ATTRIBUTES_POSITION = 8, 16, 22
_COMPRESSION, _APPEND_TIME, _TRANSACTIONAL, _CONTROL = 0x07, 0x08, 0x10, 0x20


class RecordErrors(KafkaError):  # noqa: N818 - several
    """A refusal that names the records at fault (KIP-467)."""

    def __init__(
        self, code: ErrorCode, message: str, record_errors: tuple[tuple[int, str], ...]
    ) -> None:
        super().__init__(code, message)
        self.record_errors = record_errors


def check_request_records(records: Buffer) -> bool:
    """Look at the first batch of one partition; say whether it is transactional.

    To be called for every partition of a Produce request before any of them is looked at further:
    Kafka does so to find transactional batches (RequestUtils.flag), and a batch length below 14 or
    a magic outside 0 to 2 found here is answered with CORRUPT_MESSAGE for *every* partition, which
    is what the KafkaError raised here stands for.
    """
    size = next_batch_size(records, 0)
    return size is not None and bool(records[_ATTRIBUTES_POSITION] & _TRANSACTIONAL)


def check_partition_records(records: Buffer, *, version: int) -> None:
    """Refuse what a Produce request of `version` may not carry for one partition.

    Kafka does so for each partition it has authorised and found, before acks or the in-sync
    replicas are considered. Raises KafkaError INVALID_RECORD without exactly one batch of magic 2,
    UNSUPPORTED_COMPRESSION_TYPE for zstd below version 7, CORRUPT_MESSAGE when what follows the
    batch has an impossible length or magic. An incomplete batch at the end is no batch.
    """
    size = only_batch_size(records)
    if (
        version < _ZSTD_FIRST_VERSION
        and records[_ATTRIBUTES_POSITION] & _COMPRESSION == ZSTD
        and size
    ):
        raise KafkaError(
            ErrorCode.UNSUPPORTED_COMPRESSION_TYPE,
            f"zstd needs Produce version {_ZSTD_FIRST_VERSION}, this is version {version}",
        )


def next_batch_size(records: Buffer, position: int) -> int | None:
    """Find the size in bytes of the batch at `position`; None without a whole one.

    Raises KafkaError CORRUPT_MESSAGE for an impossible length or magic, as soon as it can be seen
    (ByteBufferLogInputStream).
    """
    left = len(records) - position
    if left < LOG_OVERHEAD_BYTES:
        return None
    (length,) = _LENGTH.unpack_from(records, position + _LENGTH_POSITION)
    if length < _LENGTH_MIN:
        raise KafkaError(
            ErrorCode.CORRUPT_MESSAGE,
            f"a batch length of {length}, no batch is below {_LENGTH_MIN}",
        )
    if left > _MAGIC_POSITION and records[position + _MAGIC_POSITION] > MAGIC:
        raise KafkaError(
            ErrorCode.CORRUPT_MESSAGE, f"unknown magic {records[position + _MAGIC_POSITION]}"
        )
    size: int = length + LOG_OVERHEAD_BYTES
    return size if size <= left else None


def only_batch_size(records: Buffer) -> int:
    """Find the size in bytes of the one batch that `records` must be. Raises KafkaError."""
    size = next_batch_size(records, 0)
    if size is None:
        raise KafkaError(
            ErrorCode.INVALID_RECORD, "a partition of a Produce request must have one record batch"
        )
    if records[_MAGIC_POSITION] != MAGIC:
        raise KafkaError(
            ErrorCode.INVALID_RECORD,
            f"magic {records[_MAGIC_POSITION]} is no longer produced, only magic {MAGIC} is",
        )
    if size != len(records) and next_batch_size(records, size) is not None:
        raise KafkaError(
            ErrorCode.INVALID_RECORD,
            "a partition of a Produce request must not have more than one record batch",
        )
    return size


def check_batch(batch: memoryview, config: LogConfig, *, from_client: bool) -> BatchHeader:
    """Judge all of a whole batch but its records. Raises KafkaError."""
    (base_offset,) = _BASE_OFFSET.unpack_from(batch)
    if from_client and base_offset != 0:
        raise KafkaError(
            ErrorCode.INVALID_RECORD, f"the base offset must be 0, it is {base_offset}"
        )
    check_size(len(batch), config)
    header = check_crc(batch)
    if header.attributes & _COMPRESSION >= len(NAMES):
        raise KafkaError(
            ErrorCode.UNKNOWN_SERVER_ERROR, f"unknown compression codec {header.compression}"
        )
    if header.records_count <= 0:
        raise KafkaError(
            ErrorCode.INVALID_RECORD, f"a batch cannot have {header.records_count} records"
        )
    if from_client:
        _check_client_batch(header)
    return header


def check_size(size_bytes: int, config: LogConfig) -> None:
    """Refuse a batch above `max.message.bytes`, compressed as it is, with MESSAGE_TOO_LARGE."""
    if size_bytes > config.max_message_bytes:
        raise KafkaError(
            ErrorCode.MESSAGE_TOO_LARGE,
            f"a batch of {size_bytes} bytes, max.message.bytes is {config.max_message_bytes}",
        )


def check_crc(batch: memoryview) -> BatchHeader:
    """Read the header of a whole batch; refuse a wrong CRC with CORRUPT_MESSAGE."""
    if len(batch) < BATCH_HEADER_BYTES:
        raise KafkaError(
            ErrorCode.CORRUPT_MESSAGE,
            f"a batch of {len(batch)} bytes, the header alone has {BATCH_HEADER_BYTES}",
        )
    header = parse_batch_header(batch)
    crc = crc_of(batch)
    if header.crc != crc:
        raise KafkaError(
            ErrorCode.CORRUPT_MESSAGE,
            f"the batch says its CRC-32C is {header.crc:#010x}, it is {crc:#010x}",
        )
    return header


def _check_client_batch(header: BatchHeader) -> None:
    fault = None
    count = header.records_count
    if header.last_offset_delta != count - 1:
        fault = f"{count} records do not end at offset delta {header.last_offset_delta}"
    elif header.attributes & _CONTROL:
        fault = "clients must not write control batches"
    elif header.producer_id >= 0 and header.base_sequence < 0:
        fault = f"producer {header.producer_id} gives sequence number {header.base_sequence}"
    if fault:
        raise KafkaError(ErrorCode.INVALID_RECORD, fault)


def scan_batch(
    header: BatchHeader, batch: memoryview, config: LogConfig
) -> tuple[Buffer, RecordScan]:
    """Decompress a batch and scan every record; give the records uncompressed, and the verdict.

    They may expand to 16 times `max.message.bytes`, but to 1 MiB at least and 64 MiB at most;
    beyond that the refusal is MESSAGE_TOO_LARGE, upon which producers split the batch.
    """
    try:
        if header.attributes & _COMPRESSION == NONE:
            data: Buffer = batch[BATCH_HEADER_BYTES:]
        else:
            expanded_max = max(_EXPANSION_FACTOR * config.max_message_bytes, _EXPANSION_MIN)
            data = uncompressed_records(header, batch, min(expanded_max, EXPANSION_MAX))
        scan = scan_records(data, header.records_count, header.base_timestamp)
    except ExpansionError as error:
        raise KafkaError(ErrorCode.MESSAGE_TOO_LARGE, str(error)) from None
    except ProtocolError as error:
        raise KafkaError(ErrorCode.INVALID_RECORD, str(error)) from None
    if header.attributes & _APPEND_TIME:
        stamped = header.max_timestamp  # is then every record's
        scan = scan._replace(min_timestamp=stamped, max_timestamp=stamped)
    return data, scan


def check_records(
    header: BatchHeader, data: Buffer, scan: RecordScan, config: LogConfig, now_ms: int
) -> None:
    """Raise RecordErrors when the summary of the records says that some are at fault.

    A producer that says LogAppendTime is refused where the topic has it, and believed where the
    topic has CreateTime, as in Kafka. Offset deltas are not judged here: they are put right.
    """
    timestamps_wrong = header.attributes & _APPEND_TIME or (
        config.message_timestamp_type == CREATE_TIME
        and (
            scan.max_timestamp > now_ms + config.message_timestamp_after_max_ms
            or scan.min_timestamp < now_ms - config.message_timestamp_before_max_ms
        )
    )
    keys_wrong = config.is_compacted and scan.first_keyless >= 0
    if timestamps_wrong or keys_wrong:
        _find_record_errors(header, data, config, now_ms)


def _find_record_errors(header: BatchHeader, data: Buffer, config: LogConfig, now_ms: int) -> None:
    errors: list[tuple[int, str]] = []
    code = ErrorCode.INVALID_RECORD
    appended = header.timestamp_type == LOG_APPEND_TIME
    for index, fields in enumerate(walk_records(data, header.records_count)):
        timestamp = to_int64(header.base_timestamp + fields.timestamp_delta)
        if appended:
            timestamp = header.max_timestamp
        if config.is_compacted and not fields.has_key:
            errors.append((index, "a record of a compacted topic must have a key"))
        elif config.message_timestamp_type == CREATE_TIME and timestamp != NO_TIMESTAMP:
            earliest = now_ms - config.message_timestamp_before_max_ms
            latest = now_ms + config.message_timestamp_after_max_ms
            if not earliest <= timestamp <= latest:
                errors.append((index, f"timestamp {timestamp} is not in [{earliest}, {latest}]"))
                code = ErrorCode.INVALID_TIMESTAMP
        elif appended:
            errors.append((index, "a producer must not set the timestamp type to LogAppendTime"))
            code = ErrorCode.INVALID_TIMESTAMP
    if errors:
        told = "; ".join(f"record {index}: {why}" for index, why in errors[:_RECORD_ERRORS_TOLD])
        raise RecordErrors(code, f"{len(errors)} records are refused: {told}", tuple(errors))
