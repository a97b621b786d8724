"""One contract for every file system."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pykbroker.storage.files import FileSystem
from pykbroker.storage.fs import OsFileSystem
from pykbroker.storage.memory_fs import MemoryFile, MemoryFileSystem

KINDS: dict[str, Callable[[], FileSystem]] = {
    "os": OsFileSystem,
    "os without pread and pwrite": lambda: OsFileSystem(positional=False),
    "os with one descriptor": lambda: OsFileSystem(open_files_max=1),
    "memory": MemoryFileSystem,
}


@pytest.fixture(params=KINDS)
def fs(request: pytest.FixtureRequest) -> FileSystem:
    return KINDS[request.param]()


@pytest.fixture
def root(fs: FileSystem, tmp_path: Path) -> str:
    path = f"{tmp_path.as_posix()}/data"
    fs.mkdirs(path)
    return path


def test_a_file_gives_back_what_was_written_at_each_position(fs: FileSystem, root: str) -> None:
    file = fs.create(f"{root}/a")

    file.pwrite(b"hello ", 0)
    file.pwrite(memoryview(bytearray(b"world")), 6)

    assert file.size == 11
    assert bytes(file.pread(100, 0)) == b"hello world"
    assert bytes(file.pread(3, 4)) == b"o w"
    assert bytes(file.pread(10, 11)) == b""
    assert bytes(file.pread(10, 50)) == b""


def test_a_list_of_buffers_is_written_in_order(fs: FileSystem, root: str) -> None:
    file = fs.create(f"{root}/a")

    file.pwrite([b"ab", bytearray(b"cd"), memoryview(b"ef")], 0)
    file.pwrite([b"x"] * 2_000, 6)

    assert bytes(file.pread(3_000, 0)) == b"abcdef" + b"x" * 2_000


def test_writing_over_the_middle_changes_only_that(fs: FileSystem, root: str) -> None:
    file = fs.create(f"{root}/a")
    file.pwrite(b"0123456789", 0)

    file.pwrite(b"abc", 4)

    assert (bytes(file.pread(20, 0)), file.size) == (b"0123abc789", 10)


def test_a_gap_reads_as_zeros(fs: FileSystem, root: str) -> None:
    file = fs.create(f"{root}/a")

    file.pwrite(b"x", 3)

    assert bytes(file.pread(10, 0)) == b"\0\0\0x"


def test_many_appends_read_back_across_all_of_them(fs: FileSystem, root: str) -> None:
    file, written = fs.create(f"{root}/a"), bytearray()
    for number in range(300):
        data = bytes([number % 256]) * (number * 7 % 900 + 1)
        file.pwrite(data, len(written))
        written += data

    for position in range(0, len(written), 1_111):
        assert bytes(file.pread(5_000, position)) == written[position : position + 5_000]
    assert bytes(file.pread(len(written), 0)) == written


def test_an_opened_file_continues_where_another_ended(fs: FileSystem, root: str) -> None:
    first = fs.create(f"{root}/a")
    first.pwrite(b"abc", 0)
    first.close()

    file = fs.open(f"{root}/a")
    file.pwrite(b"def", file.size)

    assert bytes(fs.open(f"{root}/a").pread(10, 0)) == b"abcdef"


def test_a_closed_file_opens_again_by_itself(fs: FileSystem, root: str) -> None:
    file = fs.create(f"{root}/a")
    file.pwrite(b"abc", 0)

    file.close()

    assert bytes(file.pread(3, 0)) == b"abc"


def test_a_truncated_file_ends_there_and_grows_again(fs: FileSystem, root: str) -> None:
    file = fs.create(f"{root}/a")
    file.pwrite(b"abcdef", 0)

    file.truncate(2)
    assert (bytes(file.pread(10, 0)), file.size) == (b"ab", 2)
    file.pwrite(b"XY", 2)
    assert bytes(file.pread(10, 0)) == b"abXY"
    file.truncate(6)
    assert bytes(file.pread(10, 0)) == b"abXY\0\0"
    file.truncate(0)
    assert (bytes(file.pread(10, 0)), file.size) == (b"", 0)


def test_a_slice_reads_its_bytes_when_asked(fs: FileSystem, root: str) -> None:
    file = fs.create(f"{root}/a")
    file.pwrite(b"0123456789" * 1_000, 0)

    part = file.slice(5, 8_000)

    assert (len(part), part.position) == (8_000, 5)
    assert bytes(part.read()) == (b"0123456789" * 1_000)[5:8_005]
    if (fd := part.fileno()) is not None:
        assert os.pread(fd, 5, part.position) == b"56789"


def test_a_slice_outlives_its_file(fs: FileSystem, root: str) -> None:
    file = fs.create(f"{root}/a")
    file.pwrite(b"kept", 0)
    part = file.slice(0, 4)

    file.close()
    fs.remove(f"{root}/a")
    fs.create(f"{root}/a").pwrite(b"else", 0)

    assert bytes(part.read()) == b"kept"


def test_a_slice_in_memory_is_not_changed_by_truncating_and_writing_again() -> None:
    file = MemoryFileSystem().create("a")
    file.pwrite(b"abcdef", 0)
    part = file.slice(0, 6)

    file.truncate(3)
    file.pwrite(b"XYZ", 3)

    assert bytes(part.read()) == b"abcdef"
    assert bytes(file.pread(6, 0)) == b"abcXYZ"


def test_a_slice_of_a_truncated_file_is_an_error(fs: FileSystem, root: str) -> None:
    file = fs.create(f"{root}/a")
    file.pwrite(b"abcdef", 0)
    file.truncate(2)

    with pytest.raises(OSError, match="shorter"):
        file.slice(0, 6).read()


def test_what_is_read_cannot_be_written_to() -> None:
    file = MemoryFileSystem().create("a")
    file.pwrite(b"abcdef", 0)

    read = file.pread(3, 0)

    assert isinstance(read, memoryview)
    assert read.readonly


def test_what_was_just_written_is_read_without_waiting(fs: FileSystem, root: str) -> None:
    file = fs.create(f"{root}/a")
    file.pwrite(b"abcdef", 0)

    assert bytes(file.read_if_cached(100, 2) or b"") == b"cdef"
    assert bytes(file.read_if_cached(3, 0) or b"") == b"abc"


def test_a_synced_file_is_the_same_file(fs: FileSystem, root: str) -> None:
    file = fs.create(f"{root}/a")
    file.pwrite(b"abc", 0)

    file.sync()
    fs.sync_directory(root)

    assert bytes(file.pread(3, 0)) == b"abc"


def test_creating_replaces_what_had_the_name(fs: FileSystem, root: str) -> None:
    fs.create(f"{root}/a").pwrite(b"abc", 0)

    file = fs.create(f"{root}/a")

    assert (file.size, fs.read_bytes(f"{root}/a")) == (0, b"")


def test_what_does_not_exist_is_not_found(fs: FileSystem, root: str) -> None:
    missing = f"{root}/none/a"
    for act in (fs.open, fs.create, fs.remove, fs.remove_tree, fs.listdir, fs.read_bytes):
        with pytest.raises(FileNotFoundError):
            act(missing)
    with pytest.raises(FileNotFoundError):
        fs.rename(missing, f"{root}/b")
    assert not fs.exists(missing)
    assert not fs.is_directory(missing)


def test_files_are_listed_renamed_and_removed(fs: FileSystem, root: str) -> None:
    for name in ("c", "a", "b"):
        fs.create(f"{root}/{name}").pwrite(name.encode(), 0)

    fs.rename(f"{root}/a", f"{root}/b")
    fs.mkdirs(f"{root}/d/e")

    assert fs.listdir(root) == ["b", "c", "d"]
    assert fs.read_bytes(f"{root}/b") == b"a"
    fs.remove(f"{root}/c")
    assert fs.listdir(root) == ["b", "d"]
    assert [fs.is_directory(f"{root}/{name}") for name in ("b", "d")] == [False, True]
    assert fs.exists(f"{root}/d/e")


def test_a_directory_moves_and_goes_with_all_in_it(fs: FileSystem, root: str) -> None:
    fs.mkdirs(f"{root}/d/e")
    fs.mkdirs(f"{root}/d/e")
    fs.create(f"{root}/d/a").pwrite(b"a", 0)
    fs.create(f"{root}/d/e/b").pwrite(b"b", 0)
    fs.mkdirs(f"{root}/dd")

    fs.rename(f"{root}/d", f"{root}/f")

    assert fs.listdir(root) == ["dd", "f"]
    assert (fs.read_bytes(f"{root}/f/a"), fs.read_bytes(f"{root}/f/e/b")) == (b"a", b"b")
    fs.remove_tree(f"{root}/f")
    assert fs.listdir(root) == ["dd"]
    assert not fs.exists(f"{root}/f/e/b")


def test_a_small_file_is_replaced_whole(fs: FileSystem, root: str) -> None:
    fs.write_atomic(f"{root}/a", b"old")
    fs.write_atomic(f"{root}/a", b"newer")

    assert fs.read_bytes(f"{root}/a") == b"newer"
    assert fs.listdir(root) == ["a"]


def test_threads_sync_directories_side_by_side(fs: FileSystem, root: str) -> None:
    directories = [f"{root}/d{number}" for number in range(300)]
    for directory in directories:
        fs.mkdirs(directory)
        fs.create(f"{directory}/a")
        fs.create(f"{directory}/b")
    often = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as pool:
            synced = list(pool.map(fs.sync_directory, directories))
    finally:
        sys.setswitchinterval(often)

    assert synced == [None] * len(directories)


def test_a_lock_has_one_holder(fs: FileSystem, root: str) -> None:
    lock = fs.lock(f"{root}/.lock")

    with pytest.raises(BlockingIOError, match="in use by another process"):
        fs.lock(f"{root}/.lock")
    lock.release()
    lock.release()
    fs.lock(f"{root}/.lock").release()


def test_a_power_cut_leaves_synced_bytes_under_synced_names() -> None:
    fs = MemoryFileSystem()
    fs.mkdirs("d")
    kept, lost = fs.create("d/kept"), fs.create("d/renamed")
    kept.pwrite(b"abc", 0)
    kept.sync()
    kept.pwrite(b"def", 3)
    fs.sync_directory("d")
    fs.rename("d/renamed", "d/other")
    lost.pwrite(b"x", 0)
    fs.create("d/never")

    after = fs.after_power_cut()

    assert after.listdir("d") == ["kept", "renamed"]
    assert [after.read_bytes(f"d/{name}") for name in after.listdir("d")] == [b"abc", b""]
    fs.write_atomic("d/whole", b"w")
    after = fs.after_power_cut()
    assert after.listdir("d") == ["kept", "never", "other", "whole"]
    assert after.read_bytes("d/whole") == b"w"


def test_a_power_cut_undoes_what_was_cut_or_written_over_since_the_last_sync() -> None:
    file = MemoryFile(b"abcdef")

    def after() -> bytes:
        survivor = file.after_power_cut()
        return bytes(survivor.pread(survivor.size, 0))

    file.pwrite(b"X", 2)
    file.truncate(4)
    file.truncate(1)
    assert after() == b"abcdef"
    file.sync()
    assert after() == b"a"
