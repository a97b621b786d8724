"""The newest revisions of an embedded store, kept for its watchers.

A watcher holds nothing but its position: one that falls behind what is kept is told `Compacted`,
so no queue can grow.
"""

from __future__ import annotations

from collections import deque

import trio

from pykbroker.metadata.store import Batch, Compacted

HISTORY_EVENTS_MAX = 32_768


class History:
    """Revisions `compacted_rev` (exclusive) to `rev` (inclusive), without gaps."""

    def __init__(self, rev: int, *, events_max: int = HISTORY_EVENTS_MAX) -> None:
        self.rev = rev
        self.compacted_rev = rev
        self._events_max = events_max
        self._events = 0
        self._batches: deque[Batch] = deque()
        self._parked = trio.lowlevel.ParkingLot()

    def append(self, batch: Batch) -> None:
        """Take in the next revision, wake the watchers, and drop what is too much to keep."""
        assert batch.rev == self.rev + 1, f"revision {batch.rev} after {self.rev}"
        self._batches.append(batch)
        self.rev = batch.rev
        self._events += len(batch.events)
        while self._events > self._events_max and len(self._batches) > 1:
            self._drop_oldest()
        self._parked.unpark_all()

    def compact(self, rev: int) -> None:
        """Drop the revisions up to and including rev."""
        while self._batches and self._batches[0].rev <= rev:
            self._drop_oldest()

    def watch(self, prefix: bytes, after_rev: int) -> Watch:
        """Follow the revisions after after_rev (exclusive) that touch the prefix."""
        return Watch(self, prefix, after_rev)

    async def next_after(self, rev: int) -> Batch:
        """Wait for the first revision after rev; raise Compacted when it is no longer kept."""
        while rev >= self.rev:
            await self._parked.park()
        if rev < self.compacted_rev:
            raise Compacted(f"revisions {rev + 1} to {self.compacted_rev} are compacted")
        return self._batches[rev - self.compacted_rev]

    def _drop_oldest(self) -> None:
        batch = self._batches.popleft()
        self._events -= len(batch.events)
        self.compacted_rev = batch.rev


class Watch:
    """One watcher's position in a history; an asynchronous iterator that never ends by itself."""

    def __init__(self, history: History, prefix: bytes, after_rev: int) -> None:
        self._history = history
        self._prefix = prefix
        self._rev = after_rev

    def __aiter__(self) -> Watch:
        return self

    async def __anext__(self) -> Batch:
        """Give the next revision, cut down to its events under the prefix."""
        await trio.lowlevel.checkpoint()
        while True:
            batch = await self._history.next_after(self._rev)
            self._rev = batch.rev
            events = tuple(event for event in batch.events if event.key.startswith(self._prefix))
            if events:
                return Batch(batch.rev, events)
