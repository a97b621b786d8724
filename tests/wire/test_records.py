"""Record batches: the header, CRC, iteration, and building as other clients build."""

from __future__ import annotations

import importlib
import struct
import warnings
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pykbroker.errors import ProtocolError
from pykbroker.wire.compression import GZIP, LZ4, NONE, SNAPPY, ZSTD, ExpansionError
from pykbroker.wire.records import (
    BATCH_HEADER_BYTES,
    BatchHeader,
    NewRecord,
    Record,
    build_batch,
    crc_of,
    encode_varint,
    iterate_records,
    parse_batch_header,
    patch,
    patch_timestamp,
    read_varint,
    read_varlong,
    to_int64,
)

NOW = 1_700_000_000_000
ROWS: list[NewRecord] = [
    (NOW, b"key", b"value", ()),
    (NOW + 7, None, b"x" * 300, (("trace", b"1234"), ("empty", None))),
    (NOW - 70_000, b"", None, ()),
    (NOW + 9_000, b"k" * 70, b"", (("", b""),)),
]

timestamps = st.integers(-1, 2**53)
headers = st.lists(st.tuples(st.text(max_size=5), st.none() | st.binary(max_size=5)), max_size=3)
rows = st.lists(
    st.tuples(
        timestamps,
        st.none() | st.binary(max_size=9),
        st.none() | st.binary(max_size=200),
        headers.map(tuple),
    ),
    min_size=1,
    max_size=80,
)


def builder_of(package: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            module = importlib.import_module(f"{package}.record.default_records")
        except ImportError:
            pytest.skip(f"{package} is not installed")
    return module.DefaultRecordBatchBuilder


def built_by_kafka_python(records: list[NewRecord], codec: int = NONE) -> bytes:
    builder = builder_of("kafka")(2, codec, False, 12, 3, 40, 1 << 20)
    for offset, (timestamp, key, value, some) in enumerate(records):
        assert builder.append(offset, timestamp, key, value, list(some))
    return bytes(builder.build())


def built_by_aiokafka(records: list[NewRecord], codec: int = NONE) -> bytes:
    builder = builder_of("aiokafka")(2, codec, 0, -1, -1, -1, 1 << 20)
    for offset, (timestamp, key, value, some) in enumerate(records):
        assert builder.append(offset, timestamp, key, value, list(some))
    return bytes(builder.build())


def as_records(records: list[NewRecord], base_offset: int = 0) -> list[Record]:
    return [Record(base_offset + index, *row) for index, row in enumerate(records)]


def test_a_batch_is_byte_for_byte_that_of_kafka_python() -> None:
    batch = build_batch(ROWS, leader_epoch=-1, producer_id=12, producer_epoch=3, base_sequence=40)

    theirs = bytearray(built_by_kafka_python(ROWS))
    struct.pack_into(">i", theirs, 12, -1)  # kafka-python leaves 0 as the leader epoch
    assert batch == bytes(theirs)


def test_a_batch_is_byte_for_byte_that_of_aiokafka() -> None:
    batch = build_batch(ROWS)

    theirs = bytearray(built_by_aiokafka(ROWS))
    struct.pack_into(">i", theirs, 12, -1)
    assert batch == bytes(theirs)


@pytest.mark.parametrize("codec", [NONE, GZIP, LZ4, ZSTD])
def test_batches_of_kafka_python_are_read_in_every_codec(codec: int) -> None:
    batch = built_by_kafka_python(ROWS * 50, codec)

    assert parse_batch_header(batch).compression == codec
    assert list(iterate_records(batch)) == as_records(ROWS * 50)


@pytest.mark.parametrize("codec", [NONE, GZIP, SNAPPY, LZ4, ZSTD])
def test_batches_of_aiokafka_are_read_in_every_codec(codec: int) -> None:
    batch = built_by_aiokafka(ROWS * 50, codec)

    assert parse_batch_header(batch).compression == codec
    assert list(iterate_records(batch)) == as_records(ROWS * 50)


def test_a_header_says_what_was_built() -> None:
    batch = build_batch(
        [(NOW, None, b"a", ()), (NOW + 5, None, b"b", ()), (NOW + 2, None, b"c", ())],
        base_offset=100,
        leader_epoch=7,
        codec=GZIP,
        producer_id=1 << 40,
        producer_epoch=2,
        base_sequence=2**31 - 2,
        transactional=True,
        control=True,
        timestamp_type=1,
    )

    header = parse_batch_header(b"???" + batch, 3)

    assert header == BatchHeader(
        base_offset=100,
        batch_length=len(batch) - 12,
        partition_leader_epoch=7,
        magic=2,
        crc=crc_of(batch),
        attributes=0b11_1001,
        last_offset_delta=2,
        base_timestamp=NOW,
        max_timestamp=NOW + 5,
        producer_id=1 << 40,
        producer_epoch=2,
        base_sequence=2**31 - 2,
        records_count=3,
    )
    assert (header.size_bytes, header.last_offset, header.next_offset) == (len(batch), 102, 103)
    assert header.last_sequence == 0  # 2³¹-2, 2³¹-1, 0
    assert (header.compression, header.timestamp_type) == (GZIP, 1)
    assert (header.is_transactional, header.is_control, header.delete_horizon) == (True, True, None)


def test_a_batch_without_a_producer_has_no_sequence_and_no_flags() -> None:
    header = parse_batch_header(build_batch(ROWS))

    assert header.last_sequence == -1
    assert (header.is_transactional, header.is_control, header.timestamp_type) == (False, False, 0)


def test_the_delete_horizon_is_kept_as_base_timestamp() -> None:
    header = parse_batch_header(build_batch(ROWS))

    assert header._replace(attributes=0x40).delete_horizon == NOW


@settings(deadline=None)
@given(rows, st.sampled_from([NONE, GZIP, SNAPPY, LZ4, ZSTD]), st.integers(0, 2**62))
def test_what_is_built_is_read_again(
    records: list[NewRecord], codec: int, base_offset: int
) -> None:
    batch = build_batch(records, codec=codec, base_offset=base_offset)

    assert list(iterate_records(memoryview(batch))) == as_records(records, base_offset)


def test_patching_moves_a_batch_without_touching_its_crc() -> None:
    batch = bytearray(build_batch(ROWS))

    patch(memoryview(batch), 12_345, 6)

    assert bytes(batch) == build_batch(ROWS, base_offset=12_345, leader_epoch=6)


def test_patching_the_timestamp_computes_the_crc_anew() -> None:
    batch = bytearray(build_batch(ROWS))

    crc = patch_timestamp(batch, NOW + 1, 1)

    header = parse_batch_header(batch)
    assert (header.crc, header.max_timestamp, header.timestamp_type) == (crc, NOW + 1, 1)
    assert crc_of(batch) == crc
    assert {record.timestamp for record in iterate_records(batch)} == {NOW + 1}
    assert patch_timestamp(batch, NOW + 9_000, 0) == parse_batch_header(build_batch(ROWS)).crc


def test_the_crc_is_crc_32c_of_everything_from_the_attributes_on() -> None:
    batch = bytearray(built_by_aiokafka(ROWS))
    before = crc_of(batch)
    assert before == parse_batch_header(batch).crc

    batch[20] ^= 1
    assert crc_of(batch) == before
    batch[21] ^= 1
    assert crc_of(batch) != before


def test_a_header_that_is_cut_off_is_refused() -> None:
    with pytest.raises(ProtocolError):
        parse_batch_header(build_batch(ROWS)[: BATCH_HEADER_BYTES - 1])


def test_a_batch_without_records_is_not_built() -> None:
    with pytest.raises(ValueError, match="at least one record"):
        build_batch([])


def test_timestamps_wrap_as_java_does() -> None:
    batch = bytearray(build_batch([(0, None, None, ()), (2**62, None, None, ())]))
    struct.pack_into(">q", batch, 27, 2**62)

    assert [record.timestamp for record in iterate_records(batch)] == [2**62, -(2**63)]
    assert (to_int64(2**63), to_int64(-(2**63) - 1), to_int64(-1)) == (-(2**63), 2**63 - 1, -1)


def a_batch_of(payload: bytes, count: int = 1) -> bytes:
    batch = bytearray(build_batch([(NOW, None, None, ())])[:BATCH_HEADER_BYTES] + payload)
    struct.pack_into(">i", batch, 8, len(batch) - 12)
    struct.pack_into(">i", batch, 57, count)
    return bytes(batch)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\x0c",
        b"\x01",  # a length of -1
        b"\x7f\x00",
        b"\x0e\0\0\0\x01\x01\0",  # a byte short
        b"\x0c\0\0\0\x01\x01\0!",  # a byte too many
        b"\x0e\0\0\0\x01\x01\0\0",  # the record is longer than its fields
        b"\x0c\0\0\0\x02\x01\0",  # the key goes into the value
        b"\x0c\0\0\0\xfe\xff\xff\xff\x0f",  # a key of 2³⁰ bytes
        b"\x0c\0\0\0\x01\x01\x01",  # -1 headers
        b"\x0c\0\0\0\x01\x01\x7e",  # 63 headers
        b"\x10\0\0\0\x01\x01\x02\x01\x01",  # a header without a name
        b"\x80\x80\x80\x80\x80\x00",  # an endless varint
        b"\x20\0" + b"\x80" * 10 + b"\0\0\0\0",  # an endless varlong
    ],
)
def test_malformed_records_are_a_broken_peer(payload: bytes) -> None:
    with pytest.raises(ProtocolError):
        list(iterate_records(a_batch_of(payload)))


def test_a_record_as_small_as_can_be_is_read() -> None:
    assert list(iterate_records(a_batch_of(b"\x0c\0\0\0\x01\x01\0"))) == [
        Record(0, NOW, None, None, ())
    ]


def test_the_name_of_a_header_may_be_any_bytes() -> None:
    payload = b"\x12\0\0\0\x01\x01\x02\x02\xff\x01"

    (record,) = iterate_records(a_batch_of(payload))

    assert record.headers == (("\udcff", None),)
    assert build_batch([record[1:]])[BATCH_HEADER_BYTES:] == payload


def test_only_magic_2_and_whole_batches_are_read() -> None:
    batch = build_batch(ROWS)

    with pytest.raises(ProtocolError, match="magic 1"):
        list(iterate_records(batch[:16] + b"\x01" + batch[17:]))
    with pytest.raises(ProtocolError, match="says"):
        list(iterate_records(batch + b"\0"))


def test_records_expand_no_further_than_asked() -> None:
    batch = build_batch([(NOW, None, bytes(100_000), ())], codec=ZSTD)

    with pytest.raises(ExpansionError):
        list(iterate_records(batch, max_bytes=99_999))
    assert len(list(iterate_records(batch, max_bytes=101_000))) == 1


@settings(deadline=None)
@given(st.integers(-(2**63), 2**63 - 1))
def test_varlongs_are_read_as_written(value: int) -> None:
    encoded = encode_varint(value)

    assert read_varlong(b"?" + encoded, 1) == (value, 1 + len(encoded))


@settings(deadline=None)
@given(st.integers(-(2**31), 2**31 - 1))
def test_varints_are_read_as_written(value: int) -> None:
    encoded = encode_varint(value)

    assert read_varint(encoded, 0) == (value, len(encoded))


def test_surplus_bits_of_a_varint_are_dropped_and_surplus_bytes_refused() -> None:
    assert read_varint(b"\xff\xff\xff\xff\x7f", 0) == (-(2**31), 5)
    assert read_varlong(b"\xff" * 9 + b"\x7f", 0) == (-(2**63), 10)
    assert read_varint(b"\x80\x00", 0) == (0, 2)
    with pytest.raises(ProtocolError):
        read_varint(b"\xff" * 5 + b"\0", 0)
    with pytest.raises(IndexError):
        read_varint(b"\xff", 0)
