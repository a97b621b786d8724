"""The seam to the engine that keeps the cluster's metadata: one ordered history of guarded changes.

Every implementation behaves as etcd v3 does in the part used here: a change that touches a key
makes a new revision, a transaction is one revision, and watchers see whole revisions in order.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NewType, Protocol

LeaseId = NewType("LeaseId", int)

NO_LEASE = LeaseId(0)
FIRST_REVISION = 1
"""The revision of a store that was never written (etcd's)."""
TXN_OPS_MAX = 128
"""The most guards, and the most ops, in one transaction (etcd's --max-txn-ops)."""


@dataclass(frozen=True, slots=True)
class KV:
    """A key's present value and where it stands in the history."""

    value: bytes
    create_rev: int
    """Revision that made the key; deleting and making it again gives a new one."""
    mod_rev: int
    version: int
    """Number of puts since the key was made, from 1."""
    lease: LeaseId = NO_LEASE


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All keys under a prefix at one revision, in the order of their bytes."""

    rev: int
    kvs: Mapping[bytes, KV]


@dataclass(frozen=True, slots=True)
class Event:
    """What one revision did to one key; kv is None where the key was deleted."""

    key: bytes
    kv: KV | None


@dataclass(frozen=True, slots=True)
class Batch:
    """One whole revision, its events in the order of the transaction's ops."""

    rev: int
    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class CreateRev:
    """Holds when the key's create_rev, 0 for a missing key, compares so with `rev`."""

    key: bytes
    rev: int
    operator: Literal["==", ">"] = "=="

    def holds(self, kv: KV | None) -> bool:
        """Tell whether the guard holds for the key's present state."""
        found = kv.create_rev if kv else 0
        return found == self.rev if self.operator == "==" else found > self.rev


@dataclass(frozen=True, slots=True)
class ModRev:
    """Holds when the key's mod_rev, 0 for a missing key, equals `rev`."""

    key: bytes
    rev: int

    def holds(self, kv: KV | None) -> bool:
        """Tell whether the guard holds for the key's present state."""
        return (kv.mod_rev if kv else 0) == self.rev


Guard = CreateRev | ModRev


@dataclass(frozen=True, slots=True)
class Put:
    """Set a key; a lease given takes the key along when it ends, none given detaches it."""

    key: bytes
    value: bytes
    lease: LeaseId = NO_LEASE


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove a key; removing a missing key changes nothing."""

    key: bytes


@dataclass(frozen=True, slots=True)
class TxnResult:
    """What became of a transaction."""

    ok: bool
    rev: int
    """The revision it made; the store's revision where it changed nothing."""
    current: Mapping[bytes, KV] = field(default_factory=dict)
    """Where a guard failed: the guarded keys that exist."""


class Unknown(Exception):  # noqa: N818 - an outcome, named as the design names it
    """The reply was lost: whether the change happened must be read before deciding again."""


class Compacted(Exception):  # noqa: N818 - an outcome too
    """The history after the revision asked for is gone: load again."""


class LeaseGone(Exception):  # noqa: N818 - an outcome too
    """A put named a lease that has ended or never was."""


class StoreInUse(Exception):  # noqa: N818 - an outcome too
    """Another process has this store open."""


class MetadataStore(Protocol):
    """Keeps keys and values under one history of revisions."""

    async def load(self, prefix: bytes) -> Snapshot:
        """Read every key under the prefix at one revision not older than this call."""
        ...

    def watch(self, prefix: bytes, after_rev: int) -> AsyncIterator[Batch]:
        """Follow the revisions after after_rev (exclusive) that touch the prefix.

        Raises Compacted when some of them are no longer kept.
        """
        ...

    async def txn(self, guards: Sequence[Guard], ops: Sequence[Put | Delete]) -> TxnResult:
        """Carry out all ops as one revision if all guards hold, else nothing.

        Raises Unknown when the outcome is not known, LeaseGone, OSError when the store's disk
        fails, and ValueError for more than TXN_OPS_MAX guards or ops or for a key that two ops
        name.
        """
        ...

    async def lease_grant(self, ttl: float) -> LeaseId:
        """Make a lease that ends ttl seconds after its last keep-alive."""
        ...

    async def lease_keepalive(self, lease: LeaseId) -> float | None:
        """Renew the lease and give its seconds left; None: it is lost for certain.

        Raises Unknown when no reply came.
        """
        ...

    async def lease_revoke(self, lease: LeaseId) -> None:
        """End the lease and delete its keys as one revision; a lease already gone is no fault."""
        ...


def check_txn(guards: Sequence[Guard], ops: Sequence[Put | Delete]) -> None:
    """Raise ValueError for a transaction that etcd would refuse whatever the state."""
    if max(len(guards), len(ops)) > TXN_OPS_MAX:
        raise ValueError(f"{len(guards)} guards, {len(ops)} ops: at most {TXN_OPS_MAX} of each")
    if len({op.key for op in ops}) != len(ops):
        raise ValueError("two ops of one transaction name the same key")
