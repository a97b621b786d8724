"""A log is cut, from either end, at batches only and never half."""

from __future__ import annotations

import pytest

from pykbroker.errors import ErrorCode, KafkaError
from pykbroker.storage.memory_fs import MemoryFileSystem
from tests.storage.logs import (
    DIRECTORY,
    NOW_MS,
    a_log,
    append,
    offsets_in,
    read_all,
)


@pytest.fixture
def fs() -> MemoryFileSystem:
    return MemoryFileSystem()


def bases(log: object) -> list[int]:
    return [segment.base_offset for segment in log.segments]  # type: ignore[attr-defined]


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


def test_a_stored_recovery_point_is_lowered_before_the_cut_and_to_where_it_will_be(
    fs: MemoryFileSystem,
) -> None:
    log = a_log(fs)
    append(log, 10)
    log.flush()
    told: list[tuple[int, int, int]] = []
    log.before_truncation = lambda offset: told.append((offset, log.recovery_point, log.end_offset))

    log.truncate_to(4)

    assert told == [(0, 0, 10)]
