"""Record batches, magic 2: the 61-byte header, CRC-32C, lazy record iteration, building.

A batch is bytes that stay where they are: the append and fetch paths read its header and patch a
few fields of it; only `iterate_records` looks at records. Follows Kafka's DefaultRecordBatch and
DefaultRecord.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from crc32c import crc32c

from pykbroker.errors import ProtocolError
from pykbroker.wire.compression import NONE, compress, decompress

Buffer = bytes | bytearray | memoryview
Headers = tuple[tuple[str, bytes | None], ...]
NewRecord = tuple[int, bytes | None, bytes | None, Headers]
"""What `build_batch` takes: timestamp in ms, key, value, headers."""

BATCH_HEADER_BYTES = 61
LOG_OVERHEAD_BYTES = 12
"""Base offset and batch length: the part that the batch length does not count."""
MAGIC = 2
NO_TIMESTAMP = -1
CREATE_TIME, LOG_APPEND_TIME = 0, 1

_HEADER = struct.Struct(">qiibIhiqqqhii")
_CRC_START = 21
_COMPRESSION, _APPEND_TIME, _TRANSACTIONAL, _CONTROL, _DELETE_HORIZON = 0x07, 0x08, 0x10, 0x20, 0x40
_UNCOMPRESSED_MAX = 64 << 20
_NAME_ERRORS = "surrogateescape"
"""Kafka never looks whether the name of a header is UTF-8, so any bytes must survive."""


class BatchHeader(NamedTuple):
    """The header of one batch, as stored. Offsets are absolute, timestamps in ms."""

    base_offset: int
    batch_length: int
    partition_leader_epoch: int
    magic: int
    crc: int
    attributes: int
    last_offset_delta: int
    base_timestamp: int
    max_timestamp: int
    producer_id: int
    producer_epoch: int
    base_sequence: int
    records_count: int

    @property
    def size_bytes(self) -> int:
        """The whole batch, header included."""
        return self.batch_length + LOG_OVERHEAD_BYTES

    @property
    def last_offset(self) -> int:
        """The offset of the last record (inclusive)."""
        return self.base_offset + self.last_offset_delta

    @property
    def next_offset(self) -> int:
        """The first offset after this batch (exclusive end)."""
        return self.base_offset + self.last_offset_delta + 1

    @property
    def last_sequence(self) -> int:
        """The sequence number of the last record, wrapping to 0 after 2³¹-1; -1 without one."""
        if self.base_sequence == -1:
            return -1
        return (self.base_sequence + self.last_offset_delta) & 0x7FFF_FFFF

    @property
    def compression(self) -> int:
        """The codec of the records, 0 to 7; `wire.compression` knows 0 to 4."""
        return self.attributes & _COMPRESSION

    @property
    def timestamp_type(self) -> int:
        """CREATE_TIME, or LOG_APPEND_TIME: then every record has `max_timestamp`."""
        return (self.attributes & _APPEND_TIME) >> 3

    @property
    def is_transactional(self) -> bool:
        """Whether the records belong to a transaction (KIP-98)."""
        return bool(self.attributes & _TRANSACTIONAL)

    @property
    def is_control(self) -> bool:
        """Whether the batch holds a marker, which consumers skip (KIP-98)."""
        return bool(self.attributes & _CONTROL)

    @property
    def delete_horizon(self) -> int | None:
        """When the cleaner may drop tombstones of this batch, in ms (KIP-534), if decided."""
        return self.base_timestamp if self.attributes & _DELETE_HORIZON else None


class Record(NamedTuple):
    """One record, its offset and timestamp absolute."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers


def parse_batch_header(data: Buffer, position: int = 0) -> BatchHeader:
    """Read the header of the batch at `position`, without judging it.

    Raises ProtocolError when fewer than 61 bytes are left.
    """
    try:
        # As BatchHeader._make, but without its check of a length that the struct determines.
        return tuple.__new__(BatchHeader, _HEADER.unpack_from(data, position))
    except struct.error:
        raise ProtocolError("a record batch is cut inside its header") from None


def crc_of(batch: Buffer) -> int:
    """Compute the CRC-32C of exactly one batch: everything from its attributes on."""
    return crc32c(memoryview(batch)[_CRC_START:])


def patch(batch: memoryview | bytearray, base_offset: int, leader_epoch: int) -> None:
    """Write base offset and leader epoch into a batch in place; the CRC does not cover them."""
    _BASE_OFFSET.pack_into(batch, 0, base_offset)
    _LEADER_EPOCH.pack_into(batch, 12, leader_epoch)


_BASE_OFFSET = struct.Struct(">q")
_LEADER_EPOCH = struct.Struct(">i")


def patch_timestamp(batch: memoryview | bytearray, max_timestamp: int, timestamp_type: int) -> int:
    """Write largest timestamp and timestamp type in place, and return the new CRC, also written."""
    attributes = (_ATTRIBUTES.unpack_from(batch, 21)[0] & ~_APPEND_TIME) | timestamp_type << 3
    _ATTRIBUTES.pack_into(batch, 21, attributes)
    _MAX_TIMESTAMP.pack_into(batch, 35, max_timestamp)
    crc = crc_of(batch)
    _CRC.pack_into(batch, 17, crc)
    return crc


_ATTRIBUTES = struct.Struct(">h")
_MAX_TIMESTAMP = struct.Struct(">q")
_CRC = struct.Struct(">I")


def read_varint(data: Buffer, position: int) -> tuple[int, int]:
    """Read a zig-zag varint of at most 5 bytes as 32 bits: (value, next position).

    Raises IndexError at the end of the data and ProtocolError when it does not end; surplus high
    bits are dropped, as ByteUtils.readVarint does.
    """
    byte = data[position]
    if byte < 0x80:
        return (byte >> 1) ^ -(byte & 1), position + 1
    raw, shift = byte & 0x7F, 7
    for at in range(position + 1, position + 5):
        byte = data[at]
        raw |= (byte & 0x7F) << shift
        if byte < 0x80:
            raw &= 0xFFFF_FFFF
            return (raw >> 1) ^ -(raw & 1), at + 1
        shift += 7
    raise ProtocolError("a varint has more than 5 bytes")


def read_varlong(data: Buffer, position: int) -> tuple[int, int]:
    """Read a zig-zag varint of at most 10 bytes as 64 bits; otherwise as `read_varint`."""
    byte = data[position]
    if byte < 0x80:
        return (byte >> 1) ^ -(byte & 1), position + 1
    raw, shift = byte & 0x7F, 7
    for at in range(position + 1, position + 10):
        byte = data[at]
        raw |= (byte & 0x7F) << shift
        if byte < 0x80:
            raw &= 0xFFFF_FFFF_FFFF_FFFF
            return (raw >> 1) ^ -(raw & 1), at + 1
        shift += 7
    raise ProtocolError("a varlong has more than 10 bytes")


def encode_varint(value: int) -> bytes:
    """Encode a signed value of up to 64 bits as a zig-zag varint."""
    raw = value << 1 if value >= 0 else ~(value << 1)
    if raw < 0x80:
        return _ONE_BYTE[raw]
    encoded = bytearray()
    while raw >= 0x80:
        encoded.append(raw & 0x7F | 0x80)
        raw >>= 7
    encoded.append(raw)
    return bytes(encoded)


_ONE_BYTE = tuple(bytes((value,)) for value in range(0x80))
_NULL = encode_varint(-1)


def to_int64(value: int) -> int:
    """Wrap a sum as Java's long does."""
    return (value + 0x8000_0000_0000_0000 & 0xFFFF_FFFF_FFFF_FFFF) - 0x8000_0000_0000_0000


def iterate_records(batch: Buffer, max_bytes: int = _UNCOMPRESSED_MAX) -> Iterator[Record]:
    """Yield the records of exactly one batch, decompressing at most `max_bytes`.

    Keys and values are copies. Raises ProtocolError when anything is malformed (also in the middle
    of the iteration), ExpansionError when the records are larger than `max_bytes`.
    """
    header = parse_batch_header(batch)
    if header.magic != MAGIC:
        raise ProtocolError(f"a record batch has magic {header.magic}, only 2 is known")
    if header.size_bytes != len(batch):
        raise ProtocolError(f"a record batch of {len(batch)} bytes says {header.size_bytes}")
    data = bytes(uncompressed_records(header, batch, max_bytes))
    append_time = header.max_timestamp if header.attributes & _APPEND_TIME else None
    position = 0
    for _ in range(header.records_count):
        try:
            record, position = _parse_record(data, position, header, append_time)
        except IndexError:
            raise ProtocolError("a record is malformed") from None
        yield record
    if position != len(data):
        raise ProtocolError(f"{len(data) - position} bytes follow the last record of a batch")


def uncompressed_records(header: BatchHeader, batch: Buffer, max_bytes: int) -> Buffer:
    """Return what follows the header, decompressed: a view of the batch when it was not compressed.

    Raises as `compression.decompress`.
    """
    data = memoryview(batch)[BATCH_HEADER_BYTES:]
    codec = header.attributes & _COMPRESSION
    return data if codec == NONE else decompress(codec, data, max_bytes)


def _parse_record(
    data: bytes, position: int, header: BatchHeader, append_time: int | None
) -> tuple[Record, int]:
    length, position = read_varint(data, position)
    end = position + length
    if length < 0 or end > len(data):
        raise ProtocolError(f"a record says it has {length} bytes")
    timestamp_delta, position = read_varlong(data, position + 1)
    offset_delta, position = read_varint(data, position)
    key, position = _read_bytes(data, position, end)
    value, position = _read_bytes(data, position, end)
    headers_count, position = read_varint(data, position)
    if headers_count < 0 or headers_count > end - position:
        raise ProtocolError(f"a record says it has {headers_count} headers")
    headers: list[tuple[str, bytes | None]] = []
    for _ in range(headers_count):
        name, position = _read_bytes(data, position, end)
        if name is None:
            raise ProtocolError("a record header has no name")
        header_value, position = _read_bytes(data, position, end)
        headers.append((name.decode(errors=_NAME_ERRORS), header_value))
    if position != end:
        raise ProtocolError(f"a record of {length} bytes ends {position - end} bytes off")
    timestamp = append_time
    if timestamp is None:
        timestamp = to_int64(header.base_timestamp + timestamp_delta)
    return Record(header.base_offset + offset_delta, timestamp, key, value, tuple(headers)), end


def _read_bytes(data: bytes, position: int, end: int) -> tuple[bytes | None, int]:
    length, position = read_varint(data, position)
    if length < 0:
        return None, position
    if length > end - position:
        raise ProtocolError(f"a field of a record says it has {length} bytes")
    return data[position : position + length], position + length


def build_batch(
    records: Iterable[NewRecord],
    *,
    base_offset: int = 0,
    leader_epoch: int = -1,
    codec: int = NONE,
    level: int | None = None,
    producer_id: int = -1,
    producer_epoch: int = -1,
    base_sequence: int = -1,
    transactional: bool = False,
    control: bool = False,
    timestamp_type: int = CREATE_TIME,
) -> bytes:
    """Build one batch of (timestamp, key, value, headers), byte for byte as Kafka's builder does.

    The base timestamp is the first record's, offsets run from `base_offset`. With LOG_APPEND_TIME
    the largest timestamp given is the append time. Raises ValueError without any record.
    """
    rows = list(records)
    if not rows:
        raise ValueError("a record batch has at least one record")
    base_timestamp = rows[0][0]
    payload = b"".join(
        _encode_record(row, to_int64(row[0] - base_timestamp), offset_delta)
        for offset_delta, row in enumerate(rows)
    )
    attributes = codec | timestamp_type << 3
    attributes |= (_TRANSACTIONAL if transactional else 0) | (_CONTROL if control else 0)
    return assemble(
        BatchHeader(
            base_offset=base_offset,
            batch_length=0,
            partition_leader_epoch=leader_epoch,
            magic=MAGIC,
            crc=0,
            attributes=attributes,
            last_offset_delta=len(rows) - 1,
            base_timestamp=base_timestamp,
            max_timestamp=max(row[0] for row in rows),
            producer_id=producer_id,
            producer_epoch=producer_epoch,
            base_sequence=base_sequence,
            records_count=len(rows),
        ),
        compress(codec, payload, level),
    )


def assemble(header: BatchHeader, payload: Buffer) -> bytes:
    """Join a header and its (compressed) records, setting batch length and CRC."""
    length = BATCH_HEADER_BYTES - LOG_OVERHEAD_BYTES + len(payload)
    batch = bytearray(_HEADER.pack(*header._replace(batch_length=length, crc=0)))
    batch += payload
    _CRC.pack_into(batch, 17, crc_of(batch))
    return bytes(batch)


def _encode_record(record: NewRecord, timestamp_delta: int, offset_delta: int) -> bytes:
    _, key, value, headers = record
    parts = [
        b"\0",
        encode_varint(timestamp_delta),
        encode_varint(offset_delta),
        _encode_bytes(key),
        _encode_bytes(value),
        encode_varint(len(headers)),
    ]
    for name, header_value in headers:
        parts += (_encode_bytes(name.encode(errors=_NAME_ERRORS)), _encode_bytes(header_value))
    body = b"".join(parts)
    return encode_varint(len(body)) + body


def _encode_bytes(value: bytes | None) -> bytes:
    return _NULL if value is None else encode_varint(len(value)) + value
