"""The operating system's file system behind the seam of `files.py`, whose files are in `os_file`.

What a platform lacks (pwrite, preadv, fdatasync, flock) is detected and has a plain substitute.
"""

from __future__ import annotations

import errno
import os
import shutil
import sys
import threading
from collections import OrderedDict
from contextlib import suppress

from pykbroker.storage.files import Data, File, FileSystem, Lock, Slice
from pykbroker.storage.memory_fs import MemoryFileSystem
from pykbroker.storage.os_file import Descriptor, OsFile, SeekingDescriptor

if sys.platform == "win32":  # pragma: no cover
    import msvcrt
else:
    import fcntl

__all__ = ["Data", "File", "FileSystem", "Lock", "MemoryFileSystem", "OsFileSystem", "Slice"]

OPEN_CLEAN_FILES_MAX = 512
OUT_OF_FILES = frozenset({errno.EMFILE, errno.ENFILE})
"""Nothing is wrong with a disk that answers so: the process or the system has too many open."""


class OsLock:
    """An exclusive lock by which processes keep out of one another's directory."""

    def __init__(self, path: str) -> None:
        self._fd: int | None = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if sys.platform == "win32":  # pragma: no cover
                msvcrt.locking(self._fd, msvcrt.LK_NBLCK, 1)
            else:
                # flock keeps out a second opener in this process, lockf a JVM (FileLock).
                fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                fcntl.lockf(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self.release()
            raise BlockingIOError(errno.EAGAIN, "in use by another process", path) from error

    def release(self) -> None:
        """Let others have it."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


class OsFileSystem:
    """The operating system's files.

    At most `open_files_max` descriptors of clean files are kept, the least recently used closed
    first; unsynced files and those a slice refers to come on top. `positional=False` is what
    platforms without pread and pwrite get.
    """

    def __init__(
        self, *, open_files_max: int = OPEN_CLEAN_FILES_MAX, positional: bool | None = None
    ) -> None:
        if positional is None:
            positional = hasattr(os, "pwritev")
        self._descriptor_type = Descriptor if positional else SeekingDescriptor
        self.tells_cached = positional and hasattr(os, "RWF_NOWAIT")
        self._open_files_max = open_files_max
        self._clean: OrderedDict[OsFile, None] = OrderedDict()
        self._lock = threading.Lock()

    def open_descriptor(self, path: str, flags: int = 0) -> Descriptor:
        """Open `path` for reading and writing."""
        binary = getattr(os, "O_BINARY", 0)
        return self._descriptor_type(self._open_fd(path, os.O_RDWR | binary | flags))

    def _open_fd(self, path: str, flags: int) -> int:
        """Open `path`; where too many files are open, first close those that can come back."""
        try:
            return os.open(path, flags, 0o600)
        except OSError as failure:
            if failure.errno not in OUT_OF_FILES:
                raise
        with self._lock:
            while self._clean:
                self._clean.popitem()[0]._descriptor = None
        return os.open(path, flags, 0o600)

    def used(self, file: OsFile) -> None:
        """Note that a clean file was used now."""
        with suppress(KeyError):  # evicted by another thread, which is no harm
            self._clean.move_to_end(file)

    def keep_open(self, file: OsFile) -> None:
        """Count `file` among the clean open files, closing others above the bound."""
        with self._lock:
            if file._dirty:
                return  # written to since its sync, by another thread
            self._clean[file] = None
            while len(self._clean) > self._open_files_max:
                self._clean.popitem(last=False)[0]._descriptor = None

    def keep_out(self, file: OsFile) -> None:
        """Stop counting `file`: it was written to, or closed."""
        with self._lock:
            self._clean.pop(file, None)

    def open(self, path: str) -> OsFile:
        """Return an existing file; FileNotFoundError."""
        return OsFile(self, path, os.stat(path).st_size)

    def create(self, path: str) -> OsFile:
        """Return a new empty file in place of whatever had this name."""
        with suppress(FileNotFoundError):
            # A slice of the old file must go on reading the old bytes.
            os.unlink(path)
        file = OsFile(self, path, 0)
        file._descriptor = self.open_descriptor(path, os.O_CREAT | os.O_EXCL)
        self.keep_open(file)
        return file

    def rename(self, old: str, new: str) -> None:
        """Rename a file (replacing another) or a directory."""
        os.replace(old, new)

    def remove(self, path: str) -> None:
        """Remove a file; FileNotFoundError."""
        os.unlink(path)

    def remove_tree(self, path: str) -> None:
        """Remove a directory and all in it; FileNotFoundError."""
        shutil.rmtree(path)

    def listdir(self, path: str) -> list[str]:
        """Return the names in a directory, sorted; FileNotFoundError."""
        return sorted(os.listdir(path))

    def mkdirs(self, path: str) -> None:
        """Make a directory and its parents, readable by the owner alone, unless present."""
        os.makedirs(path, mode=0o700, exist_ok=True)

    def exists(self, path: str) -> bool:
        """Tell whether a file or directory has this name."""
        return os.path.exists(path)

    def is_directory(self, path: str) -> bool:
        """Tell whether a directory has this name."""
        return os.path.isdir(path)

    def space(self, path: str) -> tuple[int, int] | None:
        """Return all and usable bytes of the volume with this directory; None where unknown."""
        if not hasattr(os, "statvfs"):  # pragma: no cover
            return None
        volume = os.statvfs(path)
        return volume.f_blocks * volume.f_frsize, volume.f_bavail * volume.f_frsize

    def sync_directory(self, path: str) -> None:
        """Return once the names in this directory are durable."""
        if sys.platform == "win32":  # pragma: no cover
            return  # directories cannot be opened there; NTFS journals names itself
        fd = self._open_fd(path, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def read_bytes(self, path: str) -> bytes:
        """Return a small file's contents; FileNotFoundError."""
        with open(path, "rb", opener=self._open_fd) as file:
            return file.read()

    def write_atomic(self, path: str, data: bytes) -> None:
        """Replace a small file durably, and with it all names in its directory."""
        temporary = path + ".tmp"
        with open(temporary, "wb", opener=self._open_fd) as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        self.sync_directory(os.path.dirname(path) or ".")

    def lock(self, path: str) -> OsLock:
        """Lock `path`, creating it; BlockingIOError when another holder has it."""
        return OsLock(path)
