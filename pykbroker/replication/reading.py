"""Reading several partitions at once, now or when enough has come (KIP-74).

The parked task is the request's own; it looks again whenever one of its partitions changes and
reads only once, at the end. Follows `ReplicaManager.readFromLog` and `DelayedFetch`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import trio

from pykbroker.errors import KafkaError
from pykbroker.replication.fetch_sessions import Key, Wanted
from pykbroker.replication.partition import PartitionLeader
from pykbroker.replication.partition_read import PartitionRead
from pykbroker.replication.waiter import Waiter

ANY_EPOCH = -1
"""A Fetch without a leader epoch; any below 0 is one (`FetchRequest.optionalEpoch`)."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one fetch must find and may take; `max_wait_ms` 0 or less does not wait."""

    min_bytes: int
    max_bytes: int
    max_wait_ms: int
    committed_only: bool


@dataclass(slots=True)
class Reading:
    """One partition of one fetch: what is wanted, then what was found or why nothing was."""

    key: Key
    topic: str
    wanted: Wanted
    leader: PartitionLeader | None = None
    refusal: KafkaError | None = None
    diverging: tuple[int, int] | None = None
    """Leader epoch and its end offset, where the asker's log and ours part (KIP-595)."""
    found: PartitionRead | None = None

    def available(self, limits: Limits) -> int:
        """Return how many bytes could be read now; notes a refusal or a diverging epoch."""
        leader, wanted = self.leader, self.wanted
        if leader is None or self.refusal is not None:
            return 0
        try:
            leader.check_epoch(max(wanted.current_leader_epoch, ANY_EPOCH))
            if wanted.last_fetched_epoch >= 0:
                self.diverging = leader.diverging_epoch(
                    wanted.last_fetched_epoch, wanted.fetch_offset
                )
                if self.diverging is not None:
                    return 0
            available = leader.bytes_after(
                wanted.fetch_offset, committed_only=limits.committed_only
            )
        except KafkaError as refusal:
            self.refusal = refusal
            return 0
        return min(available, max(wanted.max_bytes, 1))  # a first batch is always returned

    @property
    def answers_at_once(self) -> bool:
        """Whether there is nothing to wait for."""
        return (
            self.refusal is not None
            or self.diverging is not None
            or (self.leader is not None and self.leader.is_draining)
        )

    def read(self, limits: Limits, max_bytes: int, *, at_least_one: bool) -> int:
        """Read what there is, at most `max_bytes`; return how many bytes that were."""
        leader, wanted = self.leader, self.wanted
        if leader is None or self.refusal is not None or self.diverging is not None:
            return 0
        try:
            self.found = leader.read(
                wanted.fetch_offset,
                max_bytes=max(min(wanted.max_bytes, max_bytes), 0),
                committed_only=limits.committed_only,
                at_least_one=at_least_one,
            )
        except KafkaError as refusal:
            self.refusal = refusal
            return 0
        return len(self.found.records) if self.found.records is not None else 0


async def read_when_enough(readings: Sequence[Reading], limits: Limits) -> None:
    """Read all of them as soon as there is enough, one is refused, or the time is over."""
    if readings and not _enough(readings, limits) and limits.max_wait_ms > 0:
        await _wait(readings, limits)
    bytes_left, at_least_one = limits.max_bytes, True
    for reading in readings:
        taken = reading.read(limits, bytes_left, at_least_one=at_least_one)
        if taken:
            # The first partition with records may exceed every limit, so that all make progress.
            at_least_one = False
            bytes_left = max(0, bytes_left - taken)


def _enough(readings: Sequence[Reading], limits: Limits) -> bool:
    available, at_once = 0, False
    for reading in readings:
        available += reading.available(limits)
        if reading.answers_at_once:
            at_once = True
    return at_once or available >= limits.min_bytes


async def _wait(readings: Sequence[Reading], limits: Limits) -> None:
    waiter = Waiter()
    leaders = [reading.leader for reading in readings if reading.leader is not None]
    for leader in leaders:
        leader.watch(waiter)
    try:
        with trio.move_on_after(limits.max_wait_ms / 1000):
            while not _enough(readings, limits):
                await waiter.wait()
    finally:
        for leader in leaders:
            leader.unwatch(waiter)
