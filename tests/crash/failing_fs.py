"""The operating system's files with calls that fail on demand, for a broker in this process."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pykbroker.storage.files import File
from pykbroker.storage.fs import OsFileSystem


class FailingFileSystem(OsFileSystem):
    """Fails the call that `failing` names, its own or a file's, where the path has what it says."""

    def __init__(self) -> None:
        super().__init__()
        self._fault: tuple[str, int, str] | None = None
        self.failed = 0

    @contextmanager
    def failing(self, call: str, error: int, where: str = "") -> Iterator[None]:
        """Fail a method of files or of the file system while the block lasts."""
        self._fault = call, error, where
        try:
            yield
        finally:
            self._fault = None

    def check(self, call: str, path: str) -> None:
        """Raise what the call is to fail with."""
        if self._fault is not None:
            named, error, where = self._fault
            if call == named and where in path:
                self.failed += 1
                raise OSError(error, os.strerror(error), path)

    def open(self, path: str) -> Any:
        return FailingFile(super().open(path), path, self)

    def create(self, path: str) -> Any:
        self.check("create", path)
        return FailingFile(super().create(path), path, self)

    def rename(self, old: str, new: str) -> None:
        self.check("rename", old)
        super().rename(old, new)

    def sync_directory(self, path: str) -> None:
        self.check("sync_directory", path)
        super().sync_directory(path)


class FailingFile:
    """A file whose methods ask the file system first."""

    def __init__(self, file: File, path: str, fs: FailingFileSystem) -> None:
        self._file = file
        self._path = path
        self._fs = fs

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._file, name)
        if not callable(found):
            return found

        def call(*arguments: Any) -> Any:
            self._fs.check(name, self._path)
            return found(*arguments)

        return call
