"""Up to where each log of a data directory is clean: Kafka's `cleaner-offset-checkpoint`.

A lost or old file costs another cleaning, never data. Topic ids keep a topic that was made anew
from being taken for clean where the one before was; the file cannot say them, so entries are
dropped from it as soon as their logs are gone.
"""

from __future__ import annotations

from collections.abc import Mapping

from pykbroker.storage import checkpoint
from pykbroker.storage.checkpoint import TopicPartition
from pykbroker.storage.files import FileSystem


class CleanerCheckpoint:
    """The first dirty offsets of one data directory."""

    __slots__ = ("_found", "_fs", "_offsets", "_path")

    def __init__(self, fs: FileSystem, directory: str) -> None:
        self._fs = fs
        self._path = f"{directory}/{checkpoint.CLEANER_FILE}"
        self._found = checkpoint.read_offsets(fs, self._path)
        """Of logs that nobody has asked for yet."""
        self._offsets: dict[TopicPartition, tuple[bytes, int]] = {}

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
        """Forget logs that are gone; say whether there were any."""
        gone = [key for key in self._found if key not in topic_ids]
        gone += [key for key, (id_, _) in self._offsets.items() if topic_ids.get(key) != id_]
        for key in gone:
            self._found.pop(key, None)
            self._offsets.pop(key, None)
        return bool(gone)

    def contents(self) -> dict[TopicPartition, int]:
        """Return what the file is to say."""
        return self._found | {key: offset for key, (_, offset) in self._offsets.items()}

    def write(self, contents: Mapping[TopicPartition, int]) -> None:
        """Store `contents`, durably; off the event loop. Raises OSError."""
        checkpoint.write_offsets(self._fs, self._path, contents)
