"""Files that are no part of a log any more: renamed at once, removed later, off the event loop.

As Kafka's asynchronous deletes. A name is changed where the log is changed; the bytes go after
`file.delete.delay.ms`, by who runs `Removals`. What is left at the end, the next start removes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from pykbroker.storage.files import FileSystem
from pykbroker.storage.names import DELETED_SUFFIX, SEGMENT_SUFFIXES
from pykbroker.storage.segment import Segment


@dataclass(frozen=True, slots=True)
class Removal:
    """A file or a directory that is to be removed."""

    path: str
    delay_ms: int | None
    """How long it stays, from now on; None: as the broker's log.segment.delete.delay.ms says."""


class Removals:
    """What waits to be removed from one data directory.

    Noted by whoever changes a log, on any thread; `on_noted` is called then, on that thread.
    """

    __slots__ = ("_fs", "_noted", "on_noted")

    def __init__(self, fs: FileSystem) -> None:
        self._fs = fs
        self._noted: deque[Removal] = deque()
        self.on_noted: Callable[[], object] | None = None

    def note(self, paths: Iterable[str], *, delay_ms: int | None) -> None:
        """Note paths under which nobody looks for anything."""
        self._noted.extend(Removal(path, delay_ms) for path in paths)
        if self.on_noted is not None:
            self.on_noted()

    def take(self) -> list[Removal]:
        """Return what was noted since the last call, in order; the caller removes it."""
        taken = []
        with suppress(IndexError):
            while True:
                taken.append(self._noted.popleft())
        return taken

    def remove(self, paths: Sequence[str]) -> list[OSError]:
        """Remove files and directories now; return why some could not be.

        One that is gone already is no failure: the directory it was in has gone before it.
        """
        failures = []
        for path in paths:
            try:
                if self._fs.is_directory(path):
                    self._fs.remove_tree(path)
                else:
                    self._fs.remove(path)
            except FileNotFoundError:
                continue
            except OSError as failure:
                failures.append(failure)
        return failures


def set_aside(fs: FileSystem, segment: Segment) -> list[str]:
    """Rename the files of a segment so that no start takes them for a log's; return the new names.

    Slices of the segment stay readable. The names are not durable.
    """
    segment.close()
    return set_files_aside(fs, [segment.path(suffix) for suffix in SEGMENT_SUFFIXES])


def set_files_aside(fs: FileSystem, paths: Iterable[str]) -> list[str]:
    """Rename those of the files that are there, as `set_aside` does; return the new names."""
    aside = []
    for path in paths:
        with suppress(FileNotFoundError):
            fs.rename(path, path + DELETED_SUFFIX)
            aside.append(path + DELETED_SUFFIX)
    return aside
