"""The image a broker holds follows its store."""

from __future__ import annotations

import logging

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from pykbroker.metadata.feed import ImageFeed
from pykbroker.metadata.image import ClusterImage
from pykbroker.metadata.keys import Keys, encode
from pykbroker.metadata.memory_store import MemoryStore
from pykbroker.metadata.store import Put

KEYS = Keys.of("c")


def founding(cluster_id: str) -> list[Put]:
    return [Put(KEYS.meta, encode({"cluster_id": cluster_id, "features": {}}))]


async def test_the_image_is_loaded_before_the_feed_reports_started(nursery: trio.Nursery) -> None:
    store = MemoryStore()
    await store.txn([], founding("id"))
    feed = ImageFeed(store, KEYS)

    await nursery.start(feed.run)

    assert (feed.image.revision, feed.image.cluster_id) == (2, "id")
    nursery.cancel_scope.cancel()


async def test_whoever_waits_for_a_revision_gets_it(nursery: trio.Nursery) -> None:
    store = MemoryStore()
    feed = ImageFeed(store, KEYS)
    await nursery.start(feed.run)
    seen: list[ClusterImage] = []

    async def wait() -> None:
        seen.append(await feed.image_after(2))

    nursery.start_soon(wait)
    await store.txn([], founding("first"))
    assert (await feed.image_at(2)).cluster_id == "first"
    assert seen == []
    await store.txn([], founding("second"))
    await wait_all_tasks_blocked()

    assert [(image.revision, image.cluster_id) for image in seen] == [(3, "second")]
    assert (await feed.image_at(1)).revision == 3
    nursery.cancel_scope.cancel()


async def test_keys_of_other_clusters_are_not_followed(nursery: trio.Nursery) -> None:
    store = MemoryStore()
    feed = ImageFeed(store, KEYS)
    await nursery.start(feed.run)

    await store.txn([], [Put(Keys.of("other").meta, b"not for us")])
    await wait_all_tasks_blocked()

    assert feed.image == ClusterImage(KEYS, revision=1)
    nursery.cancel_scope.cancel()


async def test_a_history_that_was_compacted_away_is_loaded_again(
    nursery: trio.Nursery, caplog: pytest.LogCaptureFixture
) -> None:
    store = MemoryStore(history_events_max=1)
    feed = ImageFeed(store, KEYS)
    await nursery.start(feed.run)
    caplog.set_level(logging.WARNING)

    await store.txn([], [*founding("first"), Put(KEYS.producer_ids, encode({"next": 7}))])
    await store.txn([], founding("second"))
    await store.txn([], founding("third"))
    image = await feed.image_at(4)

    assert (image.revision, image.cluster_id, image.next_producer_id) == (4, "third", 7)
    nursery.cancel_scope.cancel()


async def test_a_compaction_behind_the_feed_is_reported(
    nursery: trio.Nursery, caplog: pytest.LogCaptureFixture
) -> None:
    class Forgetful(MemoryStore):
        async def load(self, prefix: bytes):  # type: ignore[no-untyped-def]
            snapshot = await super().load(prefix)
            if snapshot.rev == 1:
                await self.txn([], founding("first"))
                await self.txn([], founding("second"))
                await self.compact(2)
            return snapshot

    feed = ImageFeed(Forgetful(), KEYS)
    await nursery.start(feed.run)

    assert (await feed.image_at(3)).cluster_id == "second"
    assert "metadata history lost" in caplog.text
    nursery.cancel_scope.cancel()
