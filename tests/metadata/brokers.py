"""Brokers for tests of the metadata: what joins a store, and a store that loses messages."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence

import trio

from pykbroker.metadata.changes import TopicPlan
from pykbroker.metadata.cluster import Metadata
from pykbroker.metadata.memory_store import MemoryStore
from pykbroker.metadata.store import (
    Batch,
    Delete,
    Guard,
    LeaseId,
    MetadataStore,
    Put,
    Snapshot,
    TxnResult,
    Unknown,
)
from pykbroker.metadata.values import BrokerImage

TOPIC_ID = b"t" * 16

Op = Put | Delete


def a_broker(
    broker_id: int = 1, *, incarnation: str = "run", directory: str = "", clean_of: int = -1
) -> BrokerImage:
    """Give what a broker says of itself when it registers."""
    return BrokerImage(broker_id, incarnation, directory or f"disk-{broker_id}", clean_of=clean_of)


def a_plan(
    name: str = "t",
    partitions: int = 1,
    *,
    topic_id: bytes = TOPIC_ID,
    replicas: tuple[int, ...] = (1,),
    configs: Mapping[str, str] | None = None,
) -> TopicPlan:
    """Give the plan of a topic whose partitions all lie on the same brokers."""
    return TopicPlan(name, topic_id, (replicas,) * partitions, configs or {})


async def following(nursery: trio.Nursery, store: MetadataStore) -> Metadata:
    """Give the metadata of a broker that follows the store and is not registered."""
    metadata = Metadata(store)
    await nursery.start(metadata.run)
    return metadata


async def joined(
    nursery: trio.Nursery, store: MetadataStore, broker: BrokerImage | None = None
) -> Metadata:
    """Give the metadata of a broker that is registered and, if it is the first, the controller."""
    metadata = await following(nursery, store)
    await metadata.register(broker or a_broker(), now_ms=0)
    await metadata.become_controller()
    return metadata


class LossyStore:
    """A MemoryStore behind a network: it can lose messages, let others in first, and count."""

    def __init__(self, store: MemoryStore | None = None) -> None:
        self.store = store or MemoryStore()
        self.requests_lost = 0
        """So many of the next transactions never reach the store."""
        self.replies_lost = 0
        """So many of the next transactions happen without the asker hearing of it."""
        self.keepalives_lost = 0
        self.keepalives = 0
        self.transactions: list[list[Op]] = []
        self.first: Callable[[], list[Op]] | None = None
        """Another writer, who gets in before the next transaction, once."""

    async def load(self, prefix: bytes) -> Snapshot:
        return await self.store.load(prefix)

    def watch(self, prefix: bytes, after_rev: int) -> AsyncIterator[Batch]:
        return self.store.watch(prefix, after_rev)

    async def txn(self, guards: Sequence[Guard], ops: Sequence[Op]) -> TxnResult:
        self.transactions.append(list(ops))
        if self.first is not None:
            first, self.first = self.first, None
            assert (await self.store.txn([], first())).ok
        if self.requests_lost > 0:
            self.requests_lost -= 1
            raise Unknown
        result = await self.store.txn(guards, ops)
        if self.replies_lost > 0:
            self.replies_lost -= 1
            raise Unknown
        return result

    async def lease_grant(self, ttl: float) -> LeaseId:
        return await self.store.lease_grant(ttl)

    async def lease_keepalive(self, lease: LeaseId) -> float | None:
        self.keepalives += 1
        if self.keepalives_lost > 0:
            self.keepalives_lost -= 1
            raise Unknown
        return await self.store.lease_keepalive(lease)

    async def lease_revoke(self, lease: LeaseId) -> None:
        await self.store.lease_revoke(lease)
