"""A broker joins, says how it is, leads the cluster, and leaves."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from pykbroker.errors import ErrorCode, KafkaError
from pykbroker.metadata.memory_store import MemoryStore
from pykbroker.metadata.values import BrokerState, ControllerImage, Endpoint, Registration
from tests.metadata.brokers import LossyStore, a_broker, following, joined


async def test_a_broker_epoch_is_the_revision_of_its_registration(nursery: trio.Nursery) -> None:
    metadata = await following(nursery, MemoryStore())

    epoch = await metadata.register(a_broker(7), now_ms=1_000)

    assert (metadata.broker_id, metadata.broker_epoch) == (7, epoch)
    assert metadata.image.brokers[7].epoch == epoch == metadata.image.revision
    assert metadata.image.registrations[7] == Registration(7, "disk-7", 1_000, epoch)
    nursery.cancel_scope.cancel()


async def test_the_first_cluster_id_stands(nursery: trio.Nursery) -> None:
    store = MemoryStore()
    first, second = await following(nursery, store), await following(nursery, store)

    assert await first.found_cluster("one", {"group.version": 1}) == "one"
    assert await second.found_cluster("two", {}) == "one"
    assert second.image.features == {"group.version": 1}
    nursery.cancel_scope.cancel()


async def test_of_two_founders_at_once_both_get_the_same_id(nursery: trio.Nursery) -> None:
    store = LossyStore()
    first, second = await following(nursery, store), await following(nursery, store)
    given = []

    async def found(metadata: object, cluster_id: str) -> None:
        given.append(await metadata.found_cluster(cluster_id, {}))  # type: ignore[attr-defined]

    async with trio.open_nursery() as both:
        both.start_soon(found, first, "one")
        both.start_soon(found, second, "two")

    assert given[0] == given[1]
    nursery.cancel_scope.cancel()


async def test_a_broker_that_crashed_ends_its_former_run(nursery: trio.Nursery) -> None:
    store = MemoryStore()
    former = await joined(nursery, store, a_broker(incarnation="former"))

    again = await following(nursery, store)
    epoch = await again.register(a_broker(incarnation="again"), now_ms=0)

    assert epoch > former.broker_epoch
    assert again.image.brokers[1].incarnation == "again"
    assert again.image.controller is None  # the former run's went with its lease
    nursery.cancel_scope.cancel()


async def test_another_data_directory_under_the_same_id_is_refused(nursery: trio.Nursery) -> None:
    store = MemoryStore()
    await joined(nursery, store, a_broker(directory="mine"))
    other = await following(nursery, store)

    with pytest.raises(KafkaError, match=r"DUPLICATE_BROKER_REGISTRATION.*\(mine\)"):
        await other.register(a_broker(directory="other"), now_ms=0)
    nursery.cancel_scope.cancel()


@pytest.mark.parametrize("lost", ["requests_lost", "replies_lost"])
async def test_a_lost_message_leaves_one_registration(nursery: trio.Nursery, lost: str) -> None:
    store = LossyStore()
    metadata = await following(nursery, store)
    setattr(store, lost, 1)

    epoch = await metadata.register(a_broker(), now_ms=0)

    assert metadata.image.brokers[1].epoch == epoch
    assert len(store.transactions) == (2 if lost == "requests_lost" else 1)
    nursery.cancel_scope.cancel()


async def test_registering_gives_up_in_the_end(
    nursery: trio.Nursery,
    autojump_clock: MockClock,
) -> None:
    store = LossyStore()
    metadata = await following(nursery, store)
    store.requests_lost = 100

    with pytest.raises(KafkaError, match="REQUEST_TIMED_OUT"):
        await metadata.register(a_broker(), now_ms=0)
    with pytest.raises(KafkaError, match="REQUEST_TIMED_OUT"):
        await metadata.found_cluster("id", {})
    nursery.cancel_scope.cancel()


async def test_what_a_broker_announces_keeps_its_epoch(nursery: trio.Nursery) -> None:
    metadata = await joined(nursery, MemoryStore())
    endpoints = (Endpoint("PLAINTEXT", "localhost", 9092),)

    await metadata.announce(endpoints=endpoints, state=BrokerState.RUNNING)

    broker = metadata.image.brokers[1]
    assert (broker.endpoints, broker.state) == (endpoints, BrokerState.RUNNING)
    assert broker.epoch == metadata.broker_epoch < broker.revision
    nursery.cancel_scope.cancel()


async def test_a_broker_that_is_no_longer_registered_cannot_announce(
    nursery: trio.Nursery,
) -> None:
    metadata = await joined(nursery, MemoryStore())
    revision = metadata.image.revision
    await metadata.leave()
    await metadata.image_after(revision)

    with pytest.raises(KafkaError, match="STALE_BROKER_EPOCH"):
        await metadata.announce(state=BrokerState.RUNNING)
    nursery.cancel_scope.cancel()


async def test_one_broker_at_a_time_is_the_controller(nursery: trio.Nursery) -> None:
    store = MemoryStore()
    first, second = await joined(nursery, store), await joined(nursery, store, a_broker(2))
    await first.image_at(second.image.revision)

    assert (first.is_controller, second.is_controller) == (True, False)
    assert first.image.controller == second.image.controller
    controller = first.image.controller
    assert controller == ControllerImage(1, first.broker_epoch, first.broker_epoch + 1)

    await first.leave()
    await second.image_after(second.image.revision)
    assert await second.become_controller()
    nursery.cancel_scope.cancel()


async def test_who_is_not_controller_cannot_change_topics(nursery: trio.Nursery) -> None:
    store = MemoryStore()
    await joined(nursery, store)
    second = await joined(nursery, store, a_broker(2))

    refused = await second.delete_topics([b"x" * 16])

    assert [refusal.code for refusal in refused.values()] == [ErrorCode.NOT_CONTROLLER]
    nursery.cancel_scope.cancel()


async def test_the_lease_is_kept_until_it_is_lost_for_certain(
    nursery: trio.Nursery,
    autojump_clock: MockClock,
) -> None:
    store = LossyStore()
    metadata = await joined(nursery, store)
    ended = trio.Event()

    async def keep() -> None:
        await metadata.keep_alive()
        ended.set()

    nursery.start_soon(keep)
    store.keepalives_lost = 2
    await trio.sleep(59)
    assert store.keepalives == 40
    assert not ended.is_set()

    await metadata.leave()
    await ended.wait()
    assert metadata.image.brokers == {}
    assert metadata.image.registrations[1].directory == "disk-1"
    nursery.cancel_scope.cancel()
