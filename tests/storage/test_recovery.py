"""Opening what a crash left: torn ends, damage, half-done renames, caches that lie."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pykbroker.storage.fs import OsFileSystem
from pykbroker.storage.log import Log
from pykbroker.storage.memory_fs import MemoryFileSystem
from pykbroker.storage.scan import Cut
from pykbroker.wire.records import parse_batch_header
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

FIRST_LOG = f"{DIRECTORY}/00000000000000000000.log"


@pytest.fixture
def fs() -> MemoryFileSystem:
    return MemoryFileSystem()


def overwrite(fs: MemoryFileSystem, path: str, data: bytes) -> None:
    fs.create(path).pwrite(data, 0)


def cut_of(log: Log) -> Cut:
    assert log.recovery_report.cut is not None
    return log.recovery_report.cut


def three_batches(fs: MemoryFileSystem) -> list[bytes]:
    log = a_log(fs)
    return [append(log, 2, producer_id=1, producer_epoch=0, base_sequence=2 * n) for n in range(3)]


def test_a_torn_last_batch_is_cut_wherever_it_is_torn() -> None:
    batches = three_batches(MemoryFileSystem())
    whole = b"".join(batches[:2])
    # The last byte is a zero: zeros in place of it alone would be no tear.
    for length in range(1, len(batches[2]) - 1):
        for tail in (batches[2][:length], batches[2][:length] + bytes(len(batches[2]) - length)):
            fs = MemoryFileSystem()
            fs.mkdirs(DIRECTORY)
            overwrite(fs, FIRST_LOG, whole + tail)

            log = a_log(fs)

            assert (log.end_offset, read_all(log)) == (4, whole)
            assert cut_of(log).position == len(whole)
            assert not cut_of(log).batches_follow
            assert log.producers.entries[1].last_sequence == 3
            assert fs.read_bytes(FIRST_LOG) == whole


def test_recovering_twice_is_recovering_once(fs: MemoryFileSystem) -> None:
    batches = three_batches(fs)
    fs.open(FIRST_LOG).truncate(len(b"".join(batches)) - 1)

    first = a_log(fs)
    files = {name: fs.read_bytes(f"{DIRECTORY}/{name}") for name in fs.listdir(DIRECTORY)}
    second = a_log(fs)

    assert second.recovery_report.cut is None
    assert (first.end_offset, second.end_offset) == (4, 4)
    assert {n: fs.read_bytes(f"{DIRECTORY}/{n}") for n in fs.listdir(DIRECTORY)} == files


def test_after_a_cut_appends_go_on(fs: MemoryFileSystem) -> None:
    batches = three_batches(fs)
    fs.open(FIRST_LOG).truncate(len(b"".join(batches)) - 1)
    log = a_log(fs)

    again = append(log, 2, producer_id=1, producer_epoch=0, base_sequence=4)

    assert again == batches[2]
    assert read_all(a_log(fs)) == b"".join(batches)


@pytest.mark.parametrize("tail", [bytes(200), b"\x02" * 200, bytes(range(256)), b"\xff" * 61])
def test_zeros_and_garbage_after_the_end_are_cut(fs: MemoryFileSystem, tail: bytes) -> None:
    whole = b"".join(three_batches(fs))
    fs.open(FIRST_LOG).pwrite(tail, len(whole))

    log = a_log(fs)

    assert cut_of(log) == Cut(
        base_offset=0,
        position=len(whole),
        length=len(tail),
        next_offset=6,
        later_segments=0,
        batches_follow=False,
    )
    assert read_all(log) == whole


def test_a_flipped_byte_inside_is_told_from_a_torn_tail(fs: MemoryFileSystem) -> None:
    batches = three_batches(fs)
    fs.open(FIRST_LOG).pwrite(b"X", len(batches[0]) + 70)

    log = a_log(fs)

    assert cut_of(log).next_offset == 2
    assert cut_of(log).batches_follow
    assert read_all(log) == batches[0]


def test_damage_before_another_segment_is_damage_inside(fs: MemoryFileSystem) -> None:
    log = a_log(fs)
    batches = [append(log, 2) for _ in range(2)]
    log.roll(NOW_MS)
    append(log, 2)
    fs.open(FIRST_LOG).truncate(len(batches[0]) + 10)

    again = a_log(fs)

    assert (cut_of(again).later_segments, cut_of(again).batches_follow) == (1, True)
    assert (again.end_offset, len(again.segments)) == (2, 1)
    names = fs.listdir(DIRECTORY)
    assert [name for name in names if name.endswith(".log")] == ["00000000000000000000.log"]


def test_an_empty_later_segment_does_not_make_a_torn_tail_damage(fs: MemoryFileSystem) -> None:
    batches = three_batches(fs)
    overwrite(fs, f"{DIRECTORY}/00000000000000000006.log", b"")
    fs.open(FIRST_LOG).truncate(len(b"".join(batches)) - 1)

    log = a_log(fs)

    assert not cut_of(log).batches_follow
    assert [segment.base_offset for segment in log.segments] == [0]


def test_a_gap_between_segments_is_lost_data_unless_compacted() -> None:
    for policy, end_offset in (("delete", 6), ("compact", 12)):
        fs = MemoryFileSystem()
        three_batches(fs)
        overwrite(fs, f"{DIRECTORY}/00000000000000000010.log", a_batch(2, base_offset=10))

        log = a_log(fs, cleanup_policy=frozenset({policy}))

        assert log.end_offset == end_offset


def test_a_segment_that_begins_inside_the_one_before_is_cut(fs: MemoryFileSystem) -> None:
    whole = b"".join(three_batches(fs))
    overwrite(fs, f"{DIRECTORY}/00000000000000000005.log", a_batch(2, base_offset=5))

    log = a_log(fs)

    assert (read_all(log), log.end_offset) == (whole, 6)
    assert cut_of(log).base_offset == 5


@pytest.mark.parametrize(
    "bad",
    [
        lambda batch: batch[:16] + b"\x01" + batch[17:],  # magic
        lambda batch: batch[:8] + b"\0\0\0\x30" + batch[12:],  # length below a header
        lambda batch: batch[:8] + b"\x7f\xff\xff\xff" + batch[12:],
        lambda batch: (1).to_bytes(8, "big") + batch[8:],  # offset of a batch before
        lambda batch: (1 << 40).to_bytes(8, "big") + batch[8:],  # too far for the segment
        lambda batch: (-1).to_bytes(8, "big", signed=True) + batch[8:],
        lambda batch: batch[:23] + b"\xff\xff\xff\xff" + batch[27:],  # last offset delta
    ],
)
def test_a_header_that_cannot_be_ends_the_log(bad: Callable[[bytes], bytes]) -> None:
    fs = MemoryFileSystem()
    batches = three_batches(fs)
    overwrite(fs, FIRST_LOG, batches[0] + batches[1] + bad(batches[2]))

    assert read_all(a_log(fs)) == batches[0] + batches[1]


def test_batches_larger_than_a_read_are_scanned(
    fs: MemoryFileSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pykbroker.storage.scan.READ_BYTES", 100)
    log = a_log(fs)
    written = b"".join(append(log, 3, value_bytes=size) for size in (1, 50, 500, 5, 5_000, 2))

    log = a_log(fs)
    assert (read_all(log), log.recovery_report.scanned_bytes) == (written, len(written))
    assert offsets_in(read(log, 7)) == [(6, 8), (9, 11), (12, 14), (15, 17)]
    log.segments[0].file.truncate(len(written) - 1)
    log.segments[0].file.pwrite(b"\0" * 300 + log.segments[0].file.pread(80, 0), len(written))
    assert not cut_of(a_log(fs)).batches_follow


def test_only_segments_from_the_recovery_point_on_are_scanned(fs: MemoryFileSystem) -> None:
    log = a_log(fs)
    sizes = []
    for _ in range(4):
        sizes.append(len(append(log, 5)))
        log.roll(NOW_MS)

    for recovery_point, scanned in ((0, 4), (4, 4), (5, 3), (12, 2), (20, 0), (99, 0)):
        report = a_log(fs, recovery_point=recovery_point).recovery_report
        assert (report.scanned_bytes, report.cut) == (sum(sizes[4 - scanned :]), None)


def test_the_recovery_point_of_a_scanned_log_stays_until_a_flush(fs: MemoryFileSystem) -> None:
    three_batches(fs)

    log = a_log(fs, recovery_point=2)
    assert log.recovery_point == 2
    log.flush()
    assert log.recovery_point == 6


def test_a_log_marked_clean_that_is_not_is_scanned(fs: MemoryFileSystem) -> None:
    batches = three_batches(fs)
    fs.open(FIRST_LOG).truncate(len(b"".join(batches)) - 1)

    log = a_log(fs, clean=True, recovery_point=6)

    assert (log.end_offset, log.recovery_point) == (4, 0)


def test_missing_segments_leave_the_log_at_its_start_offset(fs: MemoryFileSystem) -> None:
    three_batches(fs)

    log = a_log(fs, log_start_offset=50)

    assert (log.log_start_offset, log.end_offset, log.size_bytes) == (50, 50, 0)
    assert [name for name in fs.listdir(DIRECTORY) if name.endswith(".log")] == [
        "00000000000000000050.log"
    ]


# -- renames half done


def test_temporary_files_are_removed(fs: MemoryFileSystem) -> None:
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
    assert fs.listdir(DIRECTORY) == [
        "00000000000000000000.log",
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


# -- caches


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


def test_damage_below_the_recovery_point_is_an_error_when_it_is_read(fs: MemoryFileSystem) -> None:
    log = a_log(fs)
    first = append(log, 2)
    append(log, 2)
    log.roll(NOW_MS)
    log.close()
    fs.open(FIRST_LOG).pwrite(b"\0" * 30, len(first))

    again = a_log(fs, clean=True, recovery_point=4)

    with pytest.raises(OSError, match=f"no batch at position {len(first)}"):
        read(again, 2)


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


# -- a real crash

WRITER = """
import sys
from pykbroker.storage.fs import OsFileSystem
from tests.storage.logs import a_log, append

log = a_log(OsFileSystem(), sys.argv[1], segment_bytes=100_000, index_interval_bytes=500)
number = 0
while True:
    append(log, 3, producer_id=1, producer_epoch=0, base_sequence=number, value_bytes=number % 300)
    number += 3
    if number % 999 == 0:
        log.flush()
    sys.stdout.write(f"{log.end_offset} {log.recovery_point}\\n")
    sys.stdout.flush()
"""


def test_a_killed_writer_loses_nothing_it_had_written(tmp_path: Path) -> None:
    directory = f"{tmp_path.as_posix()}/topic-0"
    for rounds in range(3):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, f"{directory}{rounds}"],
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        ) as process:
            assert process.stdout is not None
            lines = [process.stdout.readline() for _ in range(1_500 + 700 * rounds)]
            process.send_signal(signal.SIGKILL)
            lines += process.stdout.readlines()
        # The last line may be cut itself.
        end_offset, recovery_point = map(int, lines[-2].split())

        log = a_log(OsFileSystem(), f"{directory}{rounds}", recovery_point=recovery_point)

        assert log.end_offset >= end_offset
        assert len(log.segments) > 1
        assert log.producers.entries[1].last_sequence == log.end_offset - 1
        position, data = 0, read_all(log)
        for offset in range(0, log.end_offset, 3):
            header = parse_batch_header(data, position)
            assert (header.base_offset, header.base_sequence) == (offset, offset)
            position += header.size_bytes
        assert position == len(data)
