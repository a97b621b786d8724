"""Partitions of existing topics change, and half-made topics are finished."""

from __future__ import annotations

from dataclasses import replace

import pytest
import trio

from pykbroker.metadata.changes import PartitionChange
from pykbroker.metadata.cluster import Metadata
from pykbroker.metadata.keys import Keys
from pykbroker.metadata.memory_store import MemoryStore
from pykbroker.metadata.store import Delete, Put
from pykbroker.metadata.values import TopicImage, TopicState, topic_value
from tests.metadata.brokers import TOPIC_ID, LossyStore, a_plan, joined

KEYS = Keys.of("default")


def kinds(store: LossyStore) -> list[int]:
    return [len(ops) for ops in store.transactions]


def a_change(metadata: Metadata, index: int, **fields: int) -> PartitionChange:
    before = metadata.image.topics["t"].partitions[index]
    return PartitionChange(TOPIC_ID, before, replace(before, **fields))  # type: ignore[arg-type]


async def test_changed_partitions_are_written_with_their_next_epochs(
    nursery: trio.Nursery,
) -> None:
    store = LossyStore()
    metadata = await joined(nursery, store)
    await metadata.create_topics([a_plan(partitions=70)])
    store.transactions.clear()

    changes = [a_change(metadata, index, leader_epoch=5) for index in range(70)]
    await metadata.change_partitions(changes)

    assert kinds(store) == [60, 10]
    assert {(p.leader_epoch, p.partition_epoch) for p in metadata.image.topics["t"].partitions} == {
        (5, 2)
    }
    nursery.cancel_scope.cancel()


async def test_a_change_of_a_partition_that_moved_on_is_left_out(nursery: trio.Nursery) -> None:
    metadata = await joined(nursery, MemoryStore())
    await metadata.create_topics([a_plan(partitions=2)])
    stale = a_change(metadata, 0, leader_epoch=5)
    await metadata.change_partitions([a_change(metadata, 0, leader_epoch=1)])

    await metadata.change_partitions([stale])

    assert metadata.image.topics["t"].partitions[0].leader_epoch == 1
    nursery.cancel_scope.cancel()


async def test_nobody_is_elected_under_a_broker_epoch_that_is_over(nursery: trio.Nursery) -> None:
    metadata = await joined(nursery, MemoryStore())
    await metadata.create_topics([a_plan()])

    await metadata.change_partitions(
        [a_change(metadata, 0, leader_broker_epoch=metadata.broker_epoch - 1)]
    )
    await metadata.change_partitions([])

    assert metadata.image.topics["t"].partitions[0].partition_epoch == 1
    nursery.cancel_scope.cancel()


async def test_a_partition_may_be_left_without_a_leader(nursery: trio.Nursery) -> None:
    metadata = await joined(nursery, MemoryStore())
    await metadata.create_topics([a_plan()])

    await metadata.change_partitions([a_change(metadata, 0, leader=-1, leader_broker_epoch=-1)])

    assert metadata.image.topics["t"].partitions[0].leader == -1
    nursery.cancel_scope.cancel()


def a_half_made_topic(count: int, written: int, state: TopicState) -> list[list[Put | Delete]]:
    """Give the transactions after which the controller died."""
    topic = TopicImage("t", TOPIC_ID, count, 1, state)
    parts: list[Put | Delete] = [
        Put(
            KEYS.partition(TOPIC_ID, i),
            b'{"v":1,"replicas":[1],"leader":null,"leader_epoch":0,"isr":[]}',
        )
        for i in range(written)
    ]
    first: list[Put | Delete] = [
        Put(KEYS.topic("t"), topic_value(topic)),
        Put(KEYS.topic_id(TOPIC_ID), b"t"),
    ]
    return [first, parts[:100], parts[100:]]


@pytest.mark.parametrize(
    ("count", "written", "state", "shown"),
    [
        (150, 150, TopicState.CREATING, 150),
        (150, 100, TopicState.CREATING, None),
        (150, 0, TopicState.CREATING, None),
        (150, 150, TopicState.DELETING, None),
        (150, 100, TopicState.DELETING, None),
    ],
)
async def test_a_new_controller_completes_or_removes_what_it_finds(
    nursery: trio.Nursery, count: int, written: int, state: TopicState, shown: int | None
) -> None:
    store = MemoryStore()
    for ops in a_half_made_topic(count, written, state):
        await store.txn([], ops)
    metadata = await joined(nursery, store)

    await metadata.finish_half_made_topics()

    topic = metadata.image.topics.get("t")
    assert (len(topic.partitions) if topic else None) == shown
    assert metadata.image.pending == {}
    nursery.cancel_scope.cancel()


async def test_a_half_made_topic_that_is_whole_by_now_is_left_alone(
    nursery: trio.Nursery,
) -> None:
    store = LossyStore()
    for ops in a_half_made_topic(150, 100, TopicState.CREATING):
        await store.store.txn([], ops)
    metadata = await joined(nursery, store)
    whole = TopicImage("t", TOPIC_ID, 100, 1)
    store.first = lambda: [Put(KEYS.topic("t"), topic_value(whole))]

    await metadata.finish_half_made_topics()

    assert len(metadata.image.topics["t"].partitions) == 100
    nursery.cancel_scope.cancel()


async def test_a_topic_being_created_here_is_not_taken_for_half_made(
    nursery: trio.Nursery,
) -> None:
    metadata = await joined(nursery, MemoryStore())

    async def sweep() -> None:
        while not (seen := metadata.image).topics:
            await metadata.finish_half_made_topics()
            await metadata.image_after(seen.revision)

    async with trio.open_nursery() as both:
        both.start_soon(sweep)
        both.start_soon(metadata.create_topics, [a_plan(partitions=250)])

    assert len(metadata.image.topics["t"].partitions) == 250
    nursery.cancel_scope.cancel()
