"""Renames of segment files that a crash interrupted are completed or undone."""

from __future__ import annotations

import pytest

from pykbroker.storage.memory_fs import MemoryFileSystem
from tests.storage.logs import (
    DIRECTORY,
    NOW_MS,
    a_batch,
    a_log,
    append,
    offsets_in,
    overwrite,
    read,
)

FIRST_LOG = f"{DIRECTORY}/00000000000000000000.log"


@pytest.fixture
def fs() -> MemoryFileSystem:
    return MemoryFileSystem()


def three_batches(fs: MemoryFileSystem) -> None:
    log = a_log(fs)
    for _ in range(3):
        append(log, 2)


def test_temporary_files_are_removed_and_deleted_ones_told_of(fs: MemoryFileSystem) -> None:
    three_batches(fs)
    for name in (
        "00000000000000000006.log.deleted",
        "00000000000000000006.index.deleted",
        "00000000000000000000.log.cleaned",
        "00000000000000000000.log.swap",
        "leader-epoch-checkpoint.tmp",
        "00000000000000000099.index",
        "00000000000000000099.timeindex",
        "00000000000000000099.txnindex",
    ):
        overwrite(fs, f"{DIRECTORY}/{name}", b"x")

    log = a_log(fs)

    assert log.end_offset == 6
    deleted = ["00000000000000000006.index.deleted", "00000000000000000006.log.deleted"]
    assert log.leftovers == [f"{DIRECTORY}/{name}" for name in deleted]
    assert fs.listdir(DIRECTORY) == [
        "00000000000000000000.log",
        *deleted,
        "leader-epoch-checkpoint",
        "partition.metadata",
    ]


def test_a_finished_swap_is_completed(fs: MemoryFileSystem) -> None:
    log = a_log(fs)
    for _ in range(3):
        append(log, 2)
        log.roll(NOW_MS)
    log.close()
    compacted = a_batch(1, base_offset=1) + a_batch(1, base_offset=3)
    overwrite(fs, f"{FIRST_LOG}.swap", compacted)

    again = a_log(fs, cleanup_policy=frozenset({"compact"}))

    assert offsets_in(read(again, 0)) == [(1, 1), (3, 3)]
    assert [segment.base_offset for segment in again.segments] == [0, 4, 6]
    assert not [name for name in fs.listdir(DIRECTORY) if name.endswith(".swap")]


def test_a_swap_of_which_only_an_index_is_left_is_completed(fs: MemoryFileSystem) -> None:
    three_batches(fs)
    overwrite(fs, f"{DIRECTORY}/00000000000000000000.index.swap", b"")

    log = a_log(fs)

    assert log.end_offset == 6
    assert "00000000000000000000.index" in fs.listdir(DIRECTORY)


def test_what_was_kept_aside_stays_when_a_swap_is_completed(fs: MemoryFileSystem) -> None:
    three_batches(fs)
    for name in ("00000000000000000000.log.torn", "00000000000000000002.log.7.corrupt"):
        overwrite(fs, f"{DIRECTORY}/{name}", b"kept")
    overwrite(fs, f"{FIRST_LOG}.swap", fs.read_bytes(FIRST_LOG))

    a_log(fs)

    assert {name for name in fs.listdir(DIRECTORY) if name.endswith(("torn", "corrupt"))} == {
        "00000000000000000000.log.torn",
        "00000000000000000002.log.7.corrupt",
    }
