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
from pykbroker.storage.recovery.damage import Cut, Finding
from pykbroker.wire.records import parse_batch_header
from tests.storage.logs import (
    DIRECTORY,
    NOW_MS,
    a_log,
    append,
    offsets_in,
    overwrite,
    read,
    read_all,
)

FIRST_LOG = f"{DIRECTORY}/00000000000000000000.log"


@pytest.fixture
def fs() -> MemoryFileSystem:
    return MemoryFileSystem()


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
    )
    assert log.recovery_report.finding is Finding.TORN_TAIL
    assert read_all(log) == whole


def test_an_empty_later_segment_does_not_make_a_torn_tail_damage(fs: MemoryFileSystem) -> None:
    batches = three_batches(fs)
    overwrite(fs, f"{DIRECTORY}/00000000000000000006.log", b"")
    fs.open(FIRST_LOG).truncate(len(b"".join(batches)) - 1)

    log = a_log(fs)

    assert not cut_of(log).batches_follow
    assert [segment.base_offset for segment in log.segments] == [0]


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
    monkeypatch.setattr("pykbroker.storage.recovery.scan.READ_BYTES", 100)
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

    for recovery_point, scanned in ((0, 4), (4, 4), (5, 3), (12, 2), (20, 0)):
        report = a_log(fs, recovery_point=recovery_point).recovery_report
        assert (report.scanned_bytes, report.cut) == (sum(sizes[4 - scanned :]), None)


def test_the_recovery_point_of_a_scanned_log_stays_until_a_flush(fs: MemoryFileSystem) -> None:
    three_batches(fs)

    log = a_log(fs, recovery_point=2)
    assert log.recovery_point == 2
    log.flush()
    assert log.recovery_point == 6


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
