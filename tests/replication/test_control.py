"""The controller's duty, carried out on a store."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from pykbroker.metadata.cluster import Metadata
from pykbroker.metadata.keys import Keys
from pykbroker.metadata.memory_store import MemoryStore
from pykbroker.metadata.sqlite_store import SqliteStore
from pykbroker.metadata.store import Delete, MetadataStore, Put
from pykbroker.metadata.values import TopicImage, TopicState, topic_value
from pykbroker.replication.control import control
from tests.metadata.brokers import LossyStore, a_broker, a_plan, following

KEYS = Keys.of("default")


def one(_: str) -> int:
    return 1


async def started(nursery: trio.Nursery, store: MetadataStore, broker_id: int = 1) -> Metadata:
    metadata = await following(nursery, store)
    await metadata.register(a_broker(broker_id), now_ms=0)
    await nursery.start(control, metadata, one)
    return metadata


def leaders(metadata: Metadata) -> list[tuple[int, int]]:
    return [
        (partition.leader, partition.leader_epoch)
        for topic in metadata.image.topics.values()
        for partition in topic.partitions
    ]


async def test_a_restarted_broker_leads_all_its_partitions_once_its_duty_has_started(
    tmp_path: Path,
) -> None:
    for restart in range(3):
        store = SqliteStore(tmp_path / "metadata.sqlite")
        async with trio.open_nursery() as nursery:
            metadata = await started(nursery, store)
            if restart == 0:
                await metadata.create_topics([a_plan(partitions=130)])
            assert leaders(metadata) == [(1, restart)] * 130
            nursery.cancel_scope.cancel()
        store.close()


async def test_another_broker_takes_over_when_the_controller_goes(nursery: trio.Nursery) -> None:
    store = MemoryStore()
    first = await started(nursery, store)
    second = await started(nursery, store, 2)
    await first.image_at(second.image.revision)
    await first.create_topics([a_plan(replicas=(1, 2), partitions=2)])

    await first.leave()
    await wait_all_tasks_blocked()

    assert second.is_controller
    assert leaders(second) == [(2, 1), (2, 1)]
    nursery.cancel_scope.cancel()


async def test_a_broker_that_is_not_controller_only_watches(nursery: trio.Nursery) -> None:
    store = MemoryStore()
    first = await started(nursery, store)
    second = await started(nursery, store, 2)

    assert (first.is_controller, second.is_controller) == (True, False)
    nursery.cancel_scope.cancel()


async def test_a_controller_that_is_deposed_while_it_works_stands_again(
    nursery: trio.Nursery, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    store = LossyStore()
    for name in ("t", "u"):
        half_made = TopicImage(name, name.encode() * 16, 2, 1, TopicState.CREATING)
        await store.store.txn([], [Put(KEYS.topic(name), topic_value(half_made))])
    metadata = await following(nursery, store)
    await metadata.register(a_broker(), now_ms=0)

    def depose_next_time() -> list[Put | Delete]:
        store.first = lambda: [Delete(KEYS.controller)]
        return [Put(b"elsewhere", b"")]

    store.first = depose_next_time
    await nursery.start(control, metadata, one)
    await wait_all_tasks_blocked()

    assert "controller refused, looking again: NOT_CONTROLLER" in caplog.text
    assert metadata.is_controller
    assert metadata.image.pending == {}
    nursery.cancel_scope.cancel()
