"""A cleaned segment takes the place of the old ones, and no crash loses or doubles a record."""

from __future__ import annotations

from pathlib import Path

import pytest

from pykbroker.storage.cleaning.compaction import CleanedGroup, Compaction
from pykbroker.storage.cleaning.swapping import Swap
from pykbroker.storage.files import FileSystem
from pykbroker.storage.fs import OsFileSystem
from pykbroker.storage.log import Log
from pykbroker.storage.memory_fs import MemoryFileSystem
from pykbroker.storage.names import LOG_SUFFIX
from pykbroker.storage.removal import Removals
from tests.storage.compacted import (
    CrashError,
    CrashingFileSystem,
    Kept,
    a_compacted_log,
    a_task,
    clean,
    kept,
    put,
)
from tests.storage.logs import DIRECTORY, NOW_MS

CLEAN = [Kept(3, "b", "3" * 99), Kept(8, "a", "8" * 99), Kept(9, "c", "9")]


def a_dirty_log(fs: FileSystem, directory: str = DIRECTORY) -> Log:
    """Three segments that become one, and an active one."""
    log = a_compacted_log(fs, directory, segment_bytes=700)
    for number in range(9):
        put(log, ("b" if number == 3 else "a", f"{number}" * 99))
    log.roll(NOW_MS)
    put(log, ("c", "9"))
    log.flush()
    assert [segment.base_offset for segment in log.segments] == [0, 4, 8, 9]
    return log


def written(fs: FileSystem, log: Log) -> CleanedGroup:
    """Write what is to take the place of all but the active segment; nothing is renamed yet."""
    log.config = a_compacted_log(MemoryFileSystem()).config
    groups = [
        step for step in Compaction(fs, a_task(log)).steps() if isinstance(step, CleanedGroup)
    ]
    assert [group.base_offsets for group in groups] == [(0, 4, 8)]
    return groups[0]


def a_swap(fs: FileSystem, log: Log, **given: object) -> Swap:
    options = {"old": log.segments[:3], "is_open": lambda: True, "aside": Removals(fs).remove}
    return Swap(fs, log, **{**options, **given})  # type: ignore[arg-type]


def test_a_swap_stopped_anywhere_leaves_the_old_log_or_the_new_one() -> None:
    outcomes = []
    for calls in range(1 << 10):
        fs = CrashingFileSystem()
        log = a_dirty_log(fs)
        before = kept(log)
        written(fs, log)
        fs.calls_left = calls
        try:
            for work in a_swap(fs, log).steps():
                work()
            finished = True
        except CrashError:
            finished = False
        fs.calls_left = 1 << 30

        for survivor in (fs, fs.after_power_cut()):
            reopened = a_compacted_log(survivor, recovery_point=log.recovery_point)
            assert kept(reopened) in (before, CLEAN), calls
            assert reopened.end_offset == 10
            names = [name for name in survivor.listdir(log.directory) if name.endswith(LOG_SUFFIX)]
            assert len(names) == len(reopened.segments)
            if finished:
                assert kept(reopened) == CLEAN
            outcomes.append(kept(reopened) == CLEAN)
        if finished:
            break
    assert {True, False} == set(outcomes)


def test_a_log_is_read_and_appended_to_between_the_steps() -> None:
    fs = MemoryFileSystem()
    log = a_dirty_log(fs)
    written(fs, log)
    seen = []

    for work in a_swap(fs, log).steps():
        put(log, ("d", f"{log.end_offset}"))
        work()
        seen.append(kept(log)[-1].offset)
        assert log.read(8, max_bytes=1, end_offset=10, at_least_one=True) is not None

    assert seen == [10, 11, 12]
    assert kept(log)[:3] == CLEAN
    assert log.size_bytes == sum(segment.size for segment in log.segments)


def test_files_are_found_by_their_names_at_every_step(tmp_path: Path) -> None:
    fs = OsFileSystem(open_files_max=0)
    log = a_dirty_log(fs, str(tmp_path / "topic-0"))
    written(fs, log)
    seen = []

    for work in a_swap(fs, log).steps():
        work()
        seen.append(len(kept(log)))

    assert seen == [10, 3, 3]
    assert kept(log) == CLEAN
    log.close()


def test_a_cleaned_segment_is_as_old_as_the_youngest_it_was_made_from() -> None:
    fs = MemoryFileSystem()
    log = a_dirty_log(fs)
    log.segments[2].created_ms = NOW_MS + 5
    written(fs, log)

    for work in a_swap(fs, log).steps():
        work()

    assert log.segments[0].created_ms == NOW_MS + 5


def test_old_files_are_handed_over_under_names_that_no_start_looks_for() -> None:
    fs = MemoryFileSystem()
    log = a_dirty_log(fs)
    written(fs, log)
    aside: list[str] = []

    for work in a_swap(fs, log, aside=aside.extend).steps():
        work()

    assert aside
    assert all(path.endswith(".deleted") and fs.exists(path) for path in aside)
    assert not [name for name in fs.listdir(log.directory) if name.endswith((".swap", ".cleaned"))]


@pytest.mark.parametrize("steps", [0, 1])
@pytest.mark.parametrize("gone", [0, 1, 2])
def test_segments_that_were_taken_meanwhile_are_not_brought_back(steps: int, gone: int) -> None:
    fs = MemoryFileSystem()
    log = a_dirty_log(fs)
    written(fs, log)
    swap = a_swap(fs, log)
    work = swap.steps()
    for _ in range(steps):
        next(work)()

    log.exchange(gone, 1)
    left = log.segments
    list(work)

    assert not swap.is_done
    assert log.segments == left
    assert not [name for name in fs.listdir(log.directory) if name.endswith((".swap", ".cleaned"))]


def test_a_swap_behind_segments_that_were_taken_loses_nothing_wherever_it_stops() -> None:
    for calls in range(1 << 10):
        fs = CrashingFileSystem()
        log = a_dirty_log(fs)
        old = {segment.base_offset: segment for segment in log.segments}
        steps = Compaction(fs, a_task(log)).steps()
        groups = [step.base_offsets for step in steps if isinstance(step, CleanedGroup)]
        assert groups == [(0,), (4,), (8,)]
        log.raise_log_start(4)
        log.drop_unreachable()
        fs.calls_left = calls
        try:
            for group in groups:
                segments = [old[base_offset] for base_offset in group]
                for work in a_swap(fs, log, old=segments).steps():
                    work()
            finished = True
        except CrashError:
            finished = False
        fs.calls_left = 1 << 30

        for survivor in (fs, fs.after_power_cut()):
            reopened = a_compacted_log(survivor, recovery_point=10, log_start_offset=4)
            assert kept(reopened)[-2:] == CLEAN[1:], calls
        if finished:
            break


@pytest.mark.parametrize("steps", [0, 1, 2])
def test_files_of_a_topic_made_anew_are_left_alone(steps: int) -> None:
    fs = MemoryFileSystem()
    log = a_dirty_log(fs)
    written(fs, log)
    is_open = True
    work = a_swap(fs, log, is_open=lambda: is_open).steps()
    for _ in range(steps):
        next(work)()

    is_open = False
    fs.rename(log.directory, "data/gone")
    new = a_compacted_log(fs)
    put(new, ("other", "topic"))
    names = fs.listdir(log.directory)
    list(work)

    assert fs.listdir(log.directory) == names
    assert kept(new) == [(0, "other", "topic")]


def test_a_second_cleaning_begins_in_front_of_what_the_first_left() -> None:
    fs = MemoryFileSystem()
    log = a_dirty_log(fs)
    written(fs, log)

    clean(fs, log)

    assert kept(log) == CLEAN
