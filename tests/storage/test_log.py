"""A log's own rules: when it rolls, what it cuts, what it makes durable, what it says of itself."""

from __future__ import annotations

import errno
import gc
import tracemalloc
from pathlib import Path
from random import Random

import pytest

from pykbroker.errors import ErrorCode, KafkaError
from pykbroker.storage.append import Duplicate, Origin
from pykbroker.storage.fs import OsFileSystem
from pykbroker.storage.log import Appended
from pykbroker.storage.memory_fs import MemoryFile, MemoryFileSystem
from pykbroker.wire.records import build_batch
from tests.storage.logs import (
    DIRECTORY,
    NOW_MS,
    a_batch,
    a_log,
    append,
    offsets_in,
    read,
    read_all,
    replicate,
)

DAY_MS = 24 * 60 * 60 * 1000


@pytest.fixture
def fs() -> MemoryFileSystem:
    return MemoryFileSystem()


def bases(log: object) -> list[int]:
    return [segment.base_offset for segment in log.segments]  # type: ignore[attr-defined]


def test_a_closed_log_has_its_index_files_even_when_it_is_empty(fs: MemoryFileSystem) -> None:
    log = a_log(fs)

    log.close()

    stem = f"{DIRECTORY}/{0:020}"
    assert [fs.read_bytes(stem + suffix) for suffix in (".log", ".index", ".timeindex")] == [
        b""
    ] * 3
    again = a_log(fs, clean=True)
    append(again, timestamp_ms=7)
    assert again.offset_of_max_timestamp() == (7, 0)


# -- appending


def test_an_append_tells_where_it_went(fs: MemoryFileSystem) -> None:
    log = a_log(fs)
    append(log, 3)

    answer = log.append_as_leader(
        memoryview(bytearray(a_batch(2))), leader_epoch=4, now_ms=NOW_MS, origin=Origin.CLIENT
    )

    assert answer == Appended(first_offset=3, last_offset=4, log_append_time_ms=-1)
    assert (log.end_offset, log.leader_epochs.entries) == (5, ((0, 0), (4, 3)))
    assert log.size_bytes == len(read_all(log)) == log.segments[0].file.size


def test_a_repeated_batch_is_not_written_again(fs: MemoryFileSystem) -> None:
    log = a_log(fs)
    producer = {"producer_id": 7, "producer_epoch": 0, "base_sequence": 0}
    append(log, 2, **producer)

    answer = log.append_as_leader(
        memoryview(bytearray(a_batch(2, **producer))),
        leader_epoch=0,
        now_ms=NOW_MS,
        origin=Origin.CLIENT,
    )

    assert isinstance(answer, Duplicate)
    assert (answer.first_offset, answer.last_offset, log.end_offset) == (0, 1, 2)


def test_followers_batches_are_written_at_once(fs: MemoryFileSystem) -> None:
    log = a_log(fs)

    replicate(log, a_batch(2, base_offset=0), a_batch(3, base_offset=2), a_batch(1, base_offset=9))

    assert offsets_in(read(log, 0)) == [(0, 1), (2, 4), (9, 9)]
    assert log.end_offset == 10


def test_followers_batches_too_many_for_the_segment_are_spread(fs: MemoryFileSystem) -> None:
    batches = [a_batch(base_offset=number, value_bytes=100) for number in range(7)]
    log = a_log(fs, segment_bytes=2 * len(batches[0]))

    replicate(log, *batches)

    assert bases(log) == [0, 2, 4, 6]
    assert read_all(log) == b"".join(batches)


def test_a_failed_write_leaves_nothing_behind(
    fs: MemoryFileSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = a_log(fs)
    first = append(log)
    file, real = log.segments[0].file, MemoryFile.pwrite

    def half(file: MemoryFile, data: bytes, position: int) -> None:
        real(file, bytes(data)[:50], position)
        raise OSError(errno.ENOSPC, "no space")

    with monkeypatch.context() as patch:
        patch.setattr(MemoryFile, "pwrite", half)
        with pytest.raises(OSError, match="no space"):
            append(log)

    assert (log.end_offset, log.size_bytes, file.size) == (1, len(first), len(first))
    second = append(log)
    assert read_all(log) == first + second


# -- rolling


def test_a_segment_rolls_when_a_batch_would_not_fit(fs: MemoryFileSystem) -> None:
    size = len(a_batch())
    log = a_log(fs, segment_bytes=3 * size)

    for _ in range(7):
        append(log)

    assert bases(log) == [0, 3, 6]
    assert [segment.size for segment in log.segments] == [3 * size, 3 * size, size]
    assert len(log.segments) == 3


def test_a_segment_rolls_by_the_time_between_its_first_batch_and_the_next(
    fs: MemoryFileSystem,
) -> None:
    log = a_log(fs, segment_ms=1_000)

    for timestamp_ms in (0, 900, 1_000, 1_001, 1_002):
        append(log, timestamp_ms=timestamp_ms)

    assert bases(log) == [0, 3]


def test_a_segment_without_timestamps_rolls_by_the_clock(fs: MemoryFileSystem) -> None:
    log = a_log(fs, segment_ms=1_000)
    batch = build_batch([(-1, None, b"", ())])

    for now_ms in (NOW_MS, NOW_MS + 1_000, NOW_MS + 1_001):
        log.append_as_leader(
            memoryview(bytearray(batch)), leader_epoch=0, now_ms=now_ms, origin=Origin.CLIENT
        )

    assert bases(log) == [0, 2]


def test_jitter_rolls_a_segment_earlier(fs: MemoryFileSystem) -> None:
    log = a_log(fs, segment_ms=1_000, segment_jitter_ms=5_000, random=Random(1))
    jitter_ms = log.segments[0].roll_jitter_ms
    assert 0 < jitter_ms < 1_000

    append(log, timestamp_ms=0)
    append(log, timestamp_ms=1_000 - jitter_ms)
    append(log, timestamp_ms=1_001 - jitter_ms)

    assert bases(log) == [0, 2]


def test_a_segment_rolls_when_an_index_is_full(fs: MemoryFileSystem) -> None:
    log = a_log(fs, index_interval_bytes=0, segment_index_bytes=36)

    for number in range(5):
        append(log, timestamp_ms=number)

    # The time index of three entries keeps one for the roll: full after two.
    assert bases(log) == [0, 3]


def test_a_segment_rolls_when_offsets_get_too_far_apart(fs: MemoryFileSystem) -> None:
    log = a_log(fs)
    far = 1 << 33

    replicate(log, a_batch(base_offset=far))
    assert bases(log) == [far]
    replicate(log, a_batch(base_offset=far + (1 << 31)))
    assert bases(log) == [far, far + 1]
    replicate(log, a_batch(base_offset=2 * far))
    assert bases(log) == [far, far + 1, 2 * far]
    assert offsets_in(read(log, 0)) == [(far, far)]


def test_a_rolled_segment_begins_where_the_one_before_ends(fs: MemoryFileSystem) -> None:
    batch = a_batch(base_offset=50)
    log = a_log(fs, segment_bytes=len(batch))

    replicate(log, a_batch(base_offset=0))
    replicate(log, batch)

    assert bases(log) == [0, 1]


def test_rolling_by_hand_needs_a_record(fs: MemoryFileSystem) -> None:
    log = a_log(fs)

    log.roll(NOW_MS)
    assert bases(log) == [0]
    append(log)
    log.roll(NOW_MS)
    log.roll(NOW_MS)
    assert bases(log) == [0, 1]


def test_a_compacted_log_syncs_a_segment_before_the_next_has_a_name(fs: MemoryFileSystem) -> None:
    log = a_log(fs, cleanup_policy=frozenset({"compact"}))
    append(log)

    log.roll(NOW_MS)

    file = log.segments[0].file
    assert isinstance(file, MemoryFile)
    assert file.after_power_cut().size == file.size > 0


def test_older_indexes_leave_memory_and_come_back(fs: MemoryFileSystem) -> None:
    log = a_log(fs, segment_bytes=3 * len(a_batch()), index_interval_bytes=0)
    written = [append(log) for _ in range(20)]

    assert offsets_in(read(log, 1)) == [(1, 1), (2, 2)]
    assert read_all(log) == b"".join(written)


# -- reading


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
    log = a_log(OsFileSystem(), f"{tmp_path.as_posix()}/topic-0")
    written = append(log, 3)
    part = read(log, 0)
    assert part is not None

    log.delete()

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


# -- shrinking


def test_the_log_start_only_rises_and_not_above_the_end(fs: MemoryFileSystem) -> None:
    log = a_log(fs)
    append(log, 5, leader_epoch=1)
    append(log, 5, leader_epoch=2)

    assert log.raise_log_start(7) is True
    assert log.raise_log_start(3) is False
    with pytest.raises(KafkaError) as raised:
        log.raise_log_start(11)

    assert raised.value.code is ErrorCode.OFFSET_OUT_OF_RANGE
    assert log.log_start_offset == 7
    assert log.leader_epochs.entries == ((2, 7),)


def test_truncation_inside_a_batch_takes_all_of_it(fs: MemoryFileSystem) -> None:
    for offset in (10, 15, 30):
        log = a_log(fs, f"data/topic-{offset}")
        append(log, 10, leader_epoch=1)
        append(log, 21, leader_epoch=2)

        assert log.truncate_to(offset) is True
        assert (log.end_offset, offsets_in(read_all(log))) == (10, [(0, 9)])
        assert log.leader_epochs.entries == ((1, 0),)


def test_truncation_at_the_end_changes_nothing(fs: MemoryFileSystem) -> None:
    log = a_log(fs)
    append(log, 10)

    assert log.truncate_to(10) is False
    assert log.truncate_to(11) is False
    assert log.end_offset == 10


def test_truncation_below_everything_begins_anew_there(fs: MemoryFileSystem) -> None:
    log = a_log(fs, log_start_offset=100)
    append(log, 10)
    log.roll(NOW_MS)
    append(log, 1)

    assert log.truncate_to(40) is True

    assert (log.log_start_offset, log.end_offset, log.size_bytes) == (40, 40, 0)
    assert bases(log) == [40]
    append(log)
    assert offsets_in(read_all(log)) == [(40, 40)]


def test_truncation_removes_later_segments_and_their_files(fs: MemoryFileSystem) -> None:
    log = a_log(fs)
    for _ in range(4):
        append(log, 2)
        log.roll(NOW_MS)

    log.truncate_to(3)

    assert bases(log) == [0, 2]
    names = fs.listdir(DIRECTORY)
    assert [name for name in names if name > "00000000000000000002.log" and name[0] == "0"] == [
        "00000000000000000002.snapshot"
    ]
    assert log.end_offset == 2


def test_truncation_forgets_what_producers_did_after_it(fs: MemoryFileSystem) -> None:
    log = a_log(fs)
    append(log, 2, producer_id=7, producer_epoch=0, base_sequence=0)
    log.roll(NOW_MS)
    append(log, 3, producer_id=7, producer_epoch=0, base_sequence=2)
    append(log, 1, producer_id=8, producer_epoch=0, base_sequence=0)

    log.truncate_to(2)

    entries = log.producers.entries
    assert {producer_id: entry.last_sequence for producer_id, entry in entries.items()} == {7: 1}
    append(log, 3, producer_id=7, producer_epoch=0, base_sequence=2)


def test_a_stored_recovery_point_is_lowered_before_the_cut(fs: MemoryFileSystem) -> None:
    log = a_log(fs)
    append(log, 10)
    log.flush()
    told: list[tuple[int, int]] = []
    log.before_truncation = lambda offset: told.append((offset, log.end_offset))

    log.truncate_to(4)

    assert told == [(4, 10)]
    assert log.recovery_point == 0


# -- making it last


def test_a_flush_makes_records_names_and_epochs_last(fs: MemoryFileSystem) -> None:
    log = a_log(fs)
    written = append(log, 3, leader_epoch=5)
    log.roll(NOW_MS)
    written += append(log, 2, leader_epoch=6)
    assert fs.after_power_cut().listdir(DIRECTORY) == []

    log.flush()

    after = a_log(fs.after_power_cut(), recovery_point=log.recovery_point)
    assert (log.recovery_point, after.end_offset, read_all(after)) == (5, 5, written)
    assert after.leader_epochs.entries == ((5, 0), (6, 3))
    assert fs.read_bytes(f"{DIRECTORY}/leader-epoch-checkpoint") == b"0\n2\n5 0\n6 3\n"


def test_a_flush_makes_a_rolled_segment_last_without_a_new_epoch(fs: MemoryFileSystem) -> None:
    log = a_log(fs)
    written = append(log)
    log.flush()
    log.roll(NOW_MS)
    written += append(log)

    log.flush()

    assert read_all(a_log(fs.after_power_cut())) == written


def test_truncation_lasts_without_a_flush(fs: MemoryFileSystem) -> None:
    log = a_log(fs)
    written = append(log, 2)
    append(log, 2)
    log.roll(NOW_MS)
    append(log, 2)
    log.flush()

    log.truncate_to(2)

    assert read_all(a_log(fs.after_power_cut())) == written


def test_nothing_new_is_nothing_to_sync(fs: MemoryFileSystem) -> None:
    log = a_log(fs)
    append(log)
    log.flush()

    pending = log.pending_sync()

    assert (pending.files, pending.passing_files, pending.leader_epochs, pending.directories) == (
        (),
        (),
        None,
        (),
    )


def test_a_sync_counts_only_what_was_there_when_it_began(fs: MemoryFileSystem) -> None:
    log = a_log(fs)
    append(log, 3)

    pending = log.pending_sync()
    append(log, 3)
    pending.run()
    log.synced(pending)

    assert (log.recovery_point, log.end_offset) == (3, 6)


def test_a_sync_says_nothing_of_what_was_cut_meanwhile(fs: MemoryFileSystem) -> None:
    log = a_log(fs)
    append(log, 3)
    append(log, 3)

    pending = log.pending_sync()
    log.truncate_to(3)
    append(log, 3, leader_epoch=4)
    pending.run()
    log.synced(pending)

    assert log.recovery_point == 0
    log.flush()
    assert fs.read_bytes(f"{DIRECTORY}/leader-epoch-checkpoint") == b"0\n2\n0 0\n4 3\n"


# -- closing and opening


def test_a_closed_log_opens_as_it_was_without_a_scan(fs: MemoryFileSystem) -> None:
    log = a_log(fs, index_interval_bytes=100)
    for number in range(40):
        append(log, 2, leader_epoch=number // 20, producer_id=1, producer_epoch=0,
               base_sequence=2 * number, timestamp_ms=NOW_MS - number)  # fmt: skip
        if number == 30:
            log.roll(NOW_MS)
    written = read_all(log)
    log.close()

    again = a_log(fs, clean=True, recovery_point=80, index_interval_bytes=100)

    assert (again.end_offset, again.recovery_point, again.recovery_report.scanned_bytes) == (
        80,
        80,
        0,
    )
    assert read_all(again) == written
    assert again.leader_epochs.entries == ((0, 0), (1, 40))
    assert again.producers.entries[1].last_sequence == 79
    assert again.offset_of_max_timestamp() == (NOW_MS, 0)
    append(again, 2, producer_id=1, producer_epoch=0, base_sequence=80)
    assert again.end_offset == 82


def test_a_segment_opened_again_still_rolls_by_its_first_batch(fs: MemoryFileSystem) -> None:
    log = a_log(fs, segment_ms=1_000)
    append(log, timestamp_ms=5_000)
    append(log, timestamp_ms=5_100)
    log.close()

    again = a_log(fs, clean=True, recovery_point=2, segment_ms=1_000)
    append(again, timestamp_ms=6_000)
    append(again, timestamp_ms=6_001)

    assert bases(again) == [0, 3]


def test_a_log_keeps_its_topic_id(fs: MemoryFileSystem) -> None:
    a_log(fs, topic_id=bytes(15) + b"\1").close()

    with pytest.raises(KafkaError) as raised:
        a_log(fs, topic_id=bytes(15) + b"\2")

    assert raised.value.code is ErrorCode.INCONSISTENT_TOPIC_ID
