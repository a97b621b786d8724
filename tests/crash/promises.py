"""What storage promised of its partitions, and whether what a crash left keeps to it.

A log read back is a run of the batches that were appended, byte for byte and in order, to at least
where it was acknowledged; it begins where deletions were allowed to move it; it tells the same of
its producers and leader epochs; and nothing that a crash may leave is reported as damage.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from pykbroker.storage.files import FileSystem
from pykbroker.storage.log import Log
from pykbroker.storage.log_config import LogConfig
from pykbroker.storage.log_directory import LogDirectory
from pykbroker.storage.segment import DamagedLogError
from pykbroker.wire.records import parse_batch_header
from tests.storage.logs import NOW_MS, Stored, append, read_all

DATA = "data"
NODE_ID = 1
CLUSTER_ID = "crash-tests"
DIRECTORY_ID = b"d" * 16


class BrokenPromiseError(AssertionError):
    """Storage does not hold what it promised; the message says which."""


def require(condition: object, broken: str) -> None:
    """Raise BrokenPromiseError unless `condition` holds."""
    if not condition:
        raise BrokenPromiseError(broken)


class Contents(Protocol):
    """What else than a run of batches a log may be read back as."""

    def check(self, log: Log) -> None:
        """Raise BrokenPromiseError when the log holds what it must not, or lacks what it must."""


@dataclass(slots=True)
class Promises:
    """What was promised of one partition, and what is allowed beyond."""

    topic: str
    topic_id: bytes
    config: LogConfig
    batches: list[Stored] = field(default_factory=list)
    """Every batch appended and not truncated, in order; the last may never have been written."""
    alternatives: list[list[Stored]] = field(default_factory=list)
    """What may be there instead: as it was before a truncation that has not returned, or with a
    batch whose write failed."""
    durable_end: int = 0
    """Everything below is acknowledged."""
    log_start_min: int = 0
    """Nothing below may ever be read again."""
    log_start_max: int = 0
    is_damaged: bool = False
    """Whether the log may be refused: its durable bytes are damaged, and repair is not done."""
    contents: Contents | None = None
    """Who judges the batches, where that they are a run of those appended does not."""

    def check(self, log: Log) -> None:
        """Compare a log that was opened after a crash."""
        self.found_in(log)

    def found_in(self, log: Log) -> list[Stored]:
        """Compare as `check` does, and return the batches that may have lasted, and those below."""
        require(
            log.end_offset >= self.durable_end,
            f"the log ends at {log.end_offset}, acknowledged to {self.durable_end}",
        )
        # On file systems that keep no order of names a later segment's name may last where that of
        # the first does not, before any sync of both: nobody was told of a record in either.
        nothing_promised = self.durable_end <= self.log_start_max
        start_max = max(self.log_start_max, log.end_offset if nothing_promised else 0)
        require(
            self.log_start_min <= log.log_start_offset <= start_max,
            f"the log begins at {log.log_start_offset}, not in {self.log_start_min} to {start_max}",
        )
        if self.contents is not None:
            self.contents.check(log)
            return [one for one in self.batches if one.base_offset < log.end_offset]
        broken: BrokenPromiseError | None = None
        for batches in (self.batches, *self.alternatives):
            try:
                self._check_run(log, batches)
            except BrokenPromiseError as fault:
                broken = broken or fault
            else:
                return [one for one in batches if one.base_offset < log.end_offset]
        assert broken is not None
        raise broken

    def _check_run(self, log: Log, batches: Sequence[Stored]) -> None:
        first = bisect_left(batches, log.log_start_offset, key=lambda one: one.last_offset)
        end = bisect_left(batches, log.end_offset, key=lambda one: one.base_offset)
        run = batches[first:end]
        require(
            read_all(log) == b"".join(one.data for one in run),
            f"records in {log.log_start_offset} to {log.end_offset} are not those appended",
        )
        ends = {log.log_start_offset, *(one.last_offset + 1 for one in batches)}
        require(log.end_offset in ends, f"the log ends at {log.end_offset}, inside a batch")
        for one in run:
            self._check_told_of(log, one)
        self._check_producers(log, run)

    def _check_told_of(self, log: Log, one: Stored) -> None:
        header = parse_batch_header(one.data)
        offset = max(one.base_offset, log.log_start_offset)
        epoch = log.leader_epochs.epoch_for_offset(offset)
        # Epochs are stored without what DeleteRecords took, before that itself is durable.
        appended_in = header.partition_leader_epoch
        require(
            epoch == appended_in or (epoch == -1 and offset < self.log_start_max),
            f"epoch {epoch} is told of offset {offset}, appended in {appended_in}",
        )
        found = log.read(offset, max_bytes=1, end_offset=log.end_offset, at_least_one=True)
        require(
            found is not None and bytes(found.read()) == one.data,
            f"offset {offset} is not found by the indexes",
        )

    def _check_producers(self, log: Log, run: Sequence[Stored]) -> None:
        last = {}
        for one in run:
            header = parse_batch_header(one.data)
            if header.producer_id >= 0:
                last[header.producer_id] = header.last_sequence
        for producer_id, sequence in last.items():
            entry = log.producers.entries.get(producer_id)
            require(
                entry is not None and entry.last_sequence == sequence,
                f"producer {producer_id} sent {sequence} last, its state is {entry}",
            )


@dataclass(slots=True)
class Promised:
    """What was promised of all partitions of a data directory."""

    partitions: dict[str, Promises] = field(default_factory=dict)
    """Those that exist, by topic, as the metadata says."""
    gone: dict[bytes, str] = field(default_factory=dict)
    """Ids of topics that the metadata says are deleted, and their names."""
    now_ms: int = NOW_MS


def open_directory(fs: FileSystem) -> LogDirectory:
    """Lock and open the data directory."""
    return LogDirectory.open(
        fs, DATA, node_id=NODE_ID, cluster_id=CLUSTER_ID, directory_id=DIRECTORY_ID
    )


def start(fs: FileSystem, promised: Promised) -> tuple[LogDirectory, dict[str, Log]]:
    """Do what a broker does at its start: delete what is to be gone, open what is to be there.

    A log that is known to be damaged may be refused.
    """
    directory = open_directory(fs)
    for found in directory.partitions():
        if found.topic_id in promised.gone:
            directory.delete(found.topic, found.partition, "again")
    logs = {}
    for topic, one in promised.partitions.items():
        try:
            logs[topic] = directory.log(topic, 0, one.topic_id, one.config, promised.now_ms)
        except DamagedLogError:
            if not one.is_damaged:
                raise
    return directory, logs


def check_start(fs: FileSystem, promised: Promised) -> tuple[LogDirectory, dict[str, Log]]:
    """Start, and compare every log with what was promised of it."""
    directory, logs = start(fs, promised)
    for topic, log in logs.items():
        try:
            promised.partitions[topic].check(log)
        except BrokenPromiseError as broken:
            raise BrokenPromiseError(f"{topic}: {broken}") from broken
    return directory, logs


def check_made_anew(directory: LogDirectory, promised: Promised) -> None:
    """Make topics under the names of deleted ones: nothing of those may be in them."""
    for name in sorted(set(promised.gone.values()) - promised.partitions.keys()):
        directory.make_stray(name, 0, "stray")
        log = directory.log(name, 0, b"made-anew-123456", LogConfig(), promised.now_ms)
        require(
            (log.log_start_offset, log.end_offset) == (0, 0),
            f"{name} is new and holds {log.log_start_offset} to {log.end_offset}",
        )


def check_goes_on(logs: dict[str, Log]) -> None:
    """Append to every log and read it back: offsets and leader epochs continue."""
    for topic, log in logs.items():
        end_offset = log.end_offset
        epoch = max(log.leader_epochs.latest, 0)
        batch = append(log, 2, leader_epoch=epoch)
        found = log.read(end_offset, max_bytes=1, end_offset=log.end_offset, at_least_one=True)
        require(
            found is not None
            and bytes(found.read()) == batch
            and parse_batch_header(batch).base_offset == end_offset,
            f"{topic}: an append at {end_offset} is not read back",
        )
