"""A log's own rules: when it rolls, what it cuts, what it makes durable, what it says of itself."""

from __future__ import annotations

import errno
from random import Random

import pytest

from pykbroker.errors import ErrorCode, KafkaError
from pykbroker.storage.append import Duplicate, Origin
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
    written = fs.open(stem + ".index")
    a_log(fs, clean=True).close()
    assert fs.open(stem + ".index") is written
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


def test_a_far_roll_that_a_full_disk_refuses_takes_nothing_away(
    fs: MemoryFileSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = a_log(fs)
    written = append(log) + append(log)
    log.roll(NOW_MS)
    far = a_batch(base_offset=1 << 33)

    def refuse(path: str) -> None:
        raise OSError(errno.ENOSPC, "no space", path)

    with monkeypatch.context() as patch:
        patch.setattr(fs, "create", refuse)
        for _ in range(2):
            with pytest.raises(OSError, match="no space"):
                replicate(log, far)

    assert (bases(log), read_all(log)) == ([0, 2], written)
    replicate(log, far)
    assert (bases(log), log.end_offset) == ([0, 1 << 33], (1 << 33) + 1)
    assert offsets_in(read(a_log(fs), 2)) == [(1 << 33, 1 << 33)]


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


def test_older_indexes_leave_memory_and_come_back(fs: MemoryFileSystem) -> None:
    log = a_log(fs, segment_bytes=3 * len(a_batch()), index_interval_bytes=0)
    written = [append(log) for _ in range(20)]

    assert offsets_in(read(log, 1)) == [(1, 1), (2, 2)]
    assert read_all(log) == b"".join(written)


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
