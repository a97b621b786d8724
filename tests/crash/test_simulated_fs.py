"""The simulated file system leaves all that a power cut may leave, and nothing else."""

from __future__ import annotations

import errno
from random import Random

import pytest

from tests.crash.simulated_disk import PAGE_BYTES
from tests.crash.simulated_fs import SimulatedFileSystem

CUTS = 300


@pytest.fixture
def fs() -> SimulatedFileSystem:
    fs = SimulatedFileSystem()
    fs.mkdirs("data")
    fs.sync_directory("")
    return fs


def left_by_cuts(fs: SimulatedFileSystem) -> list[dict[str, bytes]]:
    """What is below data/ after each of many power cuts."""
    return [fs.after_power_cut(Random(seed)).contents("data") for seed in range(CUTS)]


def kinds(states: list[dict[str, bytes]]) -> set[tuple[tuple[str, bytes], ...]]:
    return {tuple(sorted(state.items())) for state in states}


def test_what_is_synced_is_there_under_a_synced_name(fs: SimulatedFileSystem) -> None:
    file = fs.create("data/a")
    file.pwrite(b"synced", 0)
    file.sync()
    fs.sync_directory("data")

    assert kinds(left_by_cuts(fs)) == {(("data/a", b"synced"),)}


def test_an_unsynced_name_may_be_missing_and_synced_bytes_with_it(fs: SimulatedFileSystem) -> None:
    file = fs.create("data/a")
    file.pwrite(b"synced", 0)
    file.sync()

    assert kinds(left_by_cuts(fs)) == {(), (("data/a", b"synced"),)}


def test_unsynced_bytes_are_old_new_or_zeros(fs: SimulatedFileSystem) -> None:
    file = fs.create("data/a")
    file.pwrite(b"old", 0)
    file.sync()
    fs.sync_directory("data")
    file.pwrite(b"new!", 0)

    assert {state["data/a"] for state in left_by_cuts(fs)} == {b"old", b"new", b"new!", b"old\0"}


def test_every_page_is_lost_or_not_by_itself(fs: SimulatedFileSystem) -> None:
    file = fs.create("data/a")
    fs.sync_directory("data")
    file.pwrite(b"x" * 3 * PAGE_BYTES, 0)

    pages = {
        tuple(data[start : start + 1] for start in range(0, 3 * PAGE_BYTES, PAGE_BYTES))
        for state in left_by_cuts(fs)
        if len(data := state["data/a"]) == 3 * PAGE_BYTES
    }
    sizes = {len(state["data/a"]) for state in left_by_cuts(fs)}
    assert len(pages) == 8
    assert sizes == {0, PAGE_BYTES, 2 * PAGE_BYTES, 3 * PAGE_BYTES}


def test_a_cut_that_is_not_synced_may_be_undone(fs: SimulatedFileSystem) -> None:
    file = fs.create("data/a")
    file.pwrite(b"abcdef", 0)
    file.sync()
    fs.sync_directory("data")
    file.truncate(2)

    assert {state["data/a"] for state in left_by_cuts(fs)} >= {b"ab", b"abcdef"}
    file.sync()
    assert {state["data/a"] for state in left_by_cuts(fs)} == {b"ab"}


def test_a_rename_is_one_change(fs: SimulatedFileSystem) -> None:
    for name, data in (("data/old", b"1"), ("data/new", b"2")):
        file = fs.create(name)
        file.pwrite(data, 0)
        file.sync()
    fs.sync_directory("data")
    fs.rename("data/old", "data/new")

    assert kinds(left_by_cuts(fs)) == {
        (("data/new", b"1"),),
        (("data/new", b"2"), ("data/old", b"1")),
    }


def test_names_may_last_in_any_order(fs: SimulatedFileSystem) -> None:
    for name in "abc":
        fs.create(f"data/{name}")

    assert len(kinds(left_by_cuts(fs))) == 8


def test_a_file_replaced_atomically_is_the_old_one_or_the_new_one(fs: SimulatedFileSystem) -> None:
    fs.write_atomic("data/a", b"old")
    states = []
    fs.before_call = lambda call, path: states.extend(left_by_cuts(fs)[:50])
    fs.write_atomic("data/a", b"new")

    assert {state["data/a"] for state in states} == {b"old", b"new"}
    assert kinds(left_by_cuts(fs)) == {(("data/a", b"new"),)}


def test_a_kill_takes_nothing_and_makes_nothing_durable(fs: SimulatedFileSystem) -> None:
    lock = fs.lock("data/.lock")
    fs.create("data/a").pwrite(b"x", 0)
    with pytest.raises(BlockingIOError):
        fs.lock("data/.lock")
    left = fs.after_kill()

    assert left.contents("data") == {"data/.lock": b"", "data/a": b"x"}
    left.lock("data/.lock").release()
    assert () in kinds(left_by_cuts(left))
    lock.release()


def test_what_a_failed_sync_lost_is_read_and_never_durable(fs: SimulatedFileSystem) -> None:
    file = fs.create("data/a")
    fs.sync_directory("data")
    lost = 0
    for seed in range(20):
        fs.random = Random(seed)
        file.pwrite(b"%02d" % seed, 0)

        def fail(call: str, path: str) -> None:
            if call == "sync":
                raise OSError(errno.EIO, "no", path)

        fs.before_call = fail
        with pytest.raises(OSError, match="no"):
            file.sync()
        fs.before_call = lambda call, path: None
        file.sync()

        assert fs.read_bytes("data/a") == b"%02d" % seed
        lost += left_by_cuts(fs)[0]["data/a"] != b"%02d" % seed
    assert 0 < lost < 20


def test_a_closed_file_is_opened_by_its_name_again(fs: SimulatedFileSystem) -> None:
    file = fs.create("data/a")
    file.pwrite(b"x", 0)
    part = file.slice(0, 1)
    file.close()
    fs.rename("data/a", "data/b")

    assert part.read() == b"x"
    with pytest.raises(FileNotFoundError):
        file.pread(1, 0)
    file.moved("data/b")
    assert file.pread(1, 0) == b"x"
