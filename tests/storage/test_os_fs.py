"""What only the operating system's files can show."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pykbroker.storage import os_file
from pykbroker.storage.fs import OsFileSystem
from pykbroker.storage.os_file import OsFile


class TestOsFileSystem:
    @pytest.fixture
    def files(self, tmp_path: Path) -> list[OsFile]:
        fs = OsFileSystem(open_files_max=2)
        return [fs.create(f"{tmp_path}/{name}") for name in "abcd"]

    def test_clean_files_above_the_bound_give_up_their_descriptor(
        self, files: list[OsFile]
    ) -> None:
        a, b, c, d = files
        assert [file.is_open for file in files] == [False, False, True, True]

        c.pread(1, 0)
        a.pread(1, 0)

        assert [file.is_open for file in (a, b, c, d)] == [True, False, True, False]

    def test_an_unsynced_file_keeps_its_descriptor(self, files: list[OsFile]) -> None:
        for file in files:
            file.pwrite(b"x", 0)
        assert [file.is_open for file in files] == [True] * 4

        for file in files:
            file.sync()
        assert [file.is_open for file in files] == [False, False, True, True]

    def test_a_slice_works_after_its_file_was_closed_for_the_bound(
        self, files: list[OsFile]
    ) -> None:
        files[0].pwrite(b"abc", 0)
        part = files[0].slice(0, 3)
        files[0].sync()
        for file in files[1:]:
            file.pread(1, 0)

        assert not files[0].is_open
        assert part.read() == b"abc"

    @pytest.mark.parametrize("code", [errno.EMFILE, errno.ENFILE])
    @pytest.mark.parametrize(
        "touch",
        [
            lambda fs, path: fs.create(path),
            lambda fs, path: fs.write_atomic(path, b""),
            lambda fs, path: fs.read_bytes(__file__),
            lambda fs, path: fs.sync_directory(str(Path(path).parent)),
        ],
    )
    def test_where_too_many_files_are_open_clean_ones_make_room(
        self,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        code: int,
        touch: Callable[[OsFileSystem, str], object],
    ) -> None:
        fs = OsFileSystem()
        clean, unsynced = fs.create(f"{tmp_path}/clean"), fs.create(f"{tmp_path}/unsynced")
        unsynced.pwrite(b"x", 0)
        real = os.open

        def crowded(*arguments: Any) -> int:
            if clean.is_open:
                raise OSError(code, os.strerror(code))
            return real(*arguments)

        monkeypatch.setattr(os, "open", crowded)

        touch(fs, f"{tmp_path}/new")

        assert [clean.is_open, unsynced.is_open] == [False, True]

    def test_where_too_many_files_are_open_and_none_is_clean_opening_fails(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        fs = OsFileSystem()
        unsynced = fs.create(f"{tmp_path}/unsynced")
        unsynced.pwrite(b"x", 0)

        def crowded(*_: Any) -> int:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

        monkeypatch.setattr(os, "open", crowded)

        with pytest.raises(OSError, match="Too many open files"):
            fs.create(f"{tmp_path}/new")
        assert unsynced.is_open

    def test_a_write_cut_short_is_continued(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        file = OsFileSystem().create(f"{tmp_path}/a")
        real = os.pwrite
        monkeypatch.setattr(os, "pwrite", lambda fd, data, at: real(fd, bytes(data)[:3], at))
        monkeypatch.setattr(os, "pwritev", lambda fd, data, at: real(fd, data[0][:1], at))

        file.pwrite(b"0123456789", 0)
        file.pwrite([b"ab", b"cd"], 10)

        assert file.pread(100, 0) == b"0123456789abcd"

    def test_a_write_that_gets_nowhere_is_an_error(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        file = OsFileSystem().create(f"{tmp_path}/a")
        monkeypatch.setattr(os, "pwrite", lambda *_: 0)

        with pytest.raises(OSError, match="No space left") as raised:
            file.pwrite(b"0123456789", 0)

        assert (raised.value.errno, file.size) == (errno.ENOSPC, 0)

    def test_a_read_cut_short_is_continued(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        file = OsFileSystem().create(f"{tmp_path}/a")
        file.pwrite(b"0123456789", 0)
        real = os.pread
        monkeypatch.setattr(os, "pread", lambda fd, n, at: real(fd, min(n, 3), at))

        assert file.pread(9, 0) == b"012345678"
        assert file.pread(100, 2) == b"23456789"

    def test_bytes_on_the_disk_alone_are_not_read_if_that_means_waiting(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        file = OsFileSystem().create(f"{tmp_path}/a")
        file.pwrite(b"abc", 0)

        def cold(*_: object) -> int:
            raise BlockingIOError

        monkeypatch.setattr(os, "preadv", cold)
        assert file.read_if_cached(3, 0) is None
        monkeypatch.setattr(os, "preadv", lambda *_: 2)
        assert file.read_if_cached(3, 0) is None

    def test_a_disk_that_cannot_tell_what_is_cached_just_reads(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        fs = OsFileSystem()
        fs.tells_cached = True
        file = fs.create(f"{tmp_path}/a")
        file.pwrite(b"abc", 0)

        def refuse(number: int) -> None:
            def preadv(*_: object) -> int:
                raise OSError(number, "")

            monkeypatch.setattr(os, "preadv", preadv, raising=False)
            monkeypatch.setattr(os, "RWF_NOWAIT", 8, raising=False)

        refuse(errno.EIO)
        with pytest.raises(OSError, match="Errno 5"):
            file.read_if_cached(3, 0)
        refuse(errno.EOPNOTSUPP)
        assert file.read_if_cached(3, 0) == b"abc"
        assert fs.tells_cached is False

    def test_a_failed_sync_leaves_the_file_unsynced(
        self, files: list[OsFile], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        files[0].pwrite(b"x", 0)

        def fail(_: int) -> None:
            raise OSError(errno.EIO, "")

        with monkeypatch.context() as patch:
            patch.setattr(os_file, "_sync_descriptor", fail)
            with pytest.raises(OSError, match="Errno 5"):
                files[0].sync()
        for file in files[1:]:
            file.pread(1, 0)

        assert files[0].is_open

    def test_without_fdatasync_fsync_is_used(
        self, files: list[OsFile], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        synced: list[int] = []
        monkeypatch.delattr(os, "fdatasync", raising=False)
        monkeypatch.setattr(os, "fsync", synced.append)

        files[0].sync()

        assert len(synced) == 1


def test_a_renamed_file_is_found_again_once_it_knows_its_new_name(tmp_path: Path) -> None:
    fs = OsFileSystem()
    file = fs.create(f"{tmp_path}/old")
    file.pwrite(b"abc", 0)
    file.sync()
    file.close()
    fs.rename(f"{tmp_path}/old", f"{tmp_path}/new")

    file.moved(f"{tmp_path}/new")

    assert file.pread(3, 0) == b"abc"


def test_a_removed_file_needs_no_sync(tmp_path: Path) -> None:
    fs = OsFileSystem()
    file = fs.create(f"{tmp_path}/gone")
    file.close()
    fs.remove(f"{tmp_path}/gone")

    file.sync()

    assert not fs.exists(f"{tmp_path}/gone")


@pytest.mark.parametrize("call", ["pwrite", "ftruncate"])
def test_a_sync_that_ends_during_a_change_does_not_make_the_file_clean(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    fs = OsFileSystem(open_files_max=1)
    file = fs.create(f"{tmp_path}/a")
    real = getattr(os, call)

    def changed_late(*given: Any) -> Any:
        file.sync()  # as a thread does
        return real(*given)

    with monkeypatch.context() as patch:
        patch.setattr(os, call, changed_late)
        if call == "pwrite":
            file.pwrite(b"x", 0)
        else:
            file.truncate(0)
    fs.create(f"{tmp_path}/b")

    assert file.is_open
    file.sync()
    fs.create(f"{tmp_path}/c")
    assert not file.is_open
