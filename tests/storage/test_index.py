"""Indexes: Kafka's bytes, look-ups at and between entries, files that cannot be right."""

from __future__ import annotations

import struct

import pytest

from pykbroker.storage.index import (
    RECENT_BATCHES_MAX,
    CorruptIndexError,
    OffsetIndex,
    RecentBatches,
    TimeIndex,
    TimestampOffset,
)


def an_offset_index(*entries: tuple[int, int], bytes_max: int = 80) -> OffsetIndex:
    index = OffsetIndex(100, bytes_max)
    for offset, position in entries:
        index.append(offset, position)
    return index


def a_time_index(*entries: tuple[int, int], bytes_max: int = 120) -> TimeIndex:
    index = TimeIndex(100, bytes_max)
    for timestamp_ms, offset in entries:
        index.append(timestamp_ms, offset)
    return index


def read_offsets(data: bytes, log_bytes: int = 10_000) -> OffsetIndex:
    return OffsetIndex.from_bytes(data, base_offset=100, bytes_max=80, log_bytes=log_bytes)


def read_times(data: bytes) -> TimeIndex:
    return TimeIndex.from_bytes(data, base_offset=100, bytes_max=120)


def test_an_offset_index_file_holds_relative_offsets_and_positions_big_endian() -> None:
    data = an_offset_index((110, 4_100), (2_000_000_100, 70_000)).to_bytes()

    assert data == struct.pack(">iiii", 10, 4_100, 2_000_000_000, 70_000)
    assert list(read_offsets(data, 80_000).offsets) == [10, 2_000_000_000]
    assert list(read_offsets(data, 80_000).positions) == [4_100, 70_000]


def test_a_time_index_file_holds_timestamps_and_relative_offsets_big_endian() -> None:
    data = a_time_index((5, 103), (1 << 40, 150)).to_bytes()

    assert data == struct.pack(">qiqi", 5, 3, 1 << 40, 50)
    assert list(read_times(data).timestamps) == [5, 1 << 40]
    assert list(read_times(data).offsets) == [3, 50]


def test_an_offset_is_looked_up_at_or_before_it() -> None:
    index = an_offset_index((110, 4_100), (120, 8_200))

    found = [index.position_before(offset) for offset in (0, 100, 109, 110, 119, 120, 1 << 50)]

    assert found == [0, 0, 0, 4_100, 4_100, 8_200, 8_200]


def test_a_position_is_looked_up_at_or_before_it() -> None:
    index = an_offset_index((110, 4_100), (120, 8_200))

    assert [index.boundary_before(at) for at in (0, 4_099, 4_100, 9_000)] == [0, 0, 4_100, 8_200]


def test_a_time_is_looked_up_at_or_before_it() -> None:
    index = a_time_index((5, 103), (9, 150))

    assert [index.offset_before(time_ms) for time_ms in (-1, 4, 5, 8, 9, 99)] == [
        100,
        100,
        103,
        103,
        150,
        150,
    ]


def test_an_older_or_equal_timestamp_is_no_entry() -> None:
    index = a_time_index((-1, 100), (5, 103), (5, 110), (4, 120), (6, 130))

    assert list(zip(index.timestamps, index.offsets, strict=True)) == [(5, 3), (6, 30)]


def test_the_last_entry_of_nothing_is_the_base_offset() -> None:
    assert a_time_index().last == TimestampOffset(-1, 100)
    assert a_time_index((5, 103)).last == TimestampOffset(5, 103)
    empty, filled = an_offset_index(), an_offset_index((110, 4_100))
    assert (empty.last_offset, empty.last_position) == (100, 0)
    assert (filled.last_offset, filled.last_position) == (110, 4_100)


def test_truncation_drops_entries_from_the_offset_on() -> None:
    for offset, left in ((99, 0), (110, 0), (111, 1), (120, 1), (121, 2), (1 << 50, 2)):
        offsets = an_offset_index((110, 4_100), (120, 8_200))
        times = a_time_index((5, 110), (6, 120))

        offsets.truncate(offset)
        times.truncate(offset)

        assert (len(offsets), len(times)) == (left, left)
        assert (len(offsets.positions), len(times.offsets)) == (left, left)


def test_an_index_is_full_at_its_bytes_the_time_index_one_entry_earlier() -> None:
    offsets, times = OffsetIndex(0, 17), TimeIndex(0, 40)
    full = []
    for number in range(1, 4):
        offsets.append(number, number)
        times.append(number, number)
        full.append((offsets.is_full, times.is_full))

    assert full == [(False, False), (True, True), (True, True)]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"1234567", "whole entries"),
        (struct.pack(">iiii", 10, 50, 10, 60), "ascend"),
        (struct.pack(">iiii", 10, 60, 11, 60), "ascend"),
        (bytes(80), "ascend"),
        (bytes(8), "outside"),
        (struct.pack(">ii", -1, 50), "outside"),
        (struct.pack(">ii", 10, 10_000), "outside"),
    ],
)
def test_an_offset_index_that_cannot_be_right_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(CorruptIndexError, match=why):
        read_offsets(data)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"12345678901", "whole entries"),
        (struct.pack(">qiqi", 5, 3, 5, 4), "ascend"),
        (struct.pack(">qiqi", 5, 3, 6, 3), "ascend"),
        (struct.pack(">qi", 5, -3), "before the segment"),
    ],
)
def test_a_time_index_that_cannot_be_right_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(CorruptIndexError, match=why):
        read_times(data)


def test_an_empty_file_is_an_empty_index() -> None:
    assert (len(read_offsets(b"")), len(read_times(b""))) == (0, 0)


def test_the_newest_batches_are_bounded_and_know_from_where_on() -> None:
    recent = RecentBatches(0)
    for number in range(RECENT_BATCHES_MAX * 3):
        recent.append(number * 10 + 9, number * 100)
        assert recent.last_offsets[0] == recent.floor_offset + 9

    assert len(recent.positions) < RECENT_BATCHES_MAX
    assert recent.positions[-1] == (RECENT_BATCHES_MAX * 3 - 1) * 100


def test_the_newest_batches_begin_at_the_cut_after_a_truncation_below_them() -> None:
    recent = RecentBatches(50)
    recent.append(59, 500)
    recent.append(69, 600)

    recent.truncate(60)
    assert (list(recent.last_offsets), recent.floor_offset) == ([59], 50)
    recent.truncate(20)
    assert (list(recent.last_offsets), recent.floor_offset) == ([], 20)
