"""What storage needs of a file system: positional files, slices of them, small files, a lock.

Positions and lengths are bytes. Nothing is opened for appending: every write says where it goes, so
that a failed write is repeated over itself. Only `sync`, `sync_directory` and `write_atomic` make
anything durable.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

Data = bytes | bytearray | memoryview


class Slice(Protocol):
    """A run of bytes in a file, readable for as long as it is referenced, even if the file goes."""

    position: int

    def __len__(self) -> int: ...

    def read(self) -> bytes | memoryview:
        """Return all bytes of the slice; OSError when the file was truncated below its end."""
        ...

    def fileno(self) -> int | None:
        """Return the descriptor to send from, starting at `position`; None when in memory."""
        ...


class File(Protocol):
    """A file read and written by position."""

    size: int

    def pwrite(self, data: Data | Sequence[Data], position: int) -> None:
        """Write all of `data`, or all buffers of a list in order, at `position`; OSError if not."""
        ...

    def pread(self, length: int, position: int) -> bytes | memoryview:
        """Return up to `length` bytes from `position`; fewer only at the end of the file."""
        ...

    def read_if_cached(self, length: int, position: int) -> bytes | memoryview | None:
        """Return as `pread` does, or None where that would have to wait for the disk."""
        ...

    def slice(self, position: int, length: int) -> Slice:
        """Return the bytes [position, position + length) as a slice, without reading them."""
        ...

    def sync(self) -> None:
        """Return once everything written so far is durable; at once when the file was removed."""
        ...

    def truncate(self, size: int) -> None:
        """Cut the file to `size` bytes."""
        ...

    def close(self) -> None:
        """Give up the descriptor; a later call opens the file again."""
        ...

    def moved(self, path: str) -> None:
        """Take over the name that the file was renamed to."""
        ...

    def drop_cached(self) -> None:
        """Have what is synced be read from the disk again, where the system can do that."""
        ...

    def set_modified_ms(self, time_ms: int) -> None:
        """Let the file be as old as another one, ms since 1970 UTC."""
        ...

    def modified_ms(self) -> int | None:
        """Return when it was written to last, ms since 1970 UTC; None where nobody notes it."""
        ...


class Lock(Protocol):
    """An exclusive lock on a path."""

    def release(self) -> None:
        """Let others have it."""
        ...


class FileSystem(Protocol):
    """What storage needs of a file system; paths use "/"."""

    def open(self, path: str) -> File:
        """Return an existing file; FileNotFoundError."""
        ...

    def create(self, path: str) -> File:
        """Return a new empty file in place of whatever had this name."""
        ...

    def rename(self, old: str, new: str) -> None:
        """Rename a file (replacing another) or a directory."""
        ...

    def remove(self, path: str) -> None:
        """Remove a file; FileNotFoundError."""
        ...

    def remove_tree(self, path: str) -> None:
        """Remove a directory and all in it; FileNotFoundError."""
        ...

    def listdir(self, path: str) -> list[str]:
        """Return the names in a directory, sorted; FileNotFoundError."""
        ...

    def mkdirs(self, path: str) -> None:
        """Make a directory and its parents, readable by the owner alone, unless present."""
        ...

    def exists(self, path: str) -> bool:
        """Tell whether a file or directory has this name."""
        ...

    def is_directory(self, path: str) -> bool:
        """Tell whether a directory has this name."""
        ...

    def space(self, path: str) -> tuple[int, int] | None:
        """Return all and usable bytes of the volume with this directory; None where unknown."""
        ...

    def sync_directory(self, path: str) -> None:
        """Return once the names in this directory are durable."""
        ...

    def read_bytes(self, path: str) -> bytes:
        """Return a small file's contents; FileNotFoundError."""
        ...

    def write_atomic(self, path: str, data: bytes) -> None:
        """Replace a small file durably: after a crash it is the old one or the new one, whole.

        All names in its directory are then durable.
        """
        ...

    def lock(self, path: str) -> Lock:
        """Lock `path`, creating it; BlockingIOError when another holder has it."""
        ...
