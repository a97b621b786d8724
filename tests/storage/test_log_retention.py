"""Segments go from the start of a log: with all their files, without a trace for readers."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from pykbroker.errors import ErrorCode, KafkaError
from pykbroker.storage.fs import OsFileSystem
from pykbroker.storage.log import Log
from pykbroker.storage.memory_fs import MemoryFileSystem
from pykbroker.storage.removal import Removals
from pykbroker.storage.retention import Reason
from tests.storage.logs import DIRECTORY, NOW_MS, a_log, append, offsets_in, read, read_all

DAY_MS = 24 * 60 * 60 * 1000


@pytest.fixture
def fs() -> MemoryFileSystem:
    return MemoryFileSystem()


def a_log_of(segments: int, fs: MemoryFileSystem, **config: Any) -> tuple[Log, list[bytes]]:
    """A log of segments with two records each, one leader epoch and one batch per segment."""
    log, batches = a_log(fs, **config), []
    for number in range(segments):
        if number:
            log.roll(NOW_MS)
        batches.append(
            append(
                log,
                2,
                leader_epoch=number,
                producer_id=5,
                producer_epoch=0,
                base_sequence=2 * number,
            )
        )
    return log, batches


def names(fs: MemoryFileSystem, *suffixes: str) -> list[tuple[int, str]]:
    """(offset, suffix) of the files with these suffixes."""
    parted = [name.partition(".") for name in fs.listdir(DIRECTORY)]
    return [(int(stem), suffix) for stem, _, suffix in parted if suffix in suffixes]


def retain(log: Log, now_ms: int) -> tuple[Reason, ...]:
    """Do what a plan says, as a retention pass does."""
    plan = log.retention_plan(high_watermark=log.end_offset, now_ms=now_ms)
    if plan.takes_all:
        log.roll(now_ms)
    log.raise_log_start(plan.log_start_offset)
    log.drop_unreachable()
    return plan.reasons


def test_segments_beyond_retention_bytes_go_with_all_their_files(fs: MemoryFileSystem) -> None:
    log, batches = a_log_of(4, fs)
    log = a_log(fs, retention_bytes=sum(map(len, batches[2:])))

    assert retain(log, NOW_MS) == (Reason.SIZE, Reason.SIZE)

    assert (log.log_start_offset, log.end_offset) == (4, 8)
    assert log.size_bytes == sum(map(len, batches[2:]))
    assert log.leader_epochs.entries == ((2, 4), (3, 6))
    assert read_all(log) == b"".join(batches[2:])
    assert names(fs, "log", "snapshot") == [
        (4, "log"),
        (4, "snapshot"),
        (6, "log"),
        (6, "snapshot"),
    ]
    assert names(fs, "log.deleted", "index.deleted", "timeindex.deleted") == [
        (offset, f"{suffix}.deleted")
        for offset in (0, 2)
        for suffix in ("index", "log", "timeindex")
    ]


def test_when_all_goes_a_new_segment_begins_where_the_log_ends(fs: MemoryFileSystem) -> None:
    log, _ = a_log_of(2, fs, retention_ms=1000)

    assert retain(log, NOW_MS + 1001) == (Reason.TIME, Reason.TIME)

    assert (log.log_start_offset, log.end_offset, log.size_bytes) == (4, 4, 0)
    assert names(fs, "log") == [(4, "log")]
    written = append(log, producer_id=5, producer_epoch=0, base_sequence=4)
    assert read_all(log) == written
    log.close()
    log = a_log(fs, clean=True)
    assert (log.log_start_offset, log.end_offset, read_all(log)) == (4, 5, written)
    assert log.producers.entries[5].last_sequence == 4


def test_who_reads_across_a_deletion_reads_to_the_end_of_its_slice(fs: MemoryFileSystem) -> None:
    log, batches = a_log_of(3, fs, retention_ms=1000)
    part = read(log, 0)
    assert part is not None

    retain(log, NOW_MS + 1001)

    assert part.read() == batches[0]
    with pytest.raises(KafkaError) as refused:
        read(log, 5)
    assert refused.value.code is ErrorCode.OFFSET_OUT_OF_RANGE
    assert offsets_in(read(log, 6)) == []


def test_who_reads_from_disk_across_a_deletion_does_too(tmp_path: Path) -> None:
    fs, directory = OsFileSystem(), f"{tmp_path.as_posix()}/topic-0"
    log = a_log(fs, directory)
    written = append(log, 2)
    log.roll(NOW_MS)
    log.flush()
    part = read(log, 0)
    assert part is not None

    log.raise_log_start(2)
    aside = log.drop_unreachable()
    assert Removals(fs).remove(aside) == []

    assert part.read() == written
    assert [path.suffix for path in sorted((tmp_path / "topic-0").iterdir())].count(".log") == 1


def test_without_timestamps_a_segment_ages_from_its_last_write(tmp_path: Path) -> None:
    fs, directory = OsFileSystem(), f"{tmp_path.as_posix()}/topic-0"
    log = a_log(fs, directory, retention_ms=1000, now_ms=NOW_MS - DAY_MS)
    append(log, timestamp_ms=-1)
    path = tmp_path / "topic-0" / f"{0:020d}.log"

    def reasons() -> tuple[Reason, ...]:
        return log.retention_plan(high_watermark=1, now_ms=NOW_MS).reasons

    os.utime(path, (0, (NOW_MS - 1000) / 1000))
    assert reasons() == ()
    os.utime(path, (0, (NOW_MS - 1002) / 1000))
    assert reasons() == (Reason.TIME,)


def test_in_memory_it_ages_from_when_it_was_made(fs: MemoryFileSystem) -> None:
    log = a_log(fs, retention_ms=1000)
    append(log, timestamp_ms=-1)

    assert log.retention_plan(high_watermark=1, now_ms=NOW_MS + 1000).reasons == ()
    assert log.retention_plan(high_watermark=1, now_ms=NOW_MS + 1001).reasons == (Reason.TIME,)


def test_segments_can_go_one_by_one(fs: MemoryFileSystem) -> None:
    log, _ = a_log_of(3, fs)
    log.raise_log_start(5)

    log.drop_unreachable(at_most=1)
    assert names(fs, "log") == [(2, "log"), (4, "log")]
    log.drop_unreachable(at_most=1)
    assert names(fs, "log") == [(4, "log")]
    assert log.drop_unreachable(at_most=1) == []


def test_snapshots_that_begin_no_segment_go_when_the_next_begins(fs: MemoryFileSystem) -> None:
    log, _ = a_log_of(2, fs)
    append(log, producer_id=5, producer_epoch=0, base_sequence=4)
    log.close()
    log = a_log(fs, clean=True)
    assert names(fs, "snapshot") == [(2, "snapshot"), (5, "snapshot")]
    append(log, producer_id=5, producer_epoch=0, base_sequence=5)

    log.roll(NOW_MS)

    assert names(fs, "snapshot") == [(2, "snapshot"), (6, "snapshot")]
