"""What a log is read by: offsets, sizes and timestamps."""

from __future__ import annotations

import gc
import tracemalloc
from pathlib import Path

import pytest

from pykbroker.errors import ErrorCode, KafkaError
from pykbroker.storage.append import Origin
from pykbroker.storage.fs import OsFileSystem
from pykbroker.storage.memory_fs import MemoryFileSystem
from pykbroker.wire.records import build_batch
from tests.storage.logs import (
    NOW_MS,
    a_batch,
    a_log,
    append,
    offsets_in,
    read,
    replicate,
)


@pytest.fixture
def fs() -> MemoryFileSystem:
    return MemoryFileSystem()


def test_a_read_ends_with_its_segment_and_goes_on_in_the_next(fs: MemoryFileSystem) -> None:
    log = a_log(fs)
    append(log, 3)
    log.roll(NOW_MS)
    append(log, 2)

    assert offsets_in(read(log, 1)) == [(0, 2)]
    assert offsets_in(read(log, 3)) == [(3, 4)]
    assert read(log, 5) is None


def test_a_gap_at_the_end_of_a_segment_is_read_over(fs: MemoryFileSystem) -> None:
    log = a_log(fs)
    replicate(log, a_batch(base_offset=0))
    log.roll(NOW_MS)
    replicate(log, a_batch(base_offset=10))

    for offset in (1, 5, 10):
        assert offsets_in(read(log, offset)) == [(10, 10)]


def test_a_batch_larger_than_asked_for_comes_only_when_one_must(fs: MemoryFileSystem) -> None:
    log = a_log(fs)
    size = len(append(log))
    append(log)

    assert read(log, 0, max_bytes=size - 1, at_least_one=False) is None
    assert offsets_in(read(log, 0, max_bytes=size - 1)) == [(0, 0)]
    assert offsets_in(read(log, 1, max_bytes=0)) == [(1, 1)]
    assert offsets_in(read(log, 0, max_bytes=size, at_least_one=False)) == [(0, 0)]
    assert offsets_in(read(log, 0, max_bytes=2 * size - 1)) == [(0, 0)]


def test_a_slice_on_disk_survives_truncation_of_nothing_but_deletion(tmp_path: Path) -> None:
    log = a_log(fs := OsFileSystem(), f"{tmp_path.as_posix()}/topic-0")
    written = append(log, 3)
    part = read(log, 0)
    assert part is not None

    log.close_files()
    fs.remove_tree(log.directory)

    assert part.read() == written
    assert not (tmp_path / "topic-0").exists()
    del part
    gc.collect()


def test_a_compressed_batch_is_opened_to_find_a_timestamp(fs: MemoryFileSystem) -> None:
    log = a_log(fs)
    append(log, 5, timestamp_ms=NOW_MS - 100, codec=1)
    append(log, 5, timestamp_ms=NOW_MS, codec=1)

    # Records of a batch go back by a millisecond each.
    assert log.offset_for_timestamp(NOW_MS - 101, 10) == (NOW_MS - 100, 0)
    assert log.offset_for_timestamp(NOW_MS, 10) == (NOW_MS, 5)
    assert log.offset_for_timestamp(NOW_MS, 5) is None
    assert log.offset_for_timestamp(NOW_MS + 1, 10) is None
    assert log.offset_of_max_timestamp() == (NOW_MS, 5)
    log.raise_log_start(7)
    assert log.offset_for_timestamp(0, 10) == (NOW_MS - 2, 7)


def test_records_that_expand_take_no_more_memory_than_their_bytes(fs: MemoryFileSystem) -> None:
    log = a_log(fs)
    headers = 10_000 * (("", None),)  # two bytes each, and far more as objects
    batch = bytearray(build_batch([(NOW_MS, b"k", b"v", headers)], codec=1))
    log.append_as_leader(memoryview(batch), leader_epoch=0, now_ms=NOW_MS, origin=Origin.CLIENT)

    tracemalloc.start()
    try:
        assert log.offset_for_timestamp(NOW_MS, 1) == (NOW_MS, 0)
        assert log.offset_of_max_timestamp() == (NOW_MS, 0)
        assert tracemalloc.get_traced_memory()[1] < 5 * 2 * len(headers)
    finally:
        tracemalloc.stop()


def test_records_stamped_by_the_log_have_its_time(fs: MemoryFileSystem) -> None:
    log = a_log(fs, message_timestamp_type=1)
    append(log, 3, timestamp_ms=7)

    assert log.offset_for_timestamp(8, 3) == (NOW_MS, 0)
    assert log.offset_of_max_timestamp() == (NOW_MS, 0)


def test_an_empty_log_has_no_timestamp(fs: MemoryFileSystem) -> None:
    log = a_log(fs)

    assert log.offset_for_timestamp(0, 0) is None
    assert log.offset_of_max_timestamp() is None
    assert log.bytes_between(0, 0) == 0


def test_a_batch_that_cannot_be_decoded_has_no_timestamps(fs: MemoryFileSystem) -> None:
    log = a_log(fs)
    append(log, codec=1)
    log.segments[0].file.pwrite(b"\0" * 10, 61)

    with pytest.raises(KafkaError) as raised:
        log.offset_for_timestamp(0, 1)
    assert raised.value.code is ErrorCode.CORRUPT_MESSAGE


def test_bytes_between_are_exact_among_the_newest_batches(fs: MemoryFileSystem) -> None:
    log = a_log(fs)
    sizes = [len(append(log, value_bytes=number * 10)) for number in range(6)]
    log.roll(NOW_MS)
    sizes += [len(append(log))]

    assert log.bytes_between(2, 5) == sum(sizes[2:5])
    assert log.bytes_between(2, 7) == sum(sizes[2:])
    assert log.bytes_between(-5, 100) == sum(sizes)
    assert log.bytes_between(7, 7) == 0
