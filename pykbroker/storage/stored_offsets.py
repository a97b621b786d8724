"""What the two checkpoint files of a data directory say: recovery points and log start offsets.

Any thread may have them stored: one at a time writes, and what it writes is as the logs are then. A
file that says so already is not written again.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING

from pykbroker.storage import checkpoint
from pykbroker.storage.checkpoint import TopicPartition
from pykbroker.storage.files import FileSystem

if TYPE_CHECKING:
    from pykbroker.storage.log import Log


class _Offsets:
    """One checkpoint file and what it is to say. Of logs not opened yet, what it said is kept."""

    def __init__(self, fs: FileSystem, path: str) -> None:
        self._fs = fs
        self._path = path
        self.by_partition = checkpoint.read_offsets(fs, path)
        self._stored = dict(self.by_partition) if fs.exists(path) else None
        """None: the file is absent, or nobody knows what it says."""

    def store(self) -> None:
        if self.by_partition == self._stored:
            return
        self._stored = None
        written = dict(self.by_partition)
        checkpoint.write_offsets(self._fs, self._path, written)
        self._stored = written


class StoredOffsets:
    """Recovery points and log start offsets by partition. What stores them raises OSError."""

    def __init__(self, fs: FileSystem, directory: str) -> None:
        self._lock = threading.Lock()
        self._recovery_points = _Offsets(fs, f"{directory}/{checkpoint.RECOVERY_POINT_FILE}")
        self._log_starts = _Offsets(fs, f"{directory}/{checkpoint.LOG_START_FILE}")

    def recovery_point(self, key: TopicPartition) -> int | None:
        """Return the offset below which all is durable; None where nobody has stored one."""
        return self._recovery_points.by_partition.get(key)

    def log_start(self, key: TopicPartition) -> int:
        """Return the log start offset; 0 where the first segment says it."""
        return self._log_starts.by_partition.get(key, 0)

    def store_recovery_points(self, logs: Mapping[TopicPartition, Log]) -> None:
        """Store the recovery points of all logs."""
        with self._lock:
            for key, log in list(logs.items()):
                self._recovery_points.by_partition[key] = log.recovery_point
            self._recovery_points.store()

    def store_log_starts(self, logs: Mapping[TopicPartition, Log], *, closing: bool) -> None:
        """Store the log start offsets of all logs, where they are above the first segment.

        As in Kafka, save that one stored once is stored on until `closing`: the names of segments
        below it may come back with a power cut, and are known as deleted by it.
        """
        with self._lock:
            offsets = self._log_starts.by_partition
            for key, log in list(logs.items()):
                first = log.segments[:1]
                is_above = bool(first) and log.log_start_offset > first[0].base_offset
                if is_above or (key in offsets and not closing):
                    offsets[key] = log.log_start_offset
                else:
                    offsets.pop(key, None)
            self._log_starts.store()

    def lower_recovery_point(self, key: TopicPartition, offset: int) -> None:
        """Let no crash find a recovery point above where this log is about to be cut."""
        with self._lock:
            if self._recovery_points.by_partition.get(key, 0) > offset:
                self._recovery_points.by_partition[key] = offset
                self._recovery_points.store()

    def forget(self, key: TopicPartition) -> None:
        """Take a partition out of the files.

        A later partition of this name must not find them after a crash: all below an old recovery
        point would count as durable, and a log that ends below an old start as lost.
        """
        with self._lock:
            for offsets in (self._recovery_points, self._log_starts):
                if offsets.by_partition.pop(key, None) is not None:
                    offsets.store()
