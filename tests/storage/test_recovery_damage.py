"""What no power cut explains is damage: the log is not opened, and its files stay as they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pykbroker.storage.memory_fs import MemoryFileSystem
from pykbroker.storage.recovery.damage import Cut, Finding, FoundDamageError
from tests.storage.logs import (
    DIRECTORY,
    NOW_MS,
    a_batch,
    a_log,
    append,
    overwrite,
    read_all,
    replicate,
)

FIRST_LOG = f"{DIRECTORY}/00000000000000000000.log"
BATCH_BYTES = len(a_batch(2))


@pytest.fixture
def fs() -> MemoryFileSystem:
    return MemoryFileSystem()


def segments_of(fs: MemoryFileSystem, *counts: int, **config: Any) -> None:
    """Close a log whose segments hold so many batches of two records each."""
    log = a_log(fs, **config)
    for number, count in enumerate(counts):
        if number:
            log.roll(NOW_MS)
        for _ in range(count):
            append(log, 2)
    log.close()


def contents(fs: MemoryFileSystem) -> dict[str, bytes]:
    """What all segments hold, and what is kept of them."""
    return {
        name: fs.read_bytes(f"{DIRECTORY}/{name}")
        for name in fs.listdir(DIRECTORY)
        if name.endswith((".log", ".torn"))
    }


def damage_found(fs: MemoryFileSystem, **given: Any) -> FoundDamageError:
    """Open a log, which must be refused and changed in nothing."""
    before = contents(fs)
    with pytest.raises(FoundDamageError) as raised:
        a_log(fs, **given)
    assert contents(fs) == before
    return raised.value


def test_a_flipped_byte_before_whole_batches_is_damage(fs: MemoryFileSystem) -> None:
    segments_of(fs, 3)
    fs.open(FIRST_LOG).pwrite(b"X", BATCH_BYTES + 70)

    found = damage_found(fs)

    assert found.cut == Cut(
        base_offset=0,
        position=BATCH_BYTES,
        length=2 * BATCH_BYTES,
        next_offset=2,
        later_segments=0,
        resumes_at=2 * BATCH_BYTES,
    )


def test_the_message_says_what_is_at_stake_and_what_to_do(fs: MemoryFileSystem) -> None:
    segments_of(fs, 3)
    fs.open(FIRST_LOG).pwrite(b"X", BATCH_BYTES + 70)

    assert str(damage_found(fs)) == (
        f"[Errno 5] damage at position {BATCH_BYTES}: no power cut leaves such bytes with whole"
        f" batches from position {2 * BATCH_BYTES} on. At stake are the records from offset 2 on"
        f" ({2 * BATCH_BYTES} bytes, 0 later segments). Nothing was changed. Put the files back"
        " from a copy and restart the broker; or stop it, see by `pykbroker repair --data-dir data"
        " topic-0` all that would be lost, give it up by the same command with --accept-loss, and"
        " start it:"
        f" '{FIRST_LOG}'"
    )


@pytest.mark.parametrize(
    ("tear", "whole"),
    [
        (lambda data: data[:-1], 2),
        (lambda data: data[:-BATCH_BYTES], 2),
        (lambda data: data[:-BATCH_BYTES] + bytes(BATCH_BYTES), 2),
        (lambda data: data[: BATCH_BYTES - 1], 0),
        (lambda _: b"", 0),
    ],
    ids=["short", "a batch short", "zeros", "two batches short", "empty"],
)
def test_below_the_recovery_point_even_a_torn_tail_is_damage(
    fs: MemoryFileSystem, tear: Callable[[bytes], bytes], whole: int
) -> None:
    segments_of(fs, 3)
    overwrite(fs, FIRST_LOG, tear(fs.read_bytes(FIRST_LOG)))

    for clean in (True, False):
        found = damage_found(fs, clean=clean, recovery_point=6)

        assert (found.cut.position, found.cut.next_offset) == (whole * BATCH_BYTES, 2 * whole)
        assert "records up to offset 6 had been synced" in found.reason


def test_below_the_recovery_point_a_wrong_last_batch_is_damage(fs: MemoryFileSystem) -> None:
    segments_of(fs, 3)
    fs.open(FIRST_LOG).pwrite(b"XXXXX", 3 * BATCH_BYTES - 5)

    assert damage_found(fs, recovery_point=6).cut.next_offset == 4


def test_a_log_that_ends_above_its_recovery_point_has_an_unsynced_tail(
    fs: MemoryFileSystem,
) -> None:
    segments_of(fs, 3)
    fs.open(FIRST_LOG).truncate(3 * BATCH_BYTES - 1)

    for clean in (True, False):
        assert a_log(fs, clean=clean, recovery_point=4).end_offset == 4


def test_a_recovery_point_above_the_end_is_damage_and_not_believed(fs: MemoryFileSystem) -> None:
    segments_of(fs, 3)

    for clean in (True, False):
        found = damage_found(fs, clean=clean, recovery_point=9)

        assert found.cut == Cut(0, 3 * BATCH_BYTES, 0, next_offset=6, later_segments=0)
        assert found.reason == "the log ends at offset 6, records up to offset 9 had been synced"


# -- segments that are missing


@pytest.mark.parametrize("clean", [True, False])
def test_files_that_are_all_gone_are_damage(fs: MemoryFileSystem, clean: bool) -> None:
    segments_of(fs, 1, 1)
    for name in fs.listdir(DIRECTORY):
        fs.remove(f"{DIRECTORY}/{name}")

    found = damage_found(fs, clean=clean, recovery_point=4, log_start_offset=1)

    assert found.cut == Cut(base_offset=1, position=0, length=0, next_offset=1, later_segments=0)
    assert found.filename == DIRECTORY


@pytest.mark.parametrize("clean", [True, False])
def test_a_segment_missing_below_the_recovery_point_is_damage(
    fs: MemoryFileSystem, clean: bool
) -> None:
    for gone, position, next_offset, later in ((2, BATCH_BYTES, 2, 2), (6, BATCH_BYTES, 6, 0)):
        fs = MemoryFileSystem()
        segments_of(fs, 1, 1, 1, 1)
        fs.remove(f"{DIRECTORY}/{gone:020d}.log")

        cut = damage_found(fs, clean=clean, recovery_point=8).cut

        assert (cut.position, cut.next_offset, cut.later_segments) == (position, next_offset, later)


@pytest.mark.parametrize("clean", [True, False])
def test_a_segment_that_is_short_below_the_recovery_point_is_damage(
    fs: MemoryFileSystem, clean: bool
) -> None:
    segments_of(fs, 3, 1, 1)
    fs.open(FIRST_LOG).truncate(2 * BATCH_BYTES - 1)

    found = damage_found(fs, clean=clean, recovery_point=10)

    assert found.cut == Cut(
        base_offset=0,
        position=BATCH_BYTES,
        length=BATCH_BYTES - 1,
        next_offset=2,
        later_segments=2,
        later_bytes=2 * BATCH_BYTES,
        later_batches=True,
    )


def test_missing_segments_below_the_log_start_are_no_loss(fs: MemoryFileSystem) -> None:
    """A crash may bring back some of the names that retention took away."""
    segments_of(fs, 1, 1, 1)
    fs.remove(f"{DIRECTORY}/{2:020d}.log")

    log = a_log(fs, clean=True, recovery_point=6, log_start_offset=4)

    assert (log.log_start_offset, read_all(log)) == (4, a_batch(2, base_offset=4, leader_epoch=0))


def test_a_log_with_nothing_left_goes_on_where_its_records_were_deleted_to(
    fs: MemoryFileSystem,
) -> None:
    log = a_log(fs, recovery_point=50, log_start_offset=50)

    assert (log.log_start_offset, log.end_offset, log.recovery_point) == (50, 50, 50)
    assert [name for name in fs.listdir(DIRECTORY) if name.endswith(".log")] == [
        "00000000000000000050.log"
    ]


def test_a_log_below_its_log_start_is_put_aside(fs: MemoryFileSystem) -> None:
    segments_of(fs, 1, 2)
    before = contents(fs)

    log = a_log(fs, recovery_point=2, log_start_offset=50)

    assert (log.log_start_offset, log.end_offset, log.size_bytes) == (50, 50, 0)
    assert log.recovery_report.kept == (
        "00000000000000000000.log.torn",
        "00000000000000000002.log.torn",
    )
    after = contents(fs)
    for name in ("00000000000000000000.log", "00000000000000000002.log"):
        assert after[f"{name}.torn"] == before[name]
        assert name not in after


def test_a_log_closed_below_its_log_start_is_damage(fs: MemoryFileSystem) -> None:
    segments_of(fs, 3)

    found = damage_found(fs, clean=True, recovery_point=6, log_start_offset=50)

    assert found.reason == "it ends at offset 6, below its start 50"


# -- gaps


COMPACT = frozenset({"compact"})


def a_gap_by_cleaning(fs: MemoryFileSystem) -> None:
    """Offsets 2 to 4 are gone, with the whole segment of 2 and 3."""
    segments_of(fs, 1, 1, 1, 1, cleanup_policy=COMPACT)
    fs.remove(f"{DIRECTORY}/{2:020d}.log")
    overwrite(fs, f"{DIRECTORY}/{4:020d}.log", a_batch(1, base_offset=5))


@pytest.mark.parametrize("clean", [True, False])
@pytest.mark.parametrize(
    "known",
    [
        {"cleanup_policy": COMPACT},
        {"cleanup_policy": COMPACT, "recovery_point": 8},
        {"cleanup_policy": COMPACT, "recovery_point": 8, "cleaned_offset": 0},
        {"cleanup_policy": COMPACT, "recovery_point": 0, "cleaned_offset": 6},
        {"recovery_point": 0, "cleaned_offset": 6},
        {"recovery_point": 8, "cleaned_offset": 6},
    ],
)
def test_gaps_that_cleaning_left_are_no_loss_even_once_the_topic_is_none_to_compact(
    fs: MemoryFileSystem, clean: bool, known: dict[str, Any]
) -> None:
    a_gap_by_cleaning(fs)

    log = a_log(fs, clean=clean, **known)

    assert [segment.base_offset for segment in log.segments] == [0, 4, 6]
    assert (log.end_offset, log.recovery_report.cut) == (8, None)


def test_a_gap_above_what_may_have_been_cleaned_is_a_hole_in_a_compacted_log(
    fs: MemoryFileSystem,
) -> None:
    a_gap_by_cleaning(fs)

    log = a_log(fs, recovery_point=1, cleaned_offset=0, cleanup_policy=COMPACT)

    assert (log.recovery_report.finding, log.end_offset) == (Finding.HOLE, 2)


def test_a_gap_above_what_was_cleaned_is_damage(fs: MemoryFileSystem) -> None:
    segments_of(fs, 1, 1, 1, 1)
    fs.remove(f"{DIRECTORY}/{4:020d}.log")

    assert damage_found(fs, recovery_point=8, cleaned_offset=4).cut.next_offset == 4


def test_a_gap_is_judged_by_the_log_and_not_by_an_index_that_lies(fs: MemoryFileSystem) -> None:
    log = a_log(fs, index_interval_bytes=100)
    for _ in range(8):
        append(log, 2)
    log.roll(NOW_MS)
    append(log, 2)
    log.close()
    index = FIRST_LOG.replace(".log", ".index")
    fs.create(index).pwrite(bytes(16), 0)

    assert a_log(fs, clean=True, recovery_point=18).end_offset == 18


def test_a_segment_that_begins_inside_the_one_before_is_damage(fs: MemoryFileSystem) -> None:
    segments_of(fs, 3)
    overwrite(fs, f"{DIRECTORY}/{5:020d}.log", a_batch(2, base_offset=5))

    assert damage_found(fs).reason == "offset 5 is in it and in the next segment too"


def test_one_that_does_so_and_holds_nothing_is_cut(fs: MemoryFileSystem) -> None:
    segments_of(fs, 3)
    overwrite(fs, f"{DIRECTORY}/{5:020d}.log", bytes(500))

    log = a_log(fs)
    append(log, 2)

    again = a_log(fs)
    assert [segment.base_offset for segment in again.segments] == [0]
    assert (again.end_offset, again.recovery_report.cut) == (8, None)


def test_offsets_too_far_for_one_segment_are_no_gap(fs: MemoryFileSystem) -> None:
    log = a_log(fs)
    append(log)
    replicate(log, a_batch(base_offset=1 << 33))
    log.close()

    for clean in (True, False):
        assert a_log(fs, clean=clean, recovery_point=log.end_offset).end_offset == (1 << 33) + 1
