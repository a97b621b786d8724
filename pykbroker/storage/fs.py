"""The operating system's files behind the seam of `files.py`; the only module that knows `os`.

What a platform lacks (pwrite, preadv, fdatasync, flock) is detected and has a plain substitute.
"""

from __future__ import annotations

import errno
import os
import shutil
import sys
import threading
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress

from pykbroker.storage.files import Data, File, FileSystem, Lock, Slice
from pykbroker.storage.memory_fs import MemoryFileSystem

if sys.platform == "win32":  # pragma: no cover
    import msvcrt
else:
    import fcntl

__all__ = ["Data", "File", "FileSystem", "Lock", "MemoryFileSystem", "OsFileSystem", "Slice"]

WRITEV_BUFFERS_MAX = 1024
OPEN_CLEAN_FILES_MAX = 512
OUT_OF_FILES = frozenset({errno.EMFILE, errno.ENFILE})
"""Nothing is wrong with a disk that answers so: the process or the system has too many open."""


class Descriptor:
    """Owns one descriptor and closes it with its last reference: a slice outlives its file."""

    __slots__ = ("fd",)

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def __del__(self) -> None:
        os.close(self.fd)

    def pread(self, length: int, position: int) -> bytes:
        return os.pread(self.fd, length, position)

    def pwrite(self, data: Data, position: int) -> int:
        return os.pwrite(self.fd, data, position)

    def pwritev(self, buffers: Sequence[Data], position: int) -> int:
        if len(buffers) > WRITEV_BUFFERS_MAX:
            return os.pwrite(self.fd, b"".join(buffers), position)
        return os.pwritev(self.fd, buffers, position)


class SeekingDescriptor(Descriptor):
    """The same where the platform has no positional calls: seek and read under a lock."""

    __slots__ = ("_lock",)

    def __init__(self, fd: int) -> None:
        super().__init__(fd)
        self._lock = threading.Lock()

    def pread(self, length: int, position: int) -> bytes:
        with self._lock:
            os.lseek(self.fd, position, os.SEEK_SET)
            return os.read(self.fd, length)

    def pwrite(self, data: Data, position: int) -> int:
        with self._lock:
            os.lseek(self.fd, position, os.SEEK_SET)
            return os.write(self.fd, data)

    def pwritev(self, buffers: Sequence[Data], position: int) -> int:
        return self.pwrite(b"".join(buffers), position)


def _pread_all(descriptor: Descriptor, length: int, position: int) -> bytes:
    data = descriptor.pread(length, position)
    if len(data) == length or not data:
        return data
    parts, missing = [data], length - len(data)
    while missing and (data := descriptor.pread(missing, position + length - missing)):
        parts.append(data)
        missing -= len(data)
    return b"".join(parts)


def _sync_descriptor(fd: int) -> None:
    if sys.platform == "darwin":  # pragma: no cover
        # fsync there stops at the drive's own cache
        fcntl.fcntl(fd, fcntl.F_FULLFSYNC)
    elif hasattr(os, "fdatasync"):
        os.fdatasync(fd)
    else:
        os.fsync(fd)


class OsSlice:
    """A slice of a file of the operating system."""

    __slots__ = ("_descriptor", "_length", "position")

    def __init__(self, descriptor: Descriptor, position: int, length: int) -> None:
        self._descriptor = descriptor
        self.position = position
        self._length = length

    def __len__(self) -> int:
        return self._length

    def read(self) -> bytes:
        """Return all bytes of the slice; OSError when the file was truncated below its end."""
        data = _pread_all(self._descriptor, self._length, self.position)
        if len(data) != self._length:
            raise OSError(errno.EIO, "file is shorter than the slice of it")
        return data

    def fileno(self) -> int | None:
        """Return the descriptor to send from, starting at `position`."""
        return self._descriptor.fd


class OsFile:
    """A file of the operating system whose descriptor is opened when first needed.

    While written but unsynced it keeps that descriptor: a write error that the kernel found in the
    meantime is reported by `sync` only to those who had the file open.
    """

    __slots__ = ("_descriptor", "_dirty", "_fs", "path", "size")

    def __init__(self, fs: OsFileSystem, path: str, size: int) -> None:
        self._fs = fs
        self._descriptor: Descriptor | None = None
        self._dirty = False
        self.path = path
        self.size = size

    def _opened(self) -> Descriptor:
        descriptor = self._descriptor
        if descriptor is None:
            descriptor = self._descriptor = self._fs.open_descriptor(self.path)
            self._fs.keep_open(self)
        elif not self._dirty:
            self._fs.used(self)
        return descriptor

    def pwrite(self, data: Data | Sequence[Data], position: int) -> None:
        """Write all of `data` at `position`; OSError if not all could be written."""
        descriptor = self._opened()
        if not self._dirty:
            self._dirty = True
            self._fs.keep_out(self)
        if isinstance(data, (bytes, bytearray, memoryview)):
            length = len(data)
            written = descriptor.pwrite(data, position)
        else:
            length = sum(map(len, data))
            written = descriptor.pwritev(data, position)
        if written != length:
            whole = data if isinstance(data, (bytes, bytearray, memoryview)) else b"".join(data)
            self._write_rest(memoryview(whole), written, position)
        if position + length > self.size:
            self.size = position + length

    def _write_rest(self, data: memoryview, written: int, position: int) -> None:
        descriptor = self._opened()
        while written < len(data):
            step = descriptor.pwrite(data[written:], position + written)
            if step == 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), self.path)
            written += step

    def pread(self, length: int, position: int) -> bytes:
        """Return up to `length` bytes from `position`; fewer only at the end of the file."""
        return _pread_all(self._opened(), length, position)

    def read_if_cached(self, length: int, position: int) -> bytes | None:
        """Return as `pread` does, or None where that would have to wait for the disk."""
        descriptor = self._opened()
        length = max(0, min(length, self.size - position))
        if not self._fs.tells_cached:
            return _pread_all(descriptor, length, position)
        buffer = bytearray(length)
        try:
            count = os.preadv(descriptor.fd, [buffer], position, os.RWF_NOWAIT)
        except BlockingIOError:
            return None
        except OSError as error:
            if error.errno != errno.EOPNOTSUPP:
                raise
            self._fs.tells_cached = False
            return _pread_all(descriptor, length, position)
        return bytes(buffer) if count == length else None

    def slice(self, position: int, length: int) -> OsSlice:
        """Return the bytes [position, position + length) as a slice, without reading them."""
        return OsSlice(self._opened(), position, length)

    def sync(self) -> None:
        """Return once everything written so far is durable; at once when the file was removed."""
        try:
            descriptor = self._opened()
        except FileNotFoundError:
            return  # nothing is unsynced: what is written to keeps its descriptor
        # Cleared first: what is written during the sync stays dirty.
        self._dirty = False
        try:
            _sync_descriptor(descriptor.fd)
        except OSError:
            self._dirty = True
            raise
        if not self._dirty:
            self._fs.keep_open(self)

    def truncate(self, size: int) -> None:
        """Cut the file to `size` bytes."""
        descriptor = self._opened()
        self._dirty = True
        self._fs.keep_out(self)
        os.ftruncate(descriptor.fd, size)
        self.size = size

    def close(self) -> None:
        """Give up the descriptor; a later call opens the file again."""
        self._fs.keep_out(self)
        self._dirty = False
        self._descriptor = None

    def moved(self, path: str) -> None:
        """Take over the name that the file was renamed to."""
        self.path = path

    def modified_ms(self) -> int:
        """Return when it was written to last, ms since 1970 UTC."""
        return os.stat(self.path).st_mtime_ns // 1_000_000

    @property
    def is_open(self) -> bool:
        """Tell whether the file holds a descriptor now."""
        return self._descriptor is not None


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
