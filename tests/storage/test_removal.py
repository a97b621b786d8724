"""What is no part of a log any more: renamed at once, removed later, readable where it was read."""

from __future__ import annotations

import pytest

from pykbroker.storage.files import FileSystem
from pykbroker.storage.fs import OsFileSystem
from pykbroker.storage.memory_fs import MemoryFileSystem
from pykbroker.storage.removal import Removal, Removals, set_aside
from tests.storage.logs import DIRECTORY, a_log, append, offsets_in, read


@pytest.fixture(params=["memory", "os"])
def fs(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[FileSystem, str]:
    if request.param == "memory":
        return MemoryFileSystem(), DIRECTORY
    return OsFileSystem(), str(tmp_path_factory.mktemp("data") / "topic-0")


def test_a_segment_set_aside_has_other_names_and_its_slices_stay_readable(
    fs: tuple[FileSystem, str],
) -> None:
    files, directory = fs
    log = a_log(files, directory, index_interval_bytes=0)
    append(log, 3)
    log.close()
    part = read(log, 0)

    aside = set_aside(files, log.segments[0])

    names = [f"{'0' * 20}.{suffix}.deleted" for suffix in ("log", "index", "timeindex")]
    assert aside == [f"{directory}/{name}" for name in names]
    assert not getattr(log.segments[0].file, "is_open", False)
    assert set(names) <= set(files.listdir(directory))
    assert Removals(files).remove(aside) == []
    assert [name for name in files.listdir(directory) if name.endswith(".deleted")] == []
    assert offsets_in(part) == [(0, 2)]


def test_files_and_directories_are_removed_and_what_is_gone_is_no_failure() -> None:
    fs = MemoryFileSystem()
    fs.mkdirs("data/topic-0.1f-delete/inner")
    fs.create("data/topic-0.1f-delete/a.log")
    fs.create("data/b.log.deleted")

    removals = Removals(fs)

    gone = ["data/topic-0.1f-delete", "data/topic-0.1f-delete/a.log", "data/b.log.deleted"]
    assert removals.remove(gone) == []
    assert fs.listdir("data") == []


def test_one_that_cannot_be_removed_keeps_no_other_from_it() -> None:
    class StubbornFileSystem(MemoryFileSystem):
        def remove(self, path: str) -> None:
            if path == "data/stuck":
                raise failure
            super().remove(path)

    failure = OSError(30, "Read-only file system", "data/stuck")
    fs = StubbornFileSystem()
    fs.mkdirs("data")
    fs.create("data/stuck")
    fs.create("data/free")

    assert Removals(fs).remove(["data/stuck", "data/free"]) == [failure]
    assert fs.listdir("data") == ["stuck"]


def test_what_is_noted_is_taken_once_in_order_and_told_of() -> None:
    removals, told = Removals(MemoryFileSystem()), []
    removals.note(["early"], delay_ms=5)
    removals.on_noted = lambda: told.append("noted")

    removals.note(["one", "two"], delay_ms=None)

    assert told == ["noted"]
    assert removals.take() == [Removal("early", 5), Removal("one", None), Removal("two", None)]
    assert removals.take() == []
