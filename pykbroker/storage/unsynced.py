"""What no sync has covered yet of a log: files written and closed, names, leader epochs.

Noted where the log is written, taken into a `PendingSync` where it is to last. Data of segments is
not listed here: all of it above the recovery point is unsynced.
"""

from __future__ import annotations

from collections.abc import Iterable

from pykbroker.storage.files import File, FileSystem
from pykbroker.storage.leader_epochs import EpochEntry, LeaderEpochs
from pykbroker.storage.names import LEADER_EPOCH_FILE
from pykbroker.storage.pending_sync import PendingSync


class Unsynced:
    """What a log has written, beside data, since its last sync."""

    __slots__ = ("_directories", "_directory", "_files", "_fs", "_stored_epochs", "_truncations")

    def __init__(
        self, fs: FileSystem, directory: str, stored_epochs: tuple[EpochEntry, ...] | None
    ) -> None:
        self._fs = fs
        self._directory = directory
        self._stored_epochs = stored_epochs
        self._files: list[File] = []
        self._directories: set[str] = set()
        self._truncations = 0

    def note_files(self, files: Iterable[File]) -> None:
        """Note files that were written once and closed."""
        self._files += files

    def note_names(self) -> None:
        """Note that files of the log's directory were made, renamed or removed."""
        self._directories.add(self._directory)

    def note_directory(self) -> None:
        """Note that the directory itself may be new."""
        self._directories |= {self._directory, self._directory.rpartition("/")[0] or "."}

    def note_stored(self, epochs: LeaderEpochs) -> None:
        """Note that the leader epochs were stored, durably, as they are."""
        self._stored_epochs = epochs.entries

    def note_truncation(self) -> None:
        """Note that the log is about to be cut: a sync under way does not cover what comes."""
        self._truncations += 1

    def take(
        self, end_offset: int, segment_files: Iterable[File], epochs: LeaderEpochs
    ) -> PendingSync:
        """Return what must be synced for all below `end_offset` to last, and forget it."""
        # One without records yet is not stored: it costs a sync, and no start would keep it.
        entries = tuple(e for e in epochs.entries if e.start_offset < end_offset)
        checkpoint = None
        if entries != self._stored_epochs:
            path = f"{self._directory}/{LEADER_EPOCH_FILE}"
            checkpoint = (path, epochs.to_checkpoint().encode())
        pending = PendingSync(
            fs=self._fs,
            end_offset=end_offset,
            truncations=self._truncations,
            files=tuple(segment_files),
            passing_files=tuple(self._files),
            leader_epochs=checkpoint,
            directories=tuple(sorted(self._directories)),
        )
        self._files = []
        self._directories = set()
        self._stored_epochs = entries
        return pending

    def still_covers(self, pending: PendingSync) -> bool:
        """Tell whether what `pending` has made durable still is the log's."""
        if pending.truncations == self._truncations:
            return True
        self._stored_epochs = None  # written over by older ones
        return False
