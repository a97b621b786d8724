"""A file system in memory, which remembers what was synced so that a power cut can be played.

A write is copied once, into a block with room for more; a block's bytes never change under a slice
of it. Following the rules of `files.py`; paths use "/". Threads may sync different directories at
the same time: what one of them changes, the others never iterate over.
"""

from __future__ import annotations

import errno
from bisect import bisect_right
from collections.abc import Sequence

from pykbroker.storage.files import Data

BLOCK_BYTES_MIN = 4 << 10
BLOCK_BYTES_MAX = 1 << 20


class MemorySlice:
    """A slice of a file in memory."""

    __slots__ = ("_parts", "position")

    def __init__(self, parts: list[memoryview], position: int) -> None:
        self._parts = parts
        self.position = position

    def __len__(self) -> int:
        return sum(map(len, self._parts))

    def read(self) -> bytes | memoryview:
        """Return all bytes of the slice, without a copy when they lie in one block."""
        return self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)

    def fileno(self) -> int | None:
        """Return None: there is nothing to send from but the bytes."""
        return None


class MemoryFile:
    """A file in memory: blocks, each holding whole writes."""

    __slots__ = ("_blocks", "_room", "_starts", "_synced", "_synced_size", "_tail", "size")

    def __init__(self, data: bytes = b"") -> None:
        self._blocks: list[memoryview] = []
        """Read-only; the last one is as long as its room, not as its contents."""
        self._starts: list[int] = []
        self._tail = memoryview(bytearray())
        """The last block, to be written to."""
        self._room = 0
        """Bytes left in the last block."""
        self.size = 0
        self._synced_size = 0
        self._synced: bytes | None = None
        """What was synced last, once something of it has been cut or written over."""
        if data:
            self.pwrite(data, 0)
            self.sync()

    def pwrite(self, data: Data | Sequence[Data], position: int) -> None:
        """Write all of `data` at `position`, a gap before it becoming zeros."""
        if not isinstance(data, (bytes, bytearray, memoryview)):
            data = b"".join(data)
        if position > self.size:
            self._append(bytes(position - self.size))
        if position == self.size:
            self._append(data)
        else:
            self._overwrite(data, position)

    def _append(self, data: Data) -> None:
        length = len(data)
        if not length:
            return
        if length > self._room:
            if self._blocks:
                # The block keeps only what it holds; whoever reads sees no unwritten room.
                used = self.size - self._starts[-1]
                self._blocks[-1] = self._blocks[-1][:used]
            room = max(length, min(max(self.size, BLOCK_BYTES_MIN), BLOCK_BYTES_MAX))
            self._tail = memoryview(bytearray(room))
            self._blocks.append(self._tail.toreadonly())
            self._starts.append(self.size)
            self._room = room
        start = self.size - self._starts[-1]
        self._tail[start : start + length] = data
        self._room -= length
        self.size += length

    def _overwrite(self, data: Data, position: int) -> None:
        rest = self._copy(position + len(data), self.size)
        self.truncate(position)
        self._append(data)
        self._append(rest)

    def _copy(self, position: int, end: int) -> bytes:
        return b"".join(self._parts(position, end))

    def _parts(self, position: int, end: int) -> list[memoryview]:
        parts: list[memoryview] = []
        number = bisect_right(self._starts, position) - 1
        while position < end:
            start, block = self._starts[number], self._blocks[number]
            part = block[position - start : end - start]
            parts.append(part)
            position += len(part)
            number += 1
        return parts

    def pread(self, length: int, position: int) -> bytes | memoryview:
        """Return up to `length` bytes from `position`; fewer only at the end of the file."""
        end = min(position + length, self.size)
        parts = self._parts(position, end)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def read_if_cached(self, length: int, position: int) -> bytes | memoryview | None:
        """Return as `pread`: everything is in memory."""
        return self.pread(length, position)

    def slice(self, position: int, length: int) -> MemorySlice:
        """Return the bytes [position, position + length) as a slice."""
        if position + length > self.size:
            raise OSError(errno.EIO, "file is shorter than the slice of it")
        return MemorySlice(self._parts(position, position + length), position)

    def sync(self) -> None:
        """Make everything written so far survive a power cut."""
        self._synced_size = self.size
        self._synced = None

    def truncate(self, size: int) -> None:
        """Cut the file to `size` bytes; slices keep what they had."""
        if size > self.size:
            self._append(bytes(size - self.size))
            return
        if size < self._synced_size and self._synced is None:
            self._synced = self._copy(0, self._synced_size)
        number = bisect_right(self._starts, size - 1) - 1 if size else -1
        del self._blocks[number + 1 :], self._starts[number + 1 :]
        # Without room the next append begins a block, and writes under no slice of the old bytes.
        self._room = 0
        self.size = size

    def close(self) -> None:
        """Do nothing: there is no descriptor."""

    def moved(self, path: str) -> None:
        """Do nothing: a file in memory does not know its name."""

    def drop_cached(self) -> None:
        """Do nothing: memory is all there is."""

    def set_modified_ms(self, time_ms: int) -> None:
        """Do nothing: memory has no times."""

    def modified_ms(self) -> None:
        """Return None: there is no clock here."""

    def after_power_cut(self) -> MemoryFile:
        """Return the file as it was when it was last synced."""
        synced = self._synced
        return MemoryFile(self._copy(0, self._synced_size) if synced is None else synced)


class MemoryLock:
    """A lock on a path of a memory file system."""

    def __init__(self, locked: set[str], path: str) -> None:
        if path in locked:
            raise BlockingIOError(errno.EAGAIN, "in use by another process", path)
        locked.add(path)
        self._locked = locked
        self._path = path

    def release(self) -> None:
        """Let others have it."""
        self._locked.discard(self._path)


def _parent(path: str) -> str:
    return path.rpartition("/")[0]


class MemoryFileSystem:
    """Files and directories in memory."""

    def __init__(self) -> None:
        self._files: dict[str, MemoryFile] = {}
        self._durable: dict[str, dict[str, MemoryFile]] = {}
        """Per directory the files that survive a power cut: those it had when it was synced."""
        self._directories: dict[str, set[str]] = {"": set(), ".": set()}
        """The names in each directory."""
        self._locked: set[str] = set()

    def open(self, path: str) -> MemoryFile:
        """Return an existing file; FileNotFoundError."""
        try:
            return self._files[path]
        except KeyError:
            raise _missing(path) from None

    def create(self, path: str) -> MemoryFile:
        """Return a new empty file in place of whatever had this name."""
        self._enter(path)
        file = self._files[path] = MemoryFile()
        return file

    def _enter(self, path: str) -> None:
        directory, _, name = path.rpartition("/")
        self._names(directory).add(name)

    def _leave(self, path: str) -> None:
        directory, _, name = path.rpartition("/")
        self._directories[directory].discard(name)

    def _names(self, path: str) -> set[str]:
        try:
            return self._directories[path]
        except KeyError:
            raise _missing(path) from None

    def rename(self, old: str, new: str) -> None:
        """Rename a file (replacing another) or a directory."""
        if not self.exists(old):
            raise _missing(old)
        self._enter(new)
        self._leave(old)
        self._move(old, new)

    def _move(self, old: str, new: str) -> None:
        if old in self._files:
            self._files[new] = self._files.pop(old)
            return
        names = self._directories[new] = self._directories.pop(old)
        for name in names:
            self._move(f"{old}/{name}", f"{new}/{name}")
        # Durable names follow their directory: the crash model has no half-renamed directories.
        if (durable := self._durable.pop(old, None)) is not None:
            self._durable[new] = durable

    def remove(self, path: str) -> None:
        """Remove a file; FileNotFoundError."""
        if path not in self._files:
            raise _missing(path)
        del self._files[path]
        self._leave(path)

    def remove_tree(self, path: str) -> None:
        """Remove a directory and all in it; FileNotFoundError."""
        for name in list(self._names(path)):
            below = f"{path}/{name}"
            if below in self._files:
                self.remove(below)
            else:
                self.remove_tree(below)
        del self._directories[path]
        self._leave(path)

    def listdir(self, path: str) -> list[str]:
        """Return the names in a directory, sorted; FileNotFoundError."""
        return sorted(self._names(path))

    def mkdirs(self, path: str) -> None:
        """Make a directory and its parents, unless present."""
        if path not in self._directories:
            self.mkdirs(_parent(path))
            self._enter(path)
            self._directories[path] = set()

    def exists(self, path: str) -> bool:
        """Tell whether a file or directory has this name."""
        return path in self._files or path in self._directories

    def is_directory(self, path: str) -> bool:
        """Tell whether a directory has this name."""
        return path in self._directories

    def space(self, path: str) -> tuple[int, int] | None:
        """Return None: memory is not a volume."""
        del path
        return None

    def sync_directory(self, path: str) -> None:
        """Make the names in this directory survive a power cut."""
        self._durable[path] = {
            name: file
            for name in self._names(path)
            if (file := self._files.get(f"{path}/{name}")) is not None
        }

    def read_bytes(self, path: str) -> bytes:
        """Return a small file's contents; FileNotFoundError."""
        file = self.open(path)
        return bytes(file.pread(file.size, 0))

    def write_atomic(self, path: str, data: bytes) -> None:
        """Replace a small file, at once durable, and all names in its directory with it."""
        file = self.create(path)
        file.pwrite(data, 0)
        file.sync()
        self.sync_directory(_parent(path))

    def lock(self, path: str) -> MemoryLock:
        """Lock `path`, creating it; BlockingIOError when another holder has it."""
        lock = MemoryLock(self._locked, path)
        if path not in self._files:
            self.create(path)
        return lock

    def after_power_cut(self) -> MemoryFileSystem:
        """Return what a power cut would leave: synced bytes under synced names, and no lock."""
        survivor = MemoryFileSystem()
        for path in self._directories:
            survivor.mkdirs(path)
        for directory, durable in self._durable.items():
            if directory in self._directories:
                for name, file in durable.items():
                    path = f"{directory}/{name}"
                    survivor._enter(path)
                    survivor._files[path] = file.after_power_cut()
                survivor.sync_directory(directory)
        return survivor


def _missing(path: str) -> FileNotFoundError:
    return FileNotFoundError(errno.ENOENT, "no such file or directory", path)
