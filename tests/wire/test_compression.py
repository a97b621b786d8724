"""The codecs: what other writers wrote is read, and nothing expands beyond its bound."""

from __future__ import annotations

import contextlib
import gzip
import resource
import struct
import sys
import time
import zlib

import cramjam
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pykbroker.errors import ProtocolError
from pykbroker.wire.compression import (
    GZIP,
    LZ4,
    NONE,
    SNAPPY,
    ZSTD,
    ExpansionError,
    compress,
    decompress,
)

CODECS = [NONE, GZIP, SNAPPY, LZ4, ZSTD]
COMPRESSING = CODECS[1:]
TEXT = b"".join(b"record %d of a batch" % number for number in range(20_000))
XERIAL = b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01"


@pytest.mark.parametrize("codec", CODECS)
@settings(deadline=None)
@given(st.binary(max_size=500), st.integers(1, 300))
def test_what_is_compressed_is_decompressed(codec: int, seed: bytes, times: int) -> None:
    data = seed * times

    assert decompress(codec, compress(codec, data), len(data)) == data


@pytest.mark.parametrize("codec", COMPRESSING)
def test_a_view_is_as_good_as_bytes(codec: int) -> None:
    compressed = memoryview(bytearray(compress(codec, memoryview(TEXT))))

    assert decompress(codec, compressed, len(TEXT)) == TEXT
    assert len(compressed) < len(TEXT) / 2


@pytest.mark.parametrize(
    ("codec", "level"), [(GZIP, 1), (GZIP, 9), (GZIP, -1), (LZ4, 1), (LZ4, 12), (ZSTD, 19)]
)
def test_a_level_may_be_given(codec: int, level: int) -> None:
    assert decompress(codec, compress(codec, TEXT, level), len(TEXT)) == TEXT


def test_other_readers_read_what_is_written() -> None:
    assert gzip.decompress(compress(GZIP, TEXT)) == TEXT
    assert pytest.importorskip("lz4.frame").decompress(compress(LZ4, TEXT)) == TEXT
    assert (
        pytest.importorskip("zstandard")
        .ZstdDecompressor()
        .decompressobj()
        .decompress(compress(ZSTD, TEXT))
        == TEXT
    )


def test_snappy_is_written_as_java_writes_it() -> None:
    data = bytes(range(256)) * 200

    written = compress(SNAPPY, data)

    first = bytes(cramjam.snappy.compress_raw(data[:32_768]))
    second = bytes(cramjam.snappy.compress_raw(data[32_768:]))
    assert written == XERIAL + b"".join(
        (struct.pack(">i", len(first)), first, struct.pack(">i", len(second)), second)
    )


def test_snappy_without_framing_is_read_as_librdkafka_writes_it() -> None:
    assert decompress(SNAPPY, bytes(cramjam.snappy.compress_raw(TEXT)), len(TEXT)) == TEXT


def test_lz4_is_written_in_independent_blocks_for_java() -> None:
    assert compress(LZ4, TEXT)[4] & 0x20


@pytest.mark.parametrize("block_size", [4, 5, 6, 7])
@pytest.mark.parametrize("checksums", [False, True])
def test_lz4_frames_of_other_writers_are_read(block_size: int, checksums: bool) -> None:
    frame = pytest.importorskip("lz4.frame").compress(
        TEXT,
        block_size=block_size,
        block_linked=False,
        block_checksum=checksums,
        content_checksum=checksums,
        store_size=checksums,
    )

    assert decompress(LZ4, frame, len(TEXT)) == TEXT


def test_linked_lz4_blocks_are_refused_as_java_refuses_them() -> None:
    with pytest.raises(ProtocolError, match="linked"):
        decompress(
            LZ4, pytest.importorskip("lz4.frame").compress(TEXT, block_linked=True), len(TEXT)
        )


@pytest.mark.parametrize("content_size", [False, True])
@pytest.mark.parametrize("checksum", [False, True])
def test_zstd_frames_of_other_writers_are_read(content_size: bool, checksum: bool) -> None:
    compressor = pytest.importorskip("zstandard").ZstdCompressor(
        write_content_size=content_size, write_checksum=checksum
    )

    for data in (b"", b"x", bytes(300_000), TEXT):
        frame = compressor.compress(data)
        assert decompress(ZSTD, frame, len(data)) == data
        assert decompress(ZSTD, frame + frame, 2 * len(data)) == data + data


def test_streamed_zstd_with_skippable_frames_is_read() -> None:
    stream = pytest.importorskip("zstandard").ZstdCompressor().compressobj()
    frame = stream.compress(TEXT) + stream.flush()
    skippable = struct.pack("<II", 0x184D2A53, 3) + b"abc"

    assert decompress(ZSTD, skippable + frame, len(TEXT)) == TEXT


def test_gzip_members_follow_each_other() -> None:
    assert decompress(GZIP, gzip.compress(b"one") + gzip.compress(b"two"), 6) == b"onetwo"


@pytest.mark.parametrize("codec", CODECS)
def test_the_bound_is_inclusive(codec: int) -> None:
    compressed = compress(codec, TEXT)

    assert decompress(codec, compressed, len(TEXT)) == TEXT
    with pytest.raises(ExpansionError):
        decompress(codec, compressed, len(TEXT) - 1)
    with pytest.raises(ExpansionError):
        decompress(codec, compressed, 0)


@pytest.mark.parametrize("codec", COMPRESSING)
def test_a_bomb_costs_no_more_memory_than_its_bound(codec: int) -> None:
    bomb = compress(codec, bytes(64 << 20))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    with pytest.raises(ExpansionError):
        decompress(codec, bomb, 1 << 20)

    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < (8 << 20) / (1 if sys.platform == "darwin" else 1024)


def test_a_claimed_size_is_not_believed() -> None:
    four_gib = b"\xff\xff\xff\xff\x0f"

    with pytest.raises(ProtocolError, match="says it expands"):
        decompress(SNAPPY, four_gib + b"\0" * 10, 1 << 30)
    with pytest.raises(ProtocolError, match="says it has"):
        decompress(SNAPPY, XERIAL + struct.pack(">i", 1 << 30) + b"\0" * 10, 1 << 30)
    with pytest.raises(ProtocolError, match="says it has"):
        decompress(SNAPPY, XERIAL + struct.pack(">i", 0), 1 << 30)
    with pytest.raises(ProtocolError, match="lz4 block says"):
        decompress(LZ4, compress(LZ4, b"x" * 99)[:7] + b"\xff\xff\xff\x7f" + b"\0" * 20, 1 << 30)
    with pytest.raises(ProtocolError):
        decompress(ZSTD, struct.pack("<IBQ", 0xFD2FB528, 0xE0, 1 << 62) + b"\x01\0\0", 1 << 30)


@pytest.mark.parametrize("length", range(16))
@pytest.mark.parametrize("codec", COMPRESSING)
def test_data_cut_anywhere_near_its_start_is_broken(codec: int, length: int) -> None:
    with pytest.raises(ProtocolError):
        decompress(codec, compress(codec, b"abcdefgh" * 5)[:length], 1 << 20)


@pytest.mark.parametrize("codec", COMPRESSING)
def test_data_cut_at_its_end_is_broken(codec: int) -> None:
    with pytest.raises(ProtocolError):
        decompress(codec, compress(codec, TEXT)[:-1], 1 << 20)


@pytest.mark.parametrize("codec", [GZIP, LZ4, ZSTD])
def test_what_follows_the_end_is_broken(codec: int) -> None:
    with pytest.raises(ProtocolError):
        decompress(codec, compress(codec, TEXT) + b"garbage!", 1 << 20)


@pytest.mark.parametrize(
    "frame",
    [
        b"\x04\x22\x4d\x18\x60\x30\x00\0\0\0\0",  # a block size of no table
        b"\x04\x22\x4d\x18\x61\x40\x00\0\0\0\0",  # a reserved flag
        b"\x04\x22\x4d\x18\xa0\x40\x00\0\0\0\0",  # another version
        b"\x05\x22\x4d\x18\x60\x40\x82\0\0\0\0",  # another magic
    ],
)
def test_lz4_frames_that_java_does_not_know_are_broken(frame: bytes) -> None:
    with pytest.raises(ProtocolError):
        decompress(LZ4, frame, 100)


def test_a_zstd_block_of_no_type_is_broken() -> None:
    with pytest.raises(ProtocolError, match="block"):
        decompress(ZSTD, b"\x28\xb5\x2f\xfd\x20\x01\x0f\0\0!", 100)


def test_an_unknown_codec_is_refused() -> None:
    with pytest.raises(ProtocolError):
        decompress(5, b"", 10)
    with pytest.raises(ValueError, match="number 5"):
        compress(5, b"")


@pytest.mark.parametrize("codec", COMPRESSING)
@settings(deadline=None)
@given(st.data())
def test_mutated_data_is_read_or_broken_but_nothing_else(codec: int, data: st.DataObject) -> None:
    compressed = bytearray(compress(codec, TEXT[:2000]))
    for position in data.draw(st.lists(st.integers(0, len(compressed) - 1), max_size=4)):
        compressed[position] = data.draw(st.integers(0, 255))

    with contextlib.suppress(ProtocolError):
        decompress(codec, compressed, 1 << 20)


def test_fifteen_bytes_of_snappy_come_to_an_end() -> None:
    with pytest.raises(ProtocolError):
        decompress(SNAPPY, XERIAL[:15], 1 << 20)
    with pytest.raises(ProtocolError):
        decompress(SNAPPY, b"\xff\x06\0\0sNaPpY" + b"\0" * 5, 1 << 20)


def test_many_gzip_members_take_time_in_proportion_to_their_bytes() -> None:
    member = gzip.compress(b"", mtime=0)

    def shortest(members: int) -> float:
        data, times = member * members, []
        for _ in range(3):
            start = time.thread_time()
            decompress(GZIP, data, 0)
            times.append(time.thread_time() - start)
        return min(times)

    assert shortest(20_000) < 12 * shortest(4_000)  # 5 when linear, 25 when quadratic


def test_a_raw_deflate_stream_is_no_gzip() -> None:
    with pytest.raises(ProtocolError):
        decompress(GZIP, zlib.compress(TEXT), 1 << 20)
