"""A MetadataStore in this process's memory.

Leases live as long as the process: they end by `lease_revoke` alone, since a store in the broker's
own process cannot lose sight of it.
"""

from __future__ import annotations

from collections.abc import Sequence

import trio

from pykbroker.metadata.history import HISTORY_EVENTS_MAX, History, Watch
from pykbroker.metadata.keyspace import Keyspace
from pykbroker.metadata.store import Batch, Delete, Guard, LeaseId, Put, Snapshot, TxnResult


class MemoryStore:
    """Keeps everything in dictionaries; several brokers of one process may share it."""

    def __init__(
        self, keyspace: Keyspace | None = None, *, history_events_max: int = HISTORY_EVENTS_MAX
    ) -> None:
        self._keyspace = keyspace if keyspace is not None else Keyspace()
        self._history = History(self._keyspace.rev, events_max=history_events_max)
        self._writer = trio.Lock()

    def close(self) -> None:
        """Let go of whatever keeps the store; nothing in memory does."""

    async def load(self, prefix: bytes) -> Snapshot:
        """Read every key under the prefix at the newest revision."""
        await trio.lowlevel.checkpoint()
        return self._keyspace.snapshot(prefix)

    def watch(self, prefix: bytes, after_rev: int) -> Watch:
        """Follow the revisions after after_rev; one that reads too slowly gets Compacted."""
        return self._history.watch(prefix, after_rev)

    async def txn(self, guards: Sequence[Guard], ops: Sequence[Put | Delete]) -> TxnResult:
        """Carry out all ops if all guards hold; the outcome is never Unknown."""
        async with self._writer:
            decided = self._keyspace.decide(guards, ops)
            if isinstance(decided, TxnResult):
                return decided
            await self._commit(decided)
            return TxnResult(True, decided.rev)

    async def lease_grant(self, ttl: float) -> LeaseId:
        """Make a lease that lives until it is revoked."""
        await trio.lowlevel.checkpoint()
        return self._keyspace.grant(ttl)

    async def lease_keepalive(self, lease: LeaseId) -> float | None:
        """Give the whole time to live, or None when the lease was revoked."""
        await trio.lowlevel.checkpoint()
        return self._keyspace.seconds_left(lease)

    async def lease_revoke(self, lease: LeaseId) -> None:
        """End the lease and delete its keys as one revision."""
        async with self._writer:
            self._keyspace.forget(lease)
            batch = self._keyspace.without([lease])
            if batch is not None:
                await self._commit(batch)

    async def compact(self, rev: int) -> None:
        """Forget the history up to and including rev; watchers behind it get Compacted."""
        await trio.lowlevel.checkpoint()
        self._history.compact(rev)

    async def _commit(self, batch: Batch) -> None:
        await self._keep(batch)
        self._keyspace.apply(batch)
        self._history.append(batch)

    async def _keep(self, batch: Batch) -> None:
        """Make the batch durable before anybody sees it; memory has nothing to do."""
