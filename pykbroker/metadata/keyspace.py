"""The rules of revisions, guards and leases, over a dictionary: what an embedded store decides by.

Pure: `decide` says what a transaction would do, `apply` does it, so that a store may make the
batch durable in between.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from pykbroker.metadata.store import (
    FIRST_REVISION,
    KV,
    NO_LEASE,
    Batch,
    Delete,
    Event,
    Guard,
    LeaseGone,
    LeaseId,
    Put,
    Snapshot,
    TxnResult,
    check_txn,
)


class Keyspace:
    """All keys at one revision, and the leases that hold some of them."""

    def __init__(self, kvs: Mapping[bytes, KV] | None = None, rev: int = FIRST_REVISION) -> None:
        self._kvs: dict[bytes, KV] = dict(kvs or {})
        self._leases: dict[LeaseId, float] = {}
        self._leases_granted = 0
        self.rev = rev

    def snapshot(self, prefix: bytes) -> Snapshot:
        """Copy out the keys under the prefix, sorted."""
        kvs = self._kvs
        return Snapshot(self.rev, {key: kvs[key] for key in sorted(kvs) if key.startswith(prefix)})

    def decide(self, guards: Sequence[Guard], ops: Sequence[Put | Delete]) -> Batch | TxnResult:
        """Give the batch that the transaction makes, or its result where it changes nothing.

        Raises LeaseGone and ValueError as MetadataStore.txn does.
        """
        check_txn(guards, ops)
        if not all(guard.holds(self._kvs.get(guard.key)) for guard in guards):
            current = {guard.key: self._kvs.get(guard.key) for guard in guards}
            return TxnResult(False, self.rev, {key: kv for key, kv in current.items() if kv})
        events = tuple(event for op in ops if (event := self._event(op)) is not None)
        return Batch(self.rev + 1, events) if events else TxnResult(True, self.rev)

    def leases_held(self) -> set[LeaseId]:
        """Give the leases that keys name, granted by this process or by one before it."""
        return {kv.lease for kv in self._kvs.values()} - {NO_LEASE}

    def without(self, leases: Iterable[LeaseId]) -> Batch | None:
        """Give the batch that deletes the keys these leases hold; None where they hold none."""
        ended = set(leases) - {NO_LEASE}
        events = tuple(
            Event(key, None) for key in sorted(self._kvs) if self._kvs[key].lease in ended
        )
        return Batch(self.rev + 1, events) if events else None

    def apply(self, batch: Batch) -> None:
        """Take in the next revision."""
        assert batch.rev == self.rev + 1, f"revision {batch.rev} after {self.rev}"
        for event in batch.events:
            if event.kv is None:
                del self._kvs[event.key]
            else:
                self._kvs[event.key] = event.kv
        self.rev = batch.rev

    def grant(self, ttl: float) -> LeaseId:
        """Make a lease; it lives until `forget`."""
        self._leases_granted += 1
        lease = LeaseId(self._leases_granted)
        self._leases[lease] = ttl
        return lease

    def seconds_left(self, lease: LeaseId) -> float | None:
        """Give the lease's full time to live; None for a lease that is gone."""
        return self._leases.get(lease)

    def forget(self, lease: LeaseId) -> None:
        """End a lease; its keys are deleted by the batch of `without`."""
        self._leases.pop(lease, None)

    def _event(self, op: Put | Delete) -> Event | None:
        before = self._kvs.get(op.key)
        if isinstance(op, Delete):
            return Event(op.key, None) if before else None
        if op.lease != NO_LEASE and op.lease not in self._leases:
            raise LeaseGone(f"lease {op.lease}")
        rev = self.rev + 1
        create_rev, version = (before.create_rev, before.version + 1) if before else (rev, 1)
        return Event(op.key, KV(op.value, create_rev, rev, version, op.lease))
