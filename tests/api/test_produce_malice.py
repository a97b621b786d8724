"""Records made to exhaust their reader, through a real socket: refused at once, at little cost."""

from __future__ import annotations

import struct
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pykbroker.errors import ErrorCode
from pykbroker.wire.compression import GZIP, LZ4, NONE, SNAPPY, ZSTD, compress
from pykbroker.wire.records import assemble, iterate_records, parse_batch_header
from tests.api.requests import a_batch, create_topic, fetched, produce, produce_raw, refused
from tests.kafka_client import Client

MIB = 1 << 20
SECONDS_MAX = 1
GROWTH_MAX = 64 * MIB


@contextmanager
def bounded() -> Iterator[None]:
    """Check that what is done takes neither long nor much memory; the broker is in this process."""
    status = Path("/proc/self/status")
    if sys.platform == "linux":
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
        before = _memory(status, "VmRSS")
    began = time.monotonic()
    yield
    assert time.monotonic() - began < SECONDS_MAX
    if sys.platform == "linux":
        assert _memory(status, "VmHWM") - before < GROWTH_MAX


def _memory(status: Path, name: str) -> int:
    line = next(line for line in status.read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) * 1024


def varint(value: int) -> bytes:
    """Write a number as Kafka's records have it."""
    rest = (value << 1 ^ value >> 31) & 0xFFFF_FFFF
    out = bytearray()
    while rest > 0x7F:
        out.append(rest & 0x7F | 0x80)
        rest >>= 7
    out.append(rest)
    return bytes(out)


def a_batch_of(payload: bytes, codec: int) -> bytes:
    """A batch of one record, so it says, whose compressed records are `payload`."""
    return assemble(parse_batch_header(a_batch())._replace(attributes=codec), payload)


def a_record(*fields: bytes, length: int | None = None) -> bytes:
    """A record: attributes, timestamp and offset delta, and what is given."""
    body = b"\0\0\0" + b"".join(fields)
    return varint(len(body) if length is None else length) + body


KEY, VALUE = varint(1) + b"k", varint(1) + b"v"
MALFORMED = {
    "key length 2^30": a_record(varint(1 << 30), b"k", VALUE, varint(0)),
    "key length -2": a_record(varint(-2), b"k", VALUE, varint(0)),
    "value length 2^30": a_record(KEY, varint(1 << 30), b"v", varint(0)),
    "value length -2": a_record(KEY, varint(-2), b"v", varint(0)),
    "10^6 headers": a_record(KEY, VALUE, varint(10**6)),
    "2^31-1 headers": a_record(KEY, VALUE, varint(2**31 - 1)),
    "-1 headers": a_record(KEY, VALUE, varint(-1)),
    "header key length -1": a_record(KEY, VALUE, varint(1), varint(-1), varint(0)),
    "header value length 2^30": a_record(KEY, VALUE, varint(1), KEY, varint(1 << 30)),
    "length -1": a_record(KEY, VALUE, varint(0), length=-1),
    "length 2^30": a_record(KEY, VALUE, varint(0), length=1 << 30),
    "length too short": a_record(KEY, VALUE, varint(0), length=7),
    "length too long": a_record(KEY, VALUE, varint(0), length=9),
    "endless varint": b"\xff" * 20,
    "nothing": b"",
}


@pytest.mark.row(53)
@pytest.mark.bad_input(24)
@pytest.mark.parametrize("codec", [NONE, GZIP, ZSTD])
@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_record_is_refused_whatever_it_claims(
    client: Client, topic: str, name: str, codec: int
) -> None:
    create_topic(client, topic)
    batch = a_batch_of(compress(codec, MALFORMED[name]), codec)

    with bounded():
        assert refused(client, topic, batch) is ErrorCode.INVALID_RECORD
    assert produce(client, topic) == 0


@pytest.mark.row(53)
def test_a_negative_length_stands_for_null_as_in_kafka(client: Client, topic: str) -> None:
    create_topic(client, topic)
    batch = a_batch_of(a_record(varint(-2), varint(-3), varint(0)), NONE)

    assert produce_raw(client, topic, batch).error_code == ErrorCode.NONE

    (record,) = iterate_records(fetched(client, topic))
    assert (record.key, record.value) == (None, None)


def gzip_bomb() -> bytes:
    """60 members that expand from 16 KiB to 16 MiB each."""
    return compress(GZIP, bytes(16 * MIB)) * 60


def zstd_bomb() -> bytes:
    """A frame of a mebibyte: blocks of 4 bytes that stand for 128 KiB each, 32 GiB in all."""
    repeat_128_kib = (128 << 10) << 3 | 1 << 1
    block = struct.pack("<I", repeat_128_kib)[:3] + b"\0"
    last = struct.pack("<I", repeat_128_kib | 1)[:3] + b"\0"
    return b"\x28\xb5\x2f\xfd\x00\x38" + block * ((MIB - 200) // 4) + last


def snappy_claim() -> bytes:
    """Raw snappy that says it becomes 4 GiB."""
    return b"\xff\xff\xff\xff\x0f" + b"\x00v"


def snappy_bomb() -> bytes:
    """Xerial chunks which all expand as far as snappy can, 21 times."""
    chunk = compress(SNAPPY, bytes(32 << 10))[16:]
    return compress(SNAPPY, b"")[:16] + chunk * (900_000 // len(chunk))


def snappy_loop() -> bytes:
    """A xerial header and chunks that are empty, so that reading them gets nowhere."""
    return compress(SNAPPY, b"")[:16] + bytes(4) * 200_000


def lz4_bomb() -> bytes:
    """Blocks that expand 255 times."""
    return compress(LZ4, bytes(200 * MIB))[: 1_000 << 10]


def lz4_lie() -> bytes:
    """A frame whose block is said to have 2 GiB."""
    frame = bytearray(compress(LZ4, b"v" * 100))
    frame[7:11] = struct.pack("<I", 0x7FFF_FFFF)
    return bytes(frame)


BOMBS = {
    "gzip": (GZIP, gzip_bomb),
    "zstd": (ZSTD, zstd_bomb),
    "snappy, claimed": (SNAPPY, snappy_claim),
    "snappy": (SNAPPY, snappy_bomb),
    "snappy, empty chunks": (SNAPPY, snappy_loop),
    "lz4": (LZ4, lz4_bomb),
    "lz4, claimed": (LZ4, lz4_lie),
}


@pytest.mark.bad_input(25)
@pytest.mark.parametrize("name", BOMBS)
def test_a_compression_bomb_is_refused_at_once(client: Client, topic: str, name: str) -> None:
    create_topic(client, topic)
    codec, made = BOMBS[name]
    batch = a_batch_of(made(), codec)
    assert len(batch) <= MIB

    with bounded():
        code = refused(client, topic, batch)

    assert code in (ErrorCode.INVALID_RECORD, ErrorCode.MESSAGE_TOO_LARGE)
    assert produce(client, topic) == 0
