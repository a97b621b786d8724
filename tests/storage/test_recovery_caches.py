"""Indexes, epochs and snapshots that are missing or lie are made again from the batches."""

from __future__ import annotations

from collections.abc import Callable

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
    read_all,
    replicate,
)

FIRST_LOG = f"{DIRECTORY}/00000000000000000000.log"


@pytest.fixture
def fs() -> MemoryFileSystem:
    return MemoryFileSystem()


def a_closed_log(fs: MemoryFileSystem) -> bytes:
    log = a_log(fs, index_interval_bytes=100)
    for number in range(30):
        append(log, 2, timestamp_ms=NOW_MS + number)
        if number == 15:
            log.roll(NOW_MS)
    log.close()
    return read_all(log)


@pytest.mark.parametrize("suffix", ["index", "timeindex"])
@pytest.mark.parametrize(
    "spoil",
    [
        None,
        lambda data: data[:0],
        lambda data: data[:-1],
        lambda data: bytes(len(data)),
        lambda data: data[:-4] + b"\x7f\xff\xff\xff",
        lambda data: data + data[-12:],
    ],
)
def test_an_index_that_is_missing_or_wrong_is_rebuilt(
    suffix: str, spoil: Callable[[bytes], bytes] | None
) -> None:
    fs = MemoryFileSystem()
    written = a_closed_log(fs)
    for name in fs.listdir(DIRECTORY):
        if name.endswith("." + suffix):
            data = fs.read_bytes(f"{DIRECTORY}/{name}")
            fs.remove(f"{DIRECTORY}/{name}")
            if spoil is not None:
                overwrite(fs, f"{DIRECTORY}/{name}", spoil(data))

    log = a_log(fs, clean=True, recovery_point=60, index_interval_bytes=100)

    assert read_all(log) == written
    assert [offsets_in(read(log, at))[0] for at in (7, 31, 59)] == [(6, 7), (30, 31), (58, 59)]
    assert log.offset_for_timestamp(NOW_MS + 20, 60) == (NOW_MS + 20, 40)
    assert log.offset_of_max_timestamp() == (NOW_MS + 29, 58)
    if suffix == "index" or spoil is None or spoil(b"") != b"":
        log.close()
        assert "00000000000000000000.index" in fs.listdir(DIRECTORY)


def test_an_index_entry_that_lies_is_found_out_when_it_is_used(fs: MemoryFileSystem) -> None:
    written = a_closed_log(fs)
    path = f"{DIRECTORY}/00000000000000000000.index"
    data = bytearray(fs.read_bytes(path))
    data[7] += 1
    overwrite(fs, path, bytes(data))

    log = a_log(fs, clean=True, recovery_point=60, index_interval_bytes=100)

    assert [offsets_in(read(log, offset))[0] for offset in (2, 4, 6)] == [(2, 3), (4, 5), (6, 7)]
    assert read_all(log) == written


def test_damage_far_below_the_recovery_point_is_an_error_when_it_is_read(
    fs: MemoryFileSystem,
) -> None:
    log = a_log(fs, index_interval_bytes=100)
    batches = [append(log, 2) for _ in range(8)]
    log.roll(NOW_MS)
    log.close()
    position = len(b"".join(batches[:2]))
    fs.open(FIRST_LOG).pwrite(b"\0" * 30, position)

    again = a_log(fs, clean=True, recovery_point=16)

    with pytest.raises(OSError, match=f"no batch at position {position}"):
        read(again, 4)


def test_leader_epochs_are_collected_again_when_their_file_is_lost(fs: MemoryFileSystem) -> None:
    log = a_log(fs)
    for epoch in (1, 1, 4, 9):
        append(log, 2, leader_epoch=epoch)
    log.close()
    for spoil in (b"0\n9\n1 0\n", b"nonsense\nmore\n", None):
        fs.remove(f"{DIRECTORY}/leader-epoch-checkpoint")
        if spoil is not None:
            overwrite(fs, f"{DIRECTORY}/leader-epoch-checkpoint", spoil)

        again = a_log(fs, clean=True, recovery_point=8)

        assert again.leader_epochs.entries == ((1, 0), (4, 4), (9, 6))
        again.close()


def test_epochs_of_records_that_were_cut_are_forgotten(fs: MemoryFileSystem) -> None:
    log = a_log(fs)
    first = append(log, 2, leader_epoch=1)
    append(log, 2, leader_epoch=2)
    log.flush()
    fs.open(FIRST_LOG).truncate(len(first) + 5)

    assert a_log(fs).leader_epochs.entries == ((1, 0),)


def test_an_epoch_whose_first_records_were_compacted_keeps_its_start(fs: MemoryFileSystem) -> None:
    log = a_log(fs)
    append(log, 2, leader_epoch=3)
    log.flush()
    overwrite(fs, FIRST_LOG, a_batch(base_offset=1, leader_epoch=3))

    assert a_log(fs).leader_epochs.entries == ((3, 0),)


def test_producers_come_from_the_newest_good_snapshot_and_the_batches_above(
    fs: MemoryFileSystem,
) -> None:
    log = a_log(fs)
    for number in range(6):
        append(log, 1, producer_id=number % 2, producer_epoch=0, base_sequence=number // 2)
        if number in (1, 3):
            log.roll(NOW_MS)
    snapshots = [name for name in fs.listdir(DIRECTORY) if name.endswith(".snapshot")]
    assert snapshots == ["00000000000000000002.snapshot", "00000000000000000004.snapshot"]
    overwrite(fs, f"{DIRECTORY}/00000000000000000009.snapshot", b"later than the end")

    def sequences() -> dict[int, int]:
        entries = a_log(fs, recovery_point=4).producers.entries
        return {producer_id: entry.last_sequence for producer_id, entry in entries.items()}

    assert sequences() == {0: 2, 1: 2}
    assert "00000000000000000009.snapshot" not in fs.listdir(DIRECTORY)
    overwrite(fs, f"{DIRECTORY}/00000000000000000004.snapshot", b"damaged")
    assert sequences() == {0: 2, 1: 2}
    overwrite(fs, f"{DIRECTORY}/00000000000000000002.snapshot", b"damaged")
    assert sequences() == {0: 2, 1: 2}


def test_a_snapshot_that_recovery_removed_stays_away(fs: MemoryFileSystem) -> None:
    log = a_log(fs)
    append(log)
    log.flush()
    overwrite(fs, f"{DIRECTORY}/00000000000000000009.snapshot", b"later than the end")
    fs.sync_directory(DIRECTORY)

    a_log(fs, recovery_point=1).flush()

    assert "00000000000000000009.snapshot" not in fs.after_power_cut().listdir(DIRECTORY)


def test_followers_batches_with_gaps_recover(fs: MemoryFileSystem) -> None:
    log = a_log(fs)
    replicate(log, a_batch(2, base_offset=5), a_batch(1, base_offset=90))
    written = read_all(log)

    again = a_log(fs)

    assert (again.end_offset, read_all(again)) == (91, written)


def test_a_segment_rolled_because_offsets_went_too_far_is_no_gap(fs: MemoryFileSystem) -> None:
    log = a_log(fs)
    append(log)
    replicate(log, a_batch(base_offset=1 << 33))

    again = a_log(fs)

    assert (len(again.segments), again.end_offset) == (2, (1 << 33) + 1)
