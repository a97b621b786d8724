"""Looking at the logs of a data directory that no broker uses, and giving up what is damaged.

Looking changes no file, the clean-shutdown marker neither. Unlike a start it reads every segment.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from pykbroker.storage.checkpoint import TopicPartition
from pykbroker.storage.cleaning.cleaner_checkpoint import CleanerCheckpoint
from pykbroker.storage.files import FileSystem
from pykbroker.storage.leader_epochs import LeaderEpochs
from pykbroker.storage.log_config import LONG_MAX, LogConfig
from pykbroker.storage.names import (
    INDEX_SUFFIX,
    LOG_SUFFIX,
    TIME_INDEX_SUFFIX,
    directory_name,
    file_name,
    offsets_of_files,
    parse_directory_name,
)
from pykbroker.storage.producer_state import ProducerStates
from pykbroker.storage.recovery.damage import Cut, FoundDamageError
from pykbroker.storage.recovery.kept_aside import corrupt_path, cut_off
from pykbroker.storage.recovery.loading import Promise, check_below, look
from pykbroker.storage.recovery.scan import Scan
from pykbroker.storage.recovery.swaps import has_unfinished_swap
from pykbroker.storage.segment import Segment
from pykbroker.storage.stored_offsets import StoredOffsets

_LOCK_FILE = ".lock"


class State(Enum):
    """What the files of a partition are like."""

    FINE = "fine"
    UNFINISHED = "torn"
    """A crash left something of which the next start cuts off what is not whole."""
    REPLACING = "replacing"
    """A crash interrupted the replacing of segments, which the next start completes."""
    DAMAGED = "damaged"


@dataclass(frozen=True, slots=True)
class Examined:
    """What was found of one partition."""

    topic: str
    partition: int
    state: State
    end_offset: int = 0
    """Where whole batches end (exclusive)."""
    path: str = ""
    """The file that is not whole."""
    cut: Cut | None = None
    """Where it is not."""
    reason: str = ""


class Examination:
    """A data directory, locked while it is looked at. Raises BlockingIOError when it is in use."""

    def __init__(self, fs: FileSystem, path: str) -> None:
        self._fs = fs
        self._path = path
        self._lock = fs.lock(f"{path}/{_LOCK_FILE}")
        self._offsets = StoredOffsets(fs, path)
        self._cleaned = CleanerCheckpoint(fs, path)

    def close(self) -> None:
        """Let others have the directory."""
        self._lock.release()

    def partitions(self) -> list[TopicPartition]:
        """List the partitions that are there."""
        found = []
        for name in self._fs.listdir(self._path):
            parsed = parse_directory_name(name)
            if parsed is not None and self._fs.is_directory(f"{self._path}/{name}"):
                found.append(parsed)
        return sorted(found)

    def look(self, key: TopicPartition) -> Examined:
        """Read all of a partition's log; OSError where the disk refuses to."""
        directory = self._directory(key)
        if has_unfinished_swap(self._fs, directory):
            return Examined(*key, State.REPLACING)
        try:
            return self._look(key, self._segments(directory))
        except FoundDamageError as damage:
            cut, path = damage.cut, str(damage.filename)
            return Examined(*key, State.DAMAGED, cut.next_offset, path, cut, damage.reason)

    def _look(self, key: TopicPartition, segments: list[Segment]) -> Examined:
        promise, directory = self._promise(key), self._directory(key)
        if not segments:
            check_below(directory, segments, promise)
            return Examined(*key, State.FINE, promise.log_start_offset)
        scan = Scan(LeaderEpochs(), ProducerStates(), may_skip=promise.may_skip)
        scanned, finding = look(directory, segments, promise, first=0, scan=scan)
        if scanned.cut is None or finding is None:
            return Examined(*key, State.FINE, scanned.next_offset)
        path = segments[scanned.whole_segments].path(LOG_SUFFIX)
        reason = f"a {finding.value} that a crash left"
        return Examined(*key, State.UNFINISHED, scanned.next_offset, path, scanned.cut, reason)

    def give_up(self, key: TopicPartition) -> list[str]:
        """Cut a damaged log where it is damaged, durably; give the names of what is kept aside.

        Nothing is done to a log that is not damaged.
        """
        directory = self._directory(key)
        segments = self._segments(directory)
        try:
            self._look(key, segments)
        except FoundDamageError as damage:
            cut = damage.cut
        else:
            return []
        # First of all: what is cut must not count as synced, or the log is damaged for good.
        self._offsets.lower_recovery_point(key, cut.next_offset)
        self._cleaned.lower(key, cut.next_offset)
        numbers = [n for n, one in enumerate(segments) if one.base_offset == cut.base_offset]
        if not segments or not numbers:
            return []
        last = segments[numbers[0]]
        for suffix in (INDEX_SUFFIX, TIME_INDEX_SUFFIX):
            if self._fs.exists(last.path(suffix)):
                self._fs.remove(last.path(suffix))
        return cut_off(self._fs, directory, segments, numbers[0], aside=self._unused_path)

    def _unused_path(self, segment: Segment, position: int) -> str:
        number, path = 0, corrupt_path(segment, position)
        while self._fs.exists(path):
            number += 1
            path = corrupt_path(segment, position, number)
        return path

    def _directory(self, key: TopicPartition) -> str:
        return f"{self._path}/{directory_name(*key)}"

    def _segments(self, directory: str) -> list[Segment]:
        return [
            Segment(
                self._fs,
                directory,
                offset,
                file=self._fs.open(f"{directory}/{file_name(offset, LOG_SUFFIX)}"),
                config=LogConfig(),
                now_ms=0,
            )
            for offset in offsets_of_files(self._fs, directory, LOG_SUFFIX)
        ]

    def _promise(self, key: TopicPartition) -> Promise:
        """Say what the checkpoints promise; a log that was ever cleaned counts as compacted."""
        recovery_point, cleaned = self._offsets.recovery_point(key), self._cleaned.found(key)
        if recovery_point is None:
            gaps_below = LONG_MAX if cleaned is None else cleaned
        else:
            gaps_below = 0 if cleaned is None else max(cleaned, recovery_point)
        return Promise(recovery_point or 0, self._offsets.log_start(key), gaps_below)
