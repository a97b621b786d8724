"""Topics come, grow, change and go in the store."""

from __future__ import annotations

from dataclasses import replace

import pytest
import trio
from trio.testing import MockClock

from pykbroker.errors import ErrorCode, KafkaError
from pykbroker.metadata.changes import PartitionsPlan
from pykbroker.metadata.keys import Keys
from pykbroker.metadata.memory_store import MemoryStore
from pykbroker.metadata.store import Batch, Delete, Put
from pykbroker.metadata.values import BrokerState, topic_value
from tests.metadata.brokers import TOPIC_ID, LossyStore, a_broker, a_plan, following, joined

KEYS = Keys.of("default")


def refusal_codes(refused: dict[str, KafkaError]) -> dict[str, ErrorCode]:
    return {name: refusal.code for name, refusal in refused.items()}


def more(first_index: int, added: int) -> PartitionsPlan:
    return PartitionsPlan("t", TOPIC_ID, first_index, ((1,),) * added)


def kinds(store: LossyStore) -> list[int]:
    return [len(ops) for ops in store.transactions]


async def kinds_left(store: MemoryStore) -> set[str]:
    snapshot = await store.load(KEYS.prefix)
    return {KEYS.parse(key)[0] for key in snapshot.kvs} - {"live", "brokers", "controller"}


async def test_a_created_topic_is_in_the_image_led_by_its_first_live_replica(
    nursery: trio.Nursery,
) -> None:
    store = MemoryStore()
    first = await joined(nursery, store)
    second = await joined(nursery, store, a_broker(2))
    await first.image_at(second.image.revision)

    plan = a_plan(replicas=(3, 2, 1), configs={"retention.ms": "1"})
    assert await first.create_topics([plan]) == {}

    topic = first.image.topics["t"]
    assert (topic.topic_id, topic.count, topic.replication_factor) == (TOPIC_ID, 1, 3)
    (partition,) = topic.partitions
    assert (partition.replicas, partition.leader, partition.leader_epoch) == ((3, 2, 1), 2, 0)
    assert partition.leader_broker_epoch == second.broker_epoch
    assert (partition.isr, partition.isr_epochs) == (
        (2, 1),
        (second.broker_epoch, first.broker_epoch),
    )
    assert first.image.config("topic", "t") == {"retention.ms": "1"}
    nursery.cancel_scope.cancel()


async def test_up_to_100_partitions_are_created_in_one_transaction(nursery: trio.Nursery) -> None:
    store = LossyStore()
    metadata = await joined(nursery, store)
    store.transactions.clear()

    await metadata.create_topics([a_plan(partitions=100)])

    assert kinds(store) == [102]
    assert len(metadata.image.topics["t"].partitions) == 100
    nursery.cancel_scope.cancel()


async def test_more_partitions_are_shown_all_at_once(nursery: trio.Nursery) -> None:
    store = LossyStore()
    metadata = await joined(nursery, store)
    store.transactions.clear()
    counts: set[int] = set()

    async def look() -> None:
        while True:
            topic = metadata.image.topics.get("t")
            counts.add(len(topic.partitions) if topic else 0)
            await metadata.image_after(metadata.image.revision)

    nursery.start_soon(look)
    await metadata.create_topics([a_plan(partitions=250)])
    await trio.testing.wait_all_tasks_blocked()

    assert kinds(store) == [2, 100, 100, 50, 1]
    assert counts == {0, 250}
    nursery.cancel_scope.cancel()


async def test_a_name_that_is_taken_is_refused_and_the_others_are_created(
    nursery: trio.Nursery,
) -> None:
    metadata = await joined(nursery, MemoryStore())
    await metadata.create_topics([a_plan("t")])

    refused = await metadata.create_topics(
        [a_plan("t", topic_id=b"2" * 16), a_plan("u", topic_id=b"3" * 16)]
    )

    assert refusal_codes(refused) == {"t": ErrorCode.TOPIC_ALREADY_EXISTS}
    assert metadata.image.topics["t"].topic_id == TOPIC_ID
    assert "u" in metadata.image.topics
    nursery.cancel_scope.cancel()


@pytest.mark.parametrize(
    ("lost", "codes"),
    [("requests_lost", {"t": ErrorCode.NOT_CONTROLLER}), ("replies_lost", {})],
)
async def test_a_lost_reply_is_settled_by_reading(
    nursery: trio.Nursery,
    autojump_clock: MockClock,
    lost: str,
    codes: dict[str, ErrorCode],
) -> None:
    store = LossyStore()
    metadata = await joined(nursery, store)
    setattr(store, lost, 1)

    refused = await metadata.create_topics([a_plan()])

    assert refusal_codes(refused) == codes
    assert ("t" in metadata.image.topics) is (not codes)
    nursery.cancel_scope.cancel()


async def test_a_controller_that_lost_its_place_creates_nothing(nursery: trio.Nursery) -> None:
    store = LossyStore()
    metadata = await joined(nursery, store)
    store.first = lambda: [Delete(KEYS.controller)]

    refused = await metadata.create_topics([a_plan()])

    assert refusal_codes(refused) == {"t": ErrorCode.NOT_CONTROLLER}
    assert await kinds_left(store.store) == set()
    nursery.cancel_scope.cancel()


async def test_a_controller_that_loses_its_place_halfway_says_so(nursery: trio.Nursery) -> None:
    store = LossyStore()
    metadata = await joined(nursery, store)

    def next_time() -> list[Put | Delete]:
        store.first = lambda: [Delete(KEYS.controller)]
        return [Put(b"elsewhere", b"")]

    store.first = next_time
    refused = await metadata.create_topics([a_plan(partitions=150)])

    assert refusal_codes(refused) == {"t": ErrorCode.NOT_CONTROLLER}
    nursery.cancel_scope.cancel()


async def test_replicas_of_which_none_is_alive_are_refused(nursery: trio.Nursery) -> None:
    metadata = await joined(nursery, MemoryStore())
    await metadata.announce(state=BrokerState.DRAINING)

    refused = await metadata.create_topics([a_plan(replicas=(1,)), a_plan("u", replicas=(9,))])

    assert refusal_codes(refused) == {
        "t": ErrorCode.INVALID_REPLICA_ASSIGNMENT,
        "u": ErrorCode.INVALID_REPLICA_ASSIGNMENT,
    }
    nursery.cancel_scope.cancel()


async def test_a_creation_is_finished_even_if_its_asker_goes_away(nursery: trio.Nursery) -> None:
    store = LossyStore()
    metadata = await joined(nursery, store)

    async with trio.open_nursery() as asker:
        asker.start_soon(metadata.create_topics, [a_plan(partitions=250)])
        await trio.lowlevel.checkpoint()
        await trio.lowlevel.checkpoint()
        asker.cancel_scope.cancel()
    await trio.testing.wait_all_tasks_blocked()

    assert len(metadata.image.topics["t"].partitions) == 250
    nursery.cancel_scope.cancel()


@pytest.mark.parametrize(
    ("partitions", "transactions"),
    [(1, [5]), (100, [104]), (101, [2, 100, 4]), (250, [2, 100, 100, 53])],
)
async def test_a_deleted_topic_leaves_only_the_note_of_who_holds_its_files(
    nursery: trio.Nursery, partitions: int, transactions: list[int]
) -> None:
    store = LossyStore()
    metadata = await joined(nursery, store)
    await metadata.create_topics([a_plan(partitions=partitions, configs={"retention.ms": "1"})])
    store.transactions.clear()

    assert await metadata.delete_topics([TOPIC_ID]) == {}

    assert kinds(store) == transactions
    assert (metadata.image.topics, metadata.image.pending) == ({}, {})
    assert metadata.image.gone == {TOPIC_ID: {1}}
    assert await kinds_left(store.store) == {"gone"}

    await metadata.confirm_gone(TOPIC_ID)
    assert await kinds_left(store.store) == set()
    nursery.cancel_scope.cancel()


async def test_each_broker_confirms_for_itself(nursery: trio.Nursery) -> None:
    store = MemoryStore()
    first = await joined(nursery, store)
    second = await joined(nursery, store, a_broker(2))
    await first.image_at(second.image.revision)
    await first.create_topics([a_plan(replicas=(1, 2))])
    await first.delete_topics([TOPIC_ID])

    await first.confirm_gone(TOPIC_ID)
    await first.confirm_gone(TOPIC_ID)
    assert first.image.gone == {TOPIC_ID: {2}}

    await second.confirm_gone(TOPIC_ID)
    assert second.image.gone == {}
    nursery.cancel_scope.cancel()


async def test_an_unknown_topic_cannot_be_deleted(nursery: trio.Nursery) -> None:
    metadata = await joined(nursery, MemoryStore())

    refused = await metadata.delete_topics([TOPIC_ID])

    assert refused[TOPIC_ID].code is ErrorCode.UNKNOWN_TOPIC_ID
    nursery.cancel_scope.cancel()


async def test_a_topic_that_changes_while_it_is_deleted_is_deleted_all_the_same(
    nursery: trio.Nursery,
) -> None:
    store = LossyStore()
    metadata = await joined(nursery, store)
    await metadata.create_topics([a_plan()])
    topic = metadata.image.topics["t"]
    store.first = lambda: [Put(KEYS.topic("t"), topic_value(topic))]

    assert await metadata.delete_topics([TOPIC_ID]) == {}
    assert metadata.image.topics == {}
    nursery.cancel_scope.cancel()


@pytest.mark.parametrize("partitions", [1, 150])
async def test_a_topic_that_never_holds_still_is_not_tried_for_ever(
    nursery: trio.Nursery,
    autojump_clock: MockClock,
    partitions: int,
) -> None:
    store = LossyStore()
    metadata = await joined(nursery, store)
    await metadata.create_topics([a_plan(partitions=partitions)])
    store.requests_lost = 1_000

    deleted = await metadata.delete_topics([TOPIC_ID])
    grown = await metadata.add_partitions([more(partitions, partitions)])

    assert deleted[TOPIC_ID].code is ErrorCode.REQUEST_TIMED_OUT
    assert refusal_codes(grown) == {"t": ErrorCode.REQUEST_TIMED_OUT}
    nursery.cancel_scope.cancel()


@pytest.mark.parametrize(("added", "transactions"), [(2, [3]), (150, [100, 50, 1])])
async def test_added_partitions_are_shown_all_at_once(
    nursery: trio.Nursery, added: int, transactions: list[int]
) -> None:
    store = LossyStore()
    metadata = await joined(nursery, store)
    await metadata.create_topics([a_plan()])
    store.transactions.clear()

    assert await metadata.add_partitions([more(1, added)]) == {}

    assert kinds(store) == transactions
    topic = metadata.image.topics["t"]
    assert [p.index for p in topic.partitions] == list(range(1 + added))
    assert topic.count == 1 + added
    nursery.cancel_scope.cancel()


async def test_a_growth_that_was_overtaken_is_refused(nursery: trio.Nursery) -> None:
    metadata = await joined(nursery, MemoryStore())
    await metadata.create_topics([a_plan()])
    await metadata.add_partitions([more(1, 1)])

    assert refusal_codes(await metadata.add_partitions([more(1, 1)])) == {
        "t": ErrorCode.INVALID_PARTITIONS
    }
    other = replace(more(2, 1), topic_id=b"o" * 16)
    assert refusal_codes(await metadata.add_partitions([other])) == {
        "t": ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    }
    nursery.cancel_scope.cancel()


async def test_a_confirmation_that_is_overtaken_is_made_again(nursery: trio.Nursery) -> None:
    store = LossyStore()
    metadata = await joined(nursery, store)
    await metadata.create_topics([a_plan()])
    await metadata.delete_topics([TOPIC_ID])
    store.first = lambda: [Put(KEYS.gone(TOPIC_ID), b'{"v":1,"name":"t","brokers":[1,2]}')]

    await metadata.confirm_gone(TOPIC_ID)

    assert metadata.image.gone == {TOPIC_ID: {2}}
    nursery.cancel_scope.cancel()


async def test_a_broker_that_only_follows_changes_nothing(nursery: trio.Nursery) -> None:
    metadata = await following(nursery, MemoryStore())

    refused = await metadata.create_topics([a_plan()])

    assert refusal_codes(refused) == {"t": ErrorCode.NOT_CONTROLLER}
    nursery.cancel_scope.cancel()


async def test_a_disk_that_fails_under_the_metadata_refuses_the_change(
    nursery: trio.Nursery,
) -> None:
    class BrokenStore(MemoryStore):
        async def _keep(self, batch: Batch) -> None:
            if broken:
                raise OSError(28, "No space left on device")

    broken = False
    metadata = await joined(nursery, BrokenStore())
    broken = True

    refused = await metadata.create_topics([a_plan("t")])

    assert refusal_codes(refused) == {"t": ErrorCode.KAFKA_STORAGE_ERROR}
    with pytest.raises(KafkaError, match="No space left"):
        await metadata.allocate_producer_ids()
    assert metadata.image.topics == {}
