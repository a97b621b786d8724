"""One file of the operating system: its descriptor, opened when needed, and slices of it.

A descriptor is closed with its last reference, so that a slice outlives its file.
"""

from __future__ import annotations

import errno
import os
import sys
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pykbroker.storage.files import Data

if TYPE_CHECKING:
    from pykbroker.storage.fs import OsFileSystem

if sys.platform == "darwin":  # pragma: no cover
    import fcntl

WRITEV_BUFFERS_MAX = 1024


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
            self._note_dirty(descriptor)
        if isinstance(data, (bytes, bytearray, memoryview)):
            length = len(data)
            written = descriptor.pwrite(data, position)
        else:
            length = sum(map(len, data))
            written = descriptor.pwritev(data, position)
        if written != length:
            whole = data if isinstance(data, (bytes, bytearray, memoryview)) else b"".join(data)
            self._write_rest(memoryview(whole), written, position)
        if not self._dirty:  # a sync has ended since, which may not cover what was just written
            self._note_dirty(descriptor)
        if position + length > self.size:
            self.size = position + length

    def _note_dirty(self, descriptor: Descriptor) -> None:
        self._dirty = True
        self._fs.keep_out(self)
        self._descriptor = descriptor  # which another thread may have let go of until now

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
        self._note_dirty(descriptor)
        os.ftruncate(descriptor.fd, size)
        if not self._dirty:  # as in pwrite
            self._note_dirty(descriptor)
        self.size = size

    def close(self) -> None:
        """Give up the descriptor; a later call opens the file again."""
        self._fs.keep_out(self)
        self._dirty = False
        self._descriptor = None

    def moved(self, path: str) -> None:
        """Take over the name that the file was renamed to."""
        self.path = path

    def drop_cached(self) -> None:
        """Have what is synced be read from the disk again, where the system can do that."""
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(self._opened().fd, 0, 0, os.POSIX_FADV_DONTNEED)

    def set_modified_ms(self, time_ms: int) -> None:
        """Let the file be as old as another one, ms since 1970 UTC."""
        os.utime(self.path, ns=(time_ms * 1_000_000, time_ms * 1_000_000))

    def modified_ms(self) -> int:
        """Return when it was written to last, ms since 1970 UTC."""
        return os.stat(self.path).st_mtime_ns // 1_000_000

    @property
    def is_open(self) -> bool:
        """Tell whether the file holds a descriptor now."""
        return self._descriptor is not None
