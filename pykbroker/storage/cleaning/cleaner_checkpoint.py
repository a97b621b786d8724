"""Up to where each log of a data directory is clean: Kafka's `cleaner-offset-checkpoint`.

A lost or old file costs another cleaning, never data. One of another log does: what counts as clean
and is not keeps values while tombstones of theirs go. The file cannot say topic ids, so the entry
of a log goes before the log does.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping

from pykbroker.storage import checkpoint
from pykbroker.storage.checkpoint import TopicPartition
from pykbroker.storage.files import FileSystem
from pykbroker.storage.names import directory_name


class CleanerCheckpoint:
    """The first dirty offsets of one data directory. What stores them raises OSError."""

    __slots__ = ("_directory", "_found", "_fs", "_offsets", "_path", "_stored", "_writing")

    def __init__(self, fs: FileSystem, directory: str) -> None:
        self._fs = fs
        self._directory = directory
        self._path = f"{directory}/{checkpoint.CLEANER_FILE}"
        self._found = checkpoint.read_offsets(fs, self._path)
        """Of logs that no cleaning has asked for yet."""
        self._offsets: dict[TopicPartition, tuple[bytes, int]] = {}
        self._stored: dict[TopicPartition, int] | None = dict(self._found)
        """None: nobody knows what the file says."""
        self._writing = threading.Lock()

    def found(self, key: TopicPartition) -> int | None:
        """Return what the file said of a log that is to be opened; None for nothing."""
        return self._found.get(key)

    def offset(self, key: TopicPartition, topic_id: bytes) -> int | None:
        """Return where the last cleaning of a log ended; None before the first."""
        if key in self._found:
            self._offsets[key] = (topic_id, self._found.pop(key))
        known = self._offsets.get(key)
        return known[1] if known is not None and known[0] == topic_id else None

    def note(self, key: TopicPartition, topic_id: bytes, offset: int) -> None:
        """Note where a cleaning ended."""
        self._found.pop(key, None)
        self._offsets[key] = (topic_id, offset)

    def keep_only(self, topic_ids: Mapping[TopicPartition, bytes]) -> bool:
        """Forget logs that are gone; say whether the file says otherwise than is known now.

        `topic_ids` are of the logs that are served. One that is not, yet is there, stays: of what
        is damaged, a repair must know where offsets may be missing.
        """
        for key in self.contents():
            known = self._offsets.get(key)
            is_other = key in topic_ids and known is not None and known[0] != topic_ids[key]
            if is_other or (key not in topic_ids and not self._is_there(key)):
                self._pop(key)
        return self.contents() != self._stored

    def forget(self, key: TopicPartition) -> None:
        """Take a log out of the file, durably: a later one of this name is not clean."""
        if self._pop(key):
            self.write()

    def lower(self, key: TopicPartition, offset: int) -> None:
        """Let nothing from `offset` on count as clean, durably: the log is about to be cut there.

        Only for logs that no cleaning has asked for.
        """
        if self._found.get(key, 0) > offset:
            self._found[key] = offset
            self.write()

    def _is_there(self, key: TopicPartition) -> bool:
        return self._fs.exists(f"{self._directory}/{directory_name(*key)}")

    def _pop(self, key: TopicPartition) -> bool:
        found, known = self._found.pop(key, None), self._offsets.pop(key, None)
        return found is not None or known is not None

    def contents(self) -> dict[TopicPartition, int]:
        """Return what the file is to say."""
        known = {key: offset for key, (_, offset) in list(self._offsets.items())}
        return dict(self._found) | known

    def write(self) -> None:
        """Store what is known, durably; on any thread, one at a time."""
        with self._writing:
            self._stored, contents = None, self.contents()
            checkpoint.write_offsets(self._fs, self._path, contents)
            self._stored = contents
