"""The file system of storage on a simulated disk: every call may be the last, or may fail.

`before_call` hears of each step before it is taken: it may look at what a crash would leave there,
or raise the error of a disk. Files behave as `OsFileSystem`'s: a clean file has no descriptor and
is opened by its name when needed; `write_atomic` and long writes are several steps.
"""

from __future__ import annotations

import copy
import errno
from collections.abc import Callable, Sequence
from contextlib import suppress
from random import Random

from pykbroker.storage.files import Data
from tests.crash.simulated_disk import PAGE_BYTES, Dice, Directory, Inode, NameChange

BeforeCall = Callable[[str, str], None]
"""Called with what is about to be done and to which path."""
READING = frozenset({"read", "list"})
"""The calls that change nothing: a crash there is the one at the next call."""


def _nothing(call: str, path: str) -> None:
    del call, path


def _missing(path: str) -> FileNotFoundError:
    return FileNotFoundError(errno.ENOENT, "no such file or directory", path)


def _durable(directory: Directory, path: str) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for name, node in directory.durable.items():
        if isinstance(node, Directory):
            found |= _durable(node, f"{path}/{name}")
        else:
            found[f"{path}/{name}"] = node.durable
    return found


class SimulatedSlice:
    """A slice of a simulated file, which lives as long as it is referenced."""

    def __init__(self, inode: Inode, position: int, length: int) -> None:
        self._inode = inode
        self.position = position
        self._length = length

    def __len__(self) -> int:
        return self._length

    def read(self) -> bytes:
        """Return all bytes; OSError when the file was truncated below its end."""
        data = bytes(self._inode.cached[self.position : self.position + self._length])
        if len(data) != self._length:
            raise OSError(errno.EIO, "file is shorter than the slice of it")
        return data

    def fileno(self) -> int | None:
        """Return None: there is nothing to send from."""
        return None


class SimulatedFile:
    """A file, held by descriptor while it is unsynced, by name otherwise."""

    def __init__(self, fs: SimulatedFileSystem, path: str, size: int, inode: Inode | None) -> None:
        self._fs = fs
        self._inode = inode
        self.path = path
        self.size = size

    def _opened(self) -> Inode:
        return self._fs.inode(self.path) if self._inode is None else self._inode

    def pwrite(self, data: Data | Sequence[Data], position: int) -> None:
        """Write all of `data` at `position`, page after page: any of them may be the last."""
        if not isinstance(data, (bytes, bytearray, memoryview)):
            data = b"".join(data)
        inode = self._inode = self._opened()
        at, end, rest = position, position + len(data), memoryview(data)
        while at < end:
            step = min(PAGE_BYTES - at % PAGE_BYTES, end - at)
            self._fs.before_call("write", self.path)
            inode.write(bytes(rest[:step]), at)
            at, rest = at + step, rest[step:]
        self.size = max(self.size, end)

    def pread(self, length: int, position: int) -> bytes:
        """Return up to `length` bytes from `position`; fewer only at the end of the file."""
        self._fs.before_call("read", self.path)
        return bytes(self._opened().cached[position : position + length])

    def read_if_cached(self, length: int, position: int) -> bytes:
        """Return as `pread`."""
        return self.pread(length, position)

    def slice(self, position: int, length: int) -> SimulatedSlice:
        """Return the bytes [position, position + length) as a slice."""
        return SimulatedSlice(self._opened(), position, length)

    def sync(self) -> None:
        """Make everything written so far durable; nothing when the file was removed."""
        try:
            inode = self._opened()
        except FileNotFoundError:
            return
        try:
            self._fs.before_call("sync", self.path)
        except OSError:
            self._fs.sync_failed = True
            inode.fail_sync(self._fs.random)
            raise
        inode.sync()
        self._inode = None

    def truncate(self, size: int) -> None:
        """Cut the file to `size` bytes."""
        inode = self._inode = self._opened()
        self._fs.before_call("truncate", self.path)
        inode.truncate(size)
        self.size = size

    def close(self) -> None:
        """Give up the descriptor."""
        self._inode = None

    def moved(self, path: str) -> None:
        """Take over the name that the file was renamed to."""
        self.path = path

    def drop_cached(self) -> None:
        """Have what is synced be read from the disk again."""
        self._opened().drop()

    def set_modified_ms(self, time_ms: int) -> None:
        """Do nothing: there is no clock here."""

    def modified_ms(self) -> None:
        """Return None: there is no clock here."""


class SimulatedLock:
    """A lock, which ends with the process."""

    def __init__(self, locked: set[str], path: str) -> None:
        if path in locked:
            raise BlockingIOError(errno.EAGAIN, "in use by another process", path)
        locked.add(path)
        self._locked = locked
        self._path = path

    def release(self) -> None:
        """Let others have it."""
        self._locked.discard(self._path)


class SimulatedFileSystem:
    """Files on a simulated disk; `random` decides what a failed sync loses."""

    def __init__(self, root: Directory | None = None, random: Random | None = None) -> None:
        self.root = Directory() if root is None else root
        self.random = Random(0) if random is None else random
        self.before_call: BeforeCall = _nothing
        self.sync_failed = False
        """Whether a sync of a file has ever failed."""
        self._locked: set[str] = set()

    # -- crashes

    def after_power_cut(self, random: Random) -> SimulatedFileSystem:
        """Return the file system that one power cut leaves; this one goes on."""
        return SimulatedFileSystem(self.root.survivor(Dice.thrown(random)))

    def cut_power(self, random: Random) -> None:
        """Leave here what one power cut leaves; whoever used it is gone."""
        self.root = self.root.survivor(Dice.thrown(random))
        self.kill()

    def kill(self) -> None:
        """Let the process be gone: its locks are free, all it wrote is there."""
        self._locked.clear()

    def after_kill(self) -> SimulatedFileSystem:
        """Return it as the next process finds it: all is there, nothing more is durable."""
        return SimulatedFileSystem(copy.deepcopy(self.root))

    def contents(self, path: str) -> dict[str, bytes]:
        """Give every file below a directory by its path, as it is read."""
        found: dict[str, bytes] = {}
        for name, node in self._directory(path).names.items():
            below = f"{path}/{name}"
            if isinstance(node, Directory):
                found |= self.contents(below)
            else:
                found[below] = bytes(node.cached)
        return found

    def durable_contents(self, path: str) -> dict[str, bytes]:
        """Give every file below a directory as it was last synced, under its synced name."""
        return _durable(self._directory(path), path)

    # -- names

    def _node(self, path: str) -> Inode | Directory | None:
        node: Inode | Directory | None = self.root
        for part in path.split("/"):
            if part not in ("", "."):
                node = node.names.get(part) if isinstance(node, Directory) else None
        return node

    def _directory(self, path: str) -> Directory:
        node = self._node(path)
        if not isinstance(node, Directory):
            raise _missing(path)
        return node

    def inode(self, path: str) -> Inode:
        """Return the file of this name; FileNotFoundError."""
        node = self._node(path)
        if not isinstance(node, Inode):
            raise _missing(path)
        return node

    def _parent(self, path: str) -> tuple[Directory, str]:
        directory, _, name = path.rpartition("/")
        return self._directory(directory), name

    # -- the seam

    def open(self, path: str) -> SimulatedFile:
        """Return an existing file; FileNotFoundError."""
        self.before_call("read", path)
        return SimulatedFile(self, path, len(self.inode(path).cached), None)

    def create(self, path: str) -> SimulatedFile:
        """Return a new empty file in place of whatever had this name."""
        with suppress(FileNotFoundError):
            self.remove(path)
        self.before_call("create", path)
        directory, name = self._parent(path)
        inode = Inode()
        directory.change(NameChange(inode, come=name))
        return SimulatedFile(self, path, 0, inode)

    def rename(self, old: str, new: str) -> None:
        """Rename a file (replacing another) or a directory, within its directory."""
        directory, gone = self._parent(old)
        parent, come = self._parent(new)
        assert directory is parent, "a rename between directories is not simulated"
        self.before_call("rename", f"{old} to {come}")
        if gone not in directory.names:
            raise _missing(old)
        directory.change(NameChange(directory.names[gone], gone=gone, come=come))

    def remove(self, path: str) -> None:
        """Remove a file; FileNotFoundError."""
        inode = self.inode(path)
        self.before_call("remove", path)
        directory, name = self._parent(path)
        directory.change(NameChange(inode, gone=name))

    def remove_tree(self, path: str) -> None:
        """Remove a directory and all in it, name by name; FileNotFoundError."""
        tree = self._directory(path)
        for name in list(tree.names):
            if isinstance(tree.names[name], Directory):
                self.remove_tree(f"{path}/{name}")
            else:
                self.remove(f"{path}/{name}")
        self.before_call("remove", path)
        directory, name = self._parent(path)
        directory.change(NameChange(tree, gone=name))

    def listdir(self, path: str) -> list[str]:
        """Return the names in a directory, sorted; FileNotFoundError."""
        self.before_call("list", path)
        return sorted(self._directory(path).names)

    def mkdirs(self, path: str) -> None:
        """Make a directory and its parents, unless present."""
        if self._node(path) is None:
            parent = path.rpartition("/")[0]
            self.mkdirs(parent)
            self.before_call("mkdir", path)
            directory, name = self._parent(path)
            directory.change(NameChange(Directory(), come=name))

    def exists(self, path: str) -> bool:
        """Tell whether a file or directory has this name."""
        return self._node(path) is not None

    def is_directory(self, path: str) -> bool:
        """Tell whether a directory has this name."""
        return isinstance(self._node(path), Directory)

    def space(self, path: str) -> tuple[int, int] | None:
        """Return None: nobody counts."""
        del path
        return None

    def sync_directory(self, path: str) -> None:
        """Make the names in this directory durable."""
        directory = self._directory(path)
        self.before_call("sync directory", path)
        directory.sync()

    def read_bytes(self, path: str) -> bytes:
        """Return a small file's contents; FileNotFoundError."""
        self.before_call("read", path)
        return bytes(self.inode(path).cached)

    def write_atomic(self, path: str, data: bytes) -> None:
        """Replace a small file durably, in the steps that it takes."""
        temporary = f"{path}.tmp"
        if self._node(temporary) is None:
            file = self.create(temporary)
        else:
            file = self.open(temporary)
            file.truncate(0)
        file.pwrite(data, 0)
        file.sync()
        self.rename(temporary, path)
        self.sync_directory(path.rpartition("/")[0])

    def lock(self, path: str) -> SimulatedLock:
        """Lock `path`, creating it; BlockingIOError when another holder has it."""
        lock = SimulatedLock(self._locked, path)
        if self._node(path) is None:
            self.create(path)
        return lock
