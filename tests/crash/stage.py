"""A broker's storage that does what a script says and notes what it has promised by then.

Promises are noted as a broker would make them: what may be on disk before the call that writes it,
what is acknowledged after the sync that covers it has returned. A full disk refuses one append;
any other error of the disk ends the script, as the directory has failed.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from random import Random
from typing import Any

from pykbroker.storage.append import Origin
from pykbroker.storage.log import Appended, Log
from pykbroker.storage.log_config import LogConfig
from pykbroker.storage.log_directory import LogDirectory
from pykbroker.storage.pending_sync import PendingSync
from pykbroker.storage.recovery.examination import Examination, State
from tests.crash.promises import DATA, Promised, Promises, open_directory, require, start
from tests.crash.simulated_fs import SimulatedFileSystem
from tests.storage.logs import a_batch, stored

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
PAGES_BYTES = 6_000
"""A value with which a batch lies on two pages or three."""


class Stage:
    """One data directory in use."""

    def __init__(self, fs: SimulatedFileSystem, random: Random) -> None:
        self.fs = fs
        self.random = random
        self.promised = Promised()
        self.refused = 0
        """Appends that a full disk refused."""
        self.logs: dict[str, Log] = {}
        self.directory: LogDirectory = open_directory(fs)
        self._topics_made = 0

    def log_of(self, topic: str) -> tuple[Log, Promises]:
        """Return an open log and what was promised of it."""
        return self.logs[topic], self.promised.partitions[topic]

    # -- topics

    def create(self, topic: str = "a", **config: Any) -> None:
        """Commit a new topic, then make its log."""
        options: dict[str, Any] = {"segment_bytes": 1_500, "index_interval_bytes": 150} | config
        self._topics_made += 1
        promises = Promises(topic, b"topic-id-%07d" % self._topics_made, LogConfig(**options))
        self.promised.partitions[topic] = promises
        self._open(promises)

    def _open(self, promises: Promises) -> None:
        self.logs[promises.topic] = self.directory.log(
            promises.topic, 0, promises.topic_id, promises.config, self.promised.now_ms
        )

    def delete(self, topic: str = "a") -> None:
        """Commit that a topic is gone, then remove its files."""
        self.promised.gone[self.promised.partitions.pop(topic).topic_id] = topic
        del self.logs[topic]
        self.directory.delete(topic, 0, f"unique{len(self.promised.gone)}")

    def remove(self) -> None:
        """Remove the files that nobody looks for any more."""
        removals = self.directory.removals
        failures = removals.remove([removal.path for removal in removals.take()])
        if failures:
            raise failures[0]

    # -- records

    def append(self, topic: str = "a", records: int = 2, *, epoch: int = 0, **fields: Any) -> None:
        """Append a batch, which nobody is told of before a sync."""
        fields = {"value_bytes": self.random.choice((5, 60, 300))} | fields
        self.append_batch(a_batch(records, leader_epoch=epoch, **fields), topic, epoch=epoch)

    def append_batch(self, data: bytes, topic: str = "a", *, epoch: int = 0) -> None:
        """Append this batch; a full disk may refuse it."""
        log, promises = self.log_of(topic)
        batch = bytearray(data)
        expected = bytearray(batch)
        expected[:8] = log.end_offset.to_bytes(8, "big")
        before = list(promises.batches)
        promises.batches.append(stored(bytes(expected)))
        try:
            answer = log.append_as_leader(
                memoryview(batch),
                leader_epoch=epoch,
                now_ms=self.promised.now_ms,
                origin=Origin.CLIENT,
            )
        except OSError as failure:
            if failure.errno not in FULL or self.fs.sync_failed:
                raise
            self.refused += 1
            promises.alternatives.append(promises.batches)
            promises.batches = before
            return
        assert isinstance(answer, Appended)
        assert batch == expected

    def send(self, producer_id: int, topic: str = "a", records: int = 2, **fields: Any) -> None:
        """Append a batch of an idempotent producer."""
        entry = self.logs[topic].producers.entries.get(producer_id)
        sequence = 0 if entry is None else entry.last_sequence + 1
        self.append(
            topic,
            records,
            producer_id=producer_id,
            producer_epoch=0,
            base_sequence=sequence,
            **fields,
        )

    def sync(self, *topics: str, meanwhile: Callable[[], None] | None = None) -> None:
        """Sync logs, all of them by default, and acknowledge what that covers.

        `meanwhile` happens after the syncs were asked for.
        """
        asked: list[tuple[Log, Promises, PendingSync, int]] = []
        for topic in topics or tuple(self.logs):
            log, promises = self.log_of(topic)
            asked.append((log, promises, log.pending_sync(), log.end_offset))
        if meanwhile is not None:
            meanwhile()
        for log, promises, pending, end_offset in asked:
            pending.run()
            log.synced(pending)
            promises.durable_end = max(promises.durable_end, end_offset)
            if meanwhile is None:
                promises.alternatives = []
            require(log.recovery_point >= end_offset, "a sync did not move the recovery point")

    def roll(self, topic: str = "a") -> None:
        """Begin a new segment."""
        self.logs[topic].roll(self.promised.now_ms)

    def truncate(self, offset: int, topic: str = "a") -> None:
        """Cut a log, as a follower does that diverges; what was cut is acknowledged no more."""
        log, promises = self.log_of(topic)
        promises.alternatives.append(list(promises.batches))
        promises.batches = [one for one in promises.batches if one.last_offset < offset]
        promises.durable_end = min(
            promises.durable_end,
            promises.batches[-1].last_offset + 1 if promises.batches else offset,
        )
        promises.log_start_min = min(promises.log_start_min, promises.durable_end)
        log.truncate_to(offset)
        promises.alternatives = []

    def delete_records(self, offset: int, topic: str = "a") -> None:
        """Make records unreadable; that lasts from the next checkpoint on."""
        log, promises = self.log_of(topic)
        offset = promises.log_start_max = min(offset, log.end_offset)
        log.raise_log_start(offset)

    def checkpoint(self) -> None:
        """Store recovery points and log starts, of what is durable."""
        starts = {topic: log.log_start_offset for topic, log in self.logs.items()}
        self.directory.checkpoint()
        for topic, offset in starts.items():
            promises = self.promised.partitions[topic]
            promises.log_start_min = max(promises.log_start_min, offset)

    # -- damage

    def damage(self, offset: int, topic: str = "a") -> None:
        """Flip a bit of the batch that holds `offset`, on disk; what is behind may be given up."""
        log, promises = self.log_of(topic)
        one = next(one for one in promises.batches if one.last_offset >= offset)
        segment = next(s for s in reversed(log.segments) if s.base_offset <= one.base_offset)
        inode = self.fs.inode(segment.path(".log"))
        at = bytes(inode.cached).index(one.data) + len(one.data) - 1
        inode.write(bytes([inode.cached[at] ^ 1]), at)
        inode.sync()
        promises.is_damaged = True
        promises.durable_end = min(promises.durable_end, one.base_offset)

    def repair(self, topic: str = "a") -> None:
        """Give up what is damaged, as the command does, and start."""
        examination = Examination(self.fs, DATA)
        require(examination.look((topic, 0)).state is State.DAMAGED, "damage is not seen")
        require(examination.give_up((topic, 0)), "nothing is kept of what is given up")
        examination.close()
        promises = self.promised.partitions[topic]
        promises.is_damaged = False
        self.start()

    # -- ends and starts

    def stop(self) -> None:
        """Stop in order: all is flushed, checkpoints and the marker are stored."""
        ends = {topic: log.end_offset for topic, log in self.logs.items()}
        starts = {topic: log.log_start_offset for topic, log in self.logs.items()}
        self.directory.close()
        for topic, offset in ends.items():
            promises = self.promised.partitions[topic]
            promises.durable_end = offset
            promises.log_start_min = starts[topic]
            promises.alternatives = []
        self.logs = {}

    def kill(self) -> None:
        """End the process without a word."""
        self.fs.kill()

    def cut_power(self) -> None:
        """Take the power away; what was promised still holds."""
        self.fs.cut_power(self.random)

    def start(self) -> None:
        """Start again; what is there from now on is what was found."""
        self.directory, self.logs = start(self.fs, self.promised)
        for topic in self.logs:
            log, promises = self.log_of(topic)
            promises.batches = promises.found_in(log)
            promises.alternatives = []

    def wait(self, ms: int) -> None:
        """Let time go by."""
        self.promised.now_ms += ms
