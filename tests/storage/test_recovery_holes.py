"""What a power cut leaves of writes that no sync had covered: tails and holes, which are cut.

Batches are larger than a sector and smaller than a page; `durable` is where the last sync ended.
"""

from __future__ import annotations

from random import Random

import pytest

from pykbroker.storage.memory_fs import MemoryFileSystem
from pykbroker.storage.recovery.damage import Cut, Finding, FoundDamageError
from pykbroker.wire.records import NewRecord, build_batch
from tests.storage.logs import DIRECTORY, NOW_MS, a_batch, a_log, append, overwrite, read_all

FIRST_LOG = f"{DIRECTORY}/00000000000000000000.log"
TORN = "00000000000000000000.log.torn"
PAGE, SECTOR = 4096, 512


@pytest.fixture
def fs() -> MemoryFileSystem:
    return MemoryFileSystem()


def some_batches(count: int, value_bytes: int = 900) -> list[bytes]:
    """Batches of two records, as they lie in a log."""
    return [
        a_batch(2, base_offset=2 * number, value_bytes=value_bytes, leader_epoch=0)
        for number in range(count)
    ]


def left_by_a_cut(fs: MemoryFileSystem, data: bytes, durable: int = 0) -> tuple[Finding, int, int]:
    """Open what was left and check that the rest is kept; give the finding, offset and position."""
    fs.mkdirs(DIRECTORY)
    overwrite(fs, FIRST_LOG, data)
    log = a_log(fs, recovery_point=durable)
    report = log.recovery_report
    assert report.cut is not None
    assert report.finding is not None
    assert report.kept == (TORN,)
    assert fs.read_bytes(f"{DIRECTORY}/{TORN}") == data[report.cut.position :]
    assert read_all(log) == data[: report.cut.position]
    assert log.end_offset == report.cut.next_offset
    return report.finding, report.cut.next_offset, report.cut.position


@pytest.mark.parametrize("lost", [(1,), (2,), (1, 2), (2, 3), (0, 2, 4), (0,)])
def test_lost_pages_before_whole_batches_are_a_hole(
    fs: MemoryFileSystem, lost: tuple[int, ...]
) -> None:
    batches = some_batches(14)
    data = bytearray(b"".join(batches))
    for page in lost:
        data[page * PAGE : (page + 1) * PAGE] = bytes(PAGE)
    whole = min(lost) * PAGE // len(batches[0])

    finding, next_offset, position = left_by_a_cut(fs, bytes(data))

    assert (finding, next_offset) == (Finding.HOLE, 2 * whole)
    assert position == whole * len(batches[0])


def test_a_page_as_it_was_when_it_was_synced_is_a_hole(fs: MemoryFileSystem) -> None:
    batches = some_batches(14)
    for whole in range(9):
        durable = whole * len(batches[0])
        end = durable + -durable % PAGE
        data = bytearray(b"".join(batches))
        data[durable:end] = bytes(end - durable)
        if bytes(data) == b"".join(batches):
            continue

        found = left_by_a_cut(MemoryFileSystem(), bytes(data), durable=2 * whole)

        assert found == (Finding.HOLE, 2 * whole, durable)


@pytest.mark.parametrize("length", range(3, 40))
def test_the_first_bytes_of_a_batch_at_the_end_of_a_lost_page_are_enough(length: int) -> None:
    fs, base_offset = MemoryFileSystem(), 0x0101_0101_0101
    first = a_batch(base_offset=base_offset, value_bytes=PAGE - length - 71, leader_epoch=0)
    assert PAGE - len(first) == length
    later = b"".join(
        a_batch(base_offset=base_offset + 1 + number, value_bytes=900, leader_epoch=0)
        for number in range(3)
    )
    data = bytearray(first + later)
    data[len(first) : PAGE] = bytes(PAGE - len(first))
    fs.mkdirs(DIRECTORY)
    overwrite(fs, f"{DIRECTORY}/{base_offset:020d}.log", bytes(data))

    log = a_log(fs)

    assert (log.recovery_report.finding, log.end_offset) == (Finding.HOLE, base_offset + 1)


def test_a_lost_sector_is_a_hole(fs: MemoryFileSystem) -> None:
    data = bytearray(b"".join(some_batches(5)))
    data[3 * SECTOR : 4 * SECTOR] = bytes(SECTOR)

    assert left_by_a_cut(fs, bytes(data)) == (Finding.HOLE, 0, 0)


def test_a_hole_larger_than_a_read_is_one(
    fs: MemoryFileSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pykbroker.storage.recovery.damage._READ_BYTES", 1000)
    batches = some_batches(14)
    data = bytearray(b"".join(batches))
    data[PAGE : 3 * PAGE] = bytes(2 * PAGE)

    assert left_by_a_cut(fs, bytes(data))[0] is Finding.HOLE


def test_below_the_recovery_point_a_hole_is_damage(fs: MemoryFileSystem) -> None:
    data = bytearray(b"".join(some_batches(5)))
    data[PAGE : 2 * PAGE] = bytes(PAGE)
    fs.mkdirs(DIRECTORY)
    overwrite(fs, FIRST_LOG, bytes(data))

    with pytest.raises(FoundDamageError):
        a_log(fs, recovery_point=5)


@pytest.mark.parametrize(
    ("first", "end"),
    [(1000, 1400), (SECTOR + 100, 4 * SECTOR - 100), (SECTOR, 2 * SECTOR - 50), (3, 7)],
)
def test_zeros_that_fill_no_sector_are_damage(fs: MemoryFileSystem, first: int, end: int) -> None:
    data = bytearray(b"".join(some_batches(5)))
    data[first:end] = bytes(end - first)
    data[16] = 1
    fs.mkdirs(DIRECTORY)
    overwrite(fs, FIRST_LOG, bytes(data))

    with pytest.raises(FoundDamageError):
        a_log(fs)


def test_zeros_that_are_data_do_not_make_damage_a_hole(fs: MemoryFileSystem) -> None:
    rows: list[NewRecord] = [(NOW_MS, None, bytes(20_000), ())]
    batch = bytearray(build_batch(rows, leader_epoch=0))
    batch[-1] = 5
    data = bytes(batch) + build_batch(rows, leader_epoch=0, base_offset=1)
    fs.mkdirs(DIRECTORY)
    overwrite(fs, FIRST_LOG, data)

    with pytest.raises(FoundDamageError):
        a_log(fs)


# -- between segments


def two_segments(fs: MemoryFileSystem) -> bytes:
    log = a_log(fs)
    data = b"".join(append(log, 2, value_bytes=900) for _ in range(5))
    log.roll(NOW_MS)
    append(log, 2, value_bytes=900)
    return data


@pytest.mark.parametrize("zeros", [False, True])
@pytest.mark.parametrize("end", [PAGE, 2 * PAGE, 9 * SECTOR, 0])
def test_a_file_that_ends_early_before_a_later_one_is_a_hole(
    fs: MemoryFileSystem, end: int, zeros: bool
) -> None:
    data = two_segments(fs)
    second = fs.read_bytes(f"{DIRECTORY}/{10:020d}.log")
    overwrite(fs, FIRST_LOG, data[:end] + (bytes(len(data) - end) if zeros else b""))

    log = a_log(fs)

    assert log.recovery_report.finding is Finding.HOLE
    assert log.end_offset == 2 * (end // (len(data) // 5))
    assert [segment.base_offset for segment in log.segments] == [0]
    assert fs.read_bytes(f"{DIRECTORY}/{10:020d}.log.torn") == second
    assert not fs.exists(f"{DIRECTORY}/{10:020d}.log")


@pytest.mark.parametrize("lost", [2, 500, 1000, 2000])
def test_one_that_ends_anywhere_is_a_hole_too(fs: MemoryFileSystem, lost: int) -> None:
    """A process that was killed in the middle of a write leaves such an end."""
    data = two_segments(fs)
    fs.open(FIRST_LOG).truncate(len(data) - lost)

    log = a_log(fs)

    whole = (len(data) - lost) // (len(data) // 5)
    assert (log.recovery_report.finding, log.end_offset) == (Finding.HOLE, 2 * whole)


def test_a_last_batch_that_is_there_but_wrong_before_a_later_file_is_damage(
    fs: MemoryFileSystem,
) -> None:
    data = two_segments(fs)
    batch = len(data) // 5
    for at in (4 * batch + 5, 4 * batch + 9, 4 * batch + 10, 4 * batch + 16, 5 * batch - 1):
        wrong = bytearray(data)
        wrong[at] ^= 0x40
        overwrite(fs, FIRST_LOG, bytes(wrong))

        with pytest.raises(FoundDamageError):
            a_log(fs)


def test_a_segment_whose_name_alone_is_lost_is_a_hole(fs: MemoryFileSystem) -> None:
    log = a_log(fs)
    for _ in range(3):
        append(log, 2)
        log.roll(NOW_MS)
    fs.remove(f"{DIRECTORY}/{2:020d}.log")

    log = a_log(fs)

    assert (log.recovery_report.finding, log.end_offset) == (Finding.HOLE, 2)
    assert log.recovery_report.kept == ("00000000000000000004.log.torn",)


def test_empty_later_segments_make_no_torn_tail_a_hole(fs: MemoryFileSystem) -> None:
    data = b"".join(some_batches(3))
    overwritten = f"{DIRECTORY}/{6:020d}.log"
    for later in (b"", bytes(PAGE)):
        fs.mkdirs(DIRECTORY)
        overwrite(fs, overwritten, later)

        assert left_by_a_cut(fs, data[:-1]) == (Finding.TORN_TAIL, 4, len(data) * 2 // 3)
        assert not fs.exists(overwritten)


# -- what is kept aside


def test_zeros_are_not_kept(fs: MemoryFileSystem) -> None:
    data = b"".join(some_batches(3))
    fs.mkdirs(DIRECTORY)
    overwrite(fs, FIRST_LOG, data + bytes(PAGE))

    log = a_log(fs)

    assert (log.recovery_report.finding, log.recovery_report.kept) == (Finding.TORN_TAIL, ())
    assert not fs.exists(f"{DIRECTORY}/{TORN}")


def test_what_is_kept_is_durable_before_it_is_cut(fs: MemoryFileSystem) -> None:
    data = b"".join(some_batches(3))
    fs.mkdirs(DIRECTORY)
    overwrite(fs, FIRST_LOG, data[:-1])
    a_log(fs)

    after = fs.after_power_cut()

    assert after.read_bytes(f"{DIRECTORY}/{TORN}") == data[len(data) * 2 // 3 : -1]
    assert after.read_bytes(FIRST_LOG) == data[: len(data) * 2 // 3]


def test_the_next_cut_takes_the_place_of_what_was_kept(fs: MemoryFileSystem) -> None:
    two_segments(fs)
    fs.open(FIRST_LOG).truncate(100)
    log = a_log(fs)
    for _ in range(2):
        append(log, 2)
        log.roll(NOW_MS)
    append(log, 2)
    last = f"{DIRECTORY}/{4:020d}.log"
    fs.open(last).truncate(70)

    log = a_log(fs)

    assert log.recovery_report.kept == ("00000000000000000004.log.torn",)
    assert [name for name in fs.listdir(DIRECTORY) if name.endswith(".torn")] == [
        "00000000000000000004.log.torn",
        # Later than the cut: for all that is known, a part of it that was interrupted.
        "00000000000000000010.log.torn",
    ]


def test_a_cut_that_was_interrupted_is_completed(fs: MemoryFileSystem) -> None:
    data = two_segments(fs)
    second = fs.read_bytes(f"{DIRECTORY}/{10:020d}.log")
    fs.open(FIRST_LOG).truncate(len(data) - 1)
    fs.rename(f"{DIRECTORY}/{10:020d}.log", f"{DIRECTORY}/{10:020d}.log.torn")

    log = a_log(fs)

    assert (log.end_offset, log.recovery_report.kept) == (8, (TORN,))
    assert fs.read_bytes(f"{DIRECTORY}/{10:020d}.log.torn") == second


def test_a_cut_says_what_it_was(fs: MemoryFileSystem) -> None:
    data = two_segments(fs)
    batch = len(data) // 5
    fs.open(FIRST_LOG).truncate(len(data) - 1)

    report = a_log(fs).recovery_report

    assert report.cut == Cut(
        base_offset=0,
        position=4 * batch,
        length=batch - 1,
        next_offset=8,
        later_segments=1,
        later_bytes=batch,
        later_batches=True,
    )


def test_random_data_is_no_hole() -> None:
    random = Random(1)
    for _ in range(200):
        fs = MemoryFileSystem()
        data = bytearray(b"".join(some_batches(5)))
        first = random.randrange(100, len(data) // 2)
        length = random.randrange(1, 3_000)
        data[first : first + length] = random.randbytes(length)[: len(data) - first]
        fs.mkdirs(DIRECTORY)
        overwrite(fs, FIRST_LOG, bytes(data))

        with pytest.raises(FoundDamageError):
            a_log(fs)


@pytest.mark.parametrize("leftover", [b"half of a batch" * 9, bytes(100)])
def test_what_a_refused_write_left_before_the_next_segment_costs_nothing(
    fs: MemoryFileSystem, leftover: bytes
) -> None:
    first, second, third = some_batches(3)
    fs.mkdirs(DIRECTORY)
    overwrite(fs, FIRST_LOG, first + leftover)
    overwrite(fs, f"{DIRECTORY}/{2:020d}.log", second + third)

    log = a_log(fs)

    assert (log.end_offset, log.recovery_report.cut) == (6, None)
    assert fs.read_bytes(FIRST_LOG) == first
    assert [segment.base_offset for segment in log.segments] == [0, 2]
