"""The `.snapshot` files of one log: its producers as they were before an offset.

As Kafka's ProducerStateManager: recovery begins at the newest one that is whole. Those at the start
of a segment are kept, and the newest of all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress

from pykbroker.storage.files import File, FileSystem
from pykbroker.storage.names import SNAPSHOT_SUFFIX, file_name
from pykbroker.storage.producer_state import ProducerStates


class ProducerSnapshots:
    """The snapshot files that are there, by offset."""

    __slots__ = ("_directory", "_fs", "_offsets")

    def __init__(self, fs: FileSystem, directory: str, offsets: Sequence[int]) -> None:
        self._fs = fs
        self._directory = directory
        self._offsets = list(offsets)

    @property
    def offsets(self) -> tuple[int, ...]:
        """The offsets, lowest first."""
        return tuple(self._offsets)

    def write(self, offset: int, producers: ProducerStates) -> File:
        """Write the producers' state before `offset`, not below the others; return it unsynced."""
        file = self._fs.create(self._path(offset))
        file.pwrite(producers.snapshot(), 0)
        file.close()
        if offset not in self._offsets:
            self._offsets.append(offset)
        return file

    def remove_strays(self, base_offsets: Iterable[int]) -> None:
        """Remove those that begin no segment, save the newest (Kafka's removeStraySnapshots)."""
        kept = {*base_offsets, *self._offsets[-1:]}
        for offset in [offset for offset in self._offsets if offset not in kept]:
            with suppress(FileNotFoundError):
                self._fs.remove(self._path(offset))
            self._offsets.remove(offset)

    def _path(self, offset: int) -> str:
        return f"{self._directory}/{file_name(offset, SNAPSHOT_SUFFIX)}"
