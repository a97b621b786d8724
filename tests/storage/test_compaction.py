"""What compaction keeps and drops, record by record."""

from __future__ import annotations

from pathlib import Path

import pytest

from pykbroker.storage.fs import OsFileSystem
from pykbroker.storage.log import Log
from pykbroker.storage.memory_fs import MemoryFileSystem
from pykbroker.storage.segment import DamagedLogError
from pykbroker.wire.compression import NAMES
from pykbroker.wire.records import iterate_records
from tests.storage.compacted import (
    DAY_MS,
    a_compacted_log,
    batches_of,
    clean,
    kept,
    put,
)
from tests.storage.logs import NOW_MS


def a_rolled_log(fs: MemoryFileSystem, *batches: tuple[tuple[str | None, str | None], ...]) -> Log:
    """A log with these batches in one segment, and an empty active one."""
    log = a_compacted_log(fs)
    for rows in batches:
        put(log, *rows)
    log.roll(NOW_MS)
    return log


def test_of_each_key_the_newest_record_is_kept_at_its_offset() -> None:
    fs = MemoryFileSystem()
    log = a_rolled_log(fs, (("a", "1"), ("b", "1")), (("a", "2"), ("c", "1")), (("b", "2"),))

    outcome = clean(fs, log)

    assert kept(log) == [(2, "a", "2"), (3, "c", "1"), (4, "b", "2")]
    assert (outcome.end_offset, outcome.keyless_records) == (5, 0)
    assert [header.base_offset for header, _ in batches_of(log)] == [2, 4]


def test_records_of_the_active_segment_supersede_nothing() -> None:
    fs = MemoryFileSystem()
    log = a_rolled_log(fs, (("a", "1"),))
    put(log, ("a", "2"))

    clean(fs, log)

    assert kept(log) == [(0, "a", "1"), (1, "a", "2")]


def test_a_batch_whose_records_all_stay_is_the_same_byte_for_byte() -> None:
    fs = MemoryFileSystem()
    log = a_rolled_log(fs, (("a", "1"),), (("b", "1"), ("c", "1")), (("a", "2"),))
    before = [batch for header, batch in batches_of(log) if header.base_offset > 0]

    clean(fs, log)

    assert [batch for _, batch in batches_of(log)] == before


@pytest.mark.parametrize("codec", range(5), ids=NAMES)
def test_a_batch_that_loses_records_keeps_codec_offsets_producer_and_timestamps(codec: int) -> None:
    fs = MemoryFileSystem()
    log = a_compacted_log(fs)
    producer = {"producer_id": 9, "producer_epoch": 2, "base_sequence": 0}
    put(log, ("a", "1"), ("b", "1"), ("c", "1" * 99), codec=codec, **producer)
    put(log, ("c", "2"), ("a", "2"))
    log.roll(NOW_MS)
    before, _ = batches_of(log)[0]

    clean(fs, log)

    after, batch = batches_of(log)[0]
    assert after == before._replace(
        batch_length=after.batch_length,
        crc=after.crc,
        records_count=1,
        max_timestamp=NOW_MS + 1,
    )
    assert [record[:4] for record in iterate_records(batch)] == [(1, NOW_MS + 1, b"b", b"1")]


def test_what_was_cleaned_before_loses_keys_that_came_since() -> None:
    fs = MemoryFileSystem()
    log = a_rolled_log(fs, (("a", "1"), ("b", "1")))
    first = clean(fs, log)
    put(log, ("b", "2"), ("d", "1"))
    log.roll(NOW_MS)

    second = clean(fs, log, first_dirty_offset=first.end_offset)

    assert kept(log) == [(0, "a", "1"), (2, "b", "2"), (3, "d", "1")]
    assert second.end_offset == 4


def test_records_without_a_key_are_dropped_and_counted() -> None:
    fs = MemoryFileSystem()
    log = a_compacted_log(fs, cleanup_policy=frozenset({"delete"}))
    put(log, (None, "1"), ("a", "1"))
    log.roll(NOW_MS)

    assert clean(fs, log).keyless_records == 1

    assert kept(log) == [(1, "a", "1")]


def test_the_last_batch_of_a_segment_stays_as_an_empty_one() -> None:
    fs = MemoryFileSystem()
    log = a_compacted_log(fs, segment_bytes=400)
    for value in range(12):
        put(log, ("a", f"{value}" * 50))
    log.roll(NOW_MS)

    clean(fs, log)

    segments = log.segments
    ends = [list(segment.headers())[-1][1].next_offset for segment in segments[:-1]]
    assert ends == [segment.base_offset for segment in segments[1:]]
    assert kept(log) == [(11, "a", "11" * 50)]


def test_a_tombstone_hides_older_values_and_gets_a_delete_horizon() -> None:
    fs = MemoryFileSystem()
    log = a_rolled_log(fs, (("a", "1"), ("b", "1")), (("a", None), ("c", "1")))

    clean(fs, log)

    assert kept(log) == [(1, "b", "1"), (2, "a", None), (3, "c", "1")]
    header, batch = batches_of(log)[1]
    assert header.delete_horizon == NOW_MS + DAY_MS
    assert [record.timestamp for record in iterate_records(batch)] == [NOW_MS, NOW_MS + 1]


@pytest.mark.parametrize(("late_ms", "left"), [(-1, [(1, "a", None)]), (0, [])])
def test_a_tombstone_stays_until_its_delete_horizon(
    late_ms: int, left: list[tuple[int, str, None]]
) -> None:
    fs = MemoryFileSystem()
    log = a_rolled_log(fs, (("a", "1"), ("a", None)), (("b", "1"),))
    clean(fs, log)

    clean(fs, log, now_ms=NOW_MS + DAY_MS + late_ms)

    assert kept(log) == [*left, (2, "b", "1")]


def test_cleaning_again_does_not_put_the_delete_horizon_off() -> None:
    fs = MemoryFileSystem()
    log = a_rolled_log(fs, (("a", None),), (("b", "1"),))
    clean(fs, log)
    before = batches_of(log)

    clean(fs, log, now_ms=NOW_MS + DAY_MS - 1, first_dirty_offset=log.end_offset)
    clean(fs, log, now_ms=NOW_MS + DAY_MS - 1)

    assert batches_of(log) == before


def test_when_memory_is_full_the_pass_ends_before_the_batch_that_does_not_fit() -> None:
    fs = MemoryFileSystem()
    log = a_compacted_log(fs)
    for number in range(40):
        put(log, ("same", f"{number}"), *((f"{number}-{n}", "") for n in range(9)))
    log.roll(NOW_MS)

    first = clean(fs, log, memory_bytes=20 * 200)

    assert 0 < first.end_offset < 400
    assert [one.offset for one in kept(log) if one.key == "same"] == [
        *range(first.end_offset - 10, 400, 10)
    ]
    while first.end_offset < 400:
        next_end = clean(
            fs, log, memory_bytes=20 * 200, first_dirty_offset=first.end_offset
        ).end_offset
        assert next_end > first.end_offset
        first.end_offset = next_end
    assert [one.offset for one in kept(log) if one.key == "same"] == [390]
    assert len(kept(log)) == 361


def test_a_batch_with_more_keys_than_memory_was_given_for_is_cleaned_all_the_same() -> None:
    fs = MemoryFileSystem()
    rows = tuple((f"{number}", "1") for number in range(500))
    log = a_rolled_log(fs, rows, rows)

    first = clean(fs, log, memory_bytes=20 * 100)
    second = clean(fs, log, memory_bytes=20 * 100, first_dirty_offset=first.end_offset)

    assert (first.end_offset, second.end_offset) == (500, 1000)
    assert [one.offset for one in kept(log)] == [*range(500, 1000)]


@pytest.mark.parametrize("where", [0, 100, 170])
def test_a_batch_that_is_not_what_was_written_stops_the_cleaning(where: int) -> None:
    fs = MemoryFileSystem()
    log = a_rolled_log(fs, (("a", "1"),), (("a", "2"),), (("b", "2"),))
    file = log.segments[0].file
    byte = bytes(file.pread(1, where))[0]
    file.pwrite(bytes((byte ^ 0x55,)), where)

    with pytest.raises(DamagedLogError, match="batch at position"):
        clean(fs, log)

    assert log.segments[0].file is file


def test_offsets_that_do_not_rise_stop_the_cleaning() -> None:
    fs = MemoryFileSystem()
    log = a_rolled_log(fs, (("a", "1"),), (("a", "2"),), (("b", "2"),))
    log.segments[0].file.pwrite(bytes(8), 70)  # no CRC covers the base offset

    with pytest.raises(DamagedLogError, match="no valid batch at position 70"):
        clean(fs, log)


def test_small_neighbours_become_one_segment_as_far_as_they_fit() -> None:
    fs = MemoryFileSystem()
    log = a_compacted_log(fs, segment_bytes=1_000)
    for number in range(7):
        put(log, (f"{number}", "v" * 200))
        log.roll(NOW_MS)
    size = log.segments[0].size

    outcome = clean(fs, log)

    assert 3 * size < 1_000 < 4 * size
    assert outcome.groups == [(0, 1, 2), (3, 4, 5), (6,)]
    assert [segment.base_offset for segment in log.segments] == [0, 3, 6, 7]
    assert log.size_bytes == 7 * size


def test_a_batch_larger_than_the_buffer_is_read_whole() -> None:
    fs = MemoryFileSystem()
    log = a_rolled_log(fs, (("a", "v" * 10_000),), (("a", "w" * 10_000),), (("b", "1"),))

    clean(fs, log, io_buffer_bytes=100)

    assert [(one.offset, one.key) for one in kept(log)] == [(1, "a"), (2, "b")]


def test_records_without_timestamps_stay_as_old_as_they_were(tmp_path: Path) -> None:
    fs = OsFileSystem()
    log = a_compacted_log(fs, str(tmp_path / "topic-0"))
    put(log, ("a", "1"), ("a", "2"), timestamp_ms=-1)
    log.roll(NOW_MS)
    log.flush()
    log.segments[0].file.set_modified_ms(NOW_MS - 5_000)

    clean(fs, log)

    assert log.segments[0].file.modified_ms() == NOW_MS - 5_000
    log.close()
