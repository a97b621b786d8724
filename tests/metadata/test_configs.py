"""Configuration overrides change by read, decide, write."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
import trio
from trio.testing import MockClock

from pykbroker.errors import ErrorCode, KafkaError
from pykbroker.metadata.image import ClusterImage
from pykbroker.metadata.keys import ConfigType, Keys, encode
from pykbroker.metadata.memory_store import MemoryStore
from pykbroker.metadata.store import Delete, Put
from tests.metadata.brokers import TOPIC_ID, LossyStore, a_plan, joined

KEYS = Keys.of("default")


def also(**overrides: str) -> Callable[[ClusterImage], Mapping[str, str]]:
    return lambda image: {**image.config("topic", "t"), **overrides}


def to(overrides: Mapping[str, str]) -> Callable[[ClusterImage], Mapping[str, str]]:
    return lambda _: overrides


async def test_overrides_are_set_changed_and_removed(nursery: trio.Nursery) -> None:
    metadata = await joined(nursery, MemoryStore())

    for overrides in ({"a": "1"}, {"a": "2", "b": "3"}, {}):
        await metadata.alter_config(ConfigType.BROKER, "", to(overrides))
        assert metadata.image.config("broker", "") == overrides
    assert metadata.image.configs == {}
    nursery.cancel_scope.cancel()


async def test_no_change_writes_nothing(nursery: trio.Nursery) -> None:
    store = LossyStore()
    metadata = await joined(nursery, store)
    await metadata.alter_config("topic", "t", to({"a": "1"}))
    store.transactions.clear()

    await metadata.alter_config("topic", "t", to({"a": "1"}))
    await metadata.alter_config("topic", "none", to({}))

    assert store.transactions == []
    nursery.cancel_scope.cancel()


async def test_who_is_overtaken_decides_again(nursery: trio.Nursery) -> None:
    store = LossyStore()
    metadata = await joined(nursery, store)
    store.first = lambda: [Put(KEYS.config("topic", "t"), encode({"configs": {"b": "2"}}))]

    await metadata.alter_config("topic", "t", also(a="1"))

    assert metadata.image.config("topic", "t") == {"a": "1", "b": "2"}
    nursery.cancel_scope.cancel()


async def test_a_topic_deleted_meanwhile_leaves_no_configuration(nursery: trio.Nursery) -> None:
    store = LossyStore()
    metadata = await joined(nursery, store)
    await metadata.create_topics([a_plan()])

    def decide(image: ClusterImage) -> Mapping[str, str]:
        if "t" not in image.topics:
            raise KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
        return {"a": "1"}

    store.first = lambda: [Delete(KEYS.partition(TOPIC_ID, 0)), Delete(KEYS.topic("t"))]
    with pytest.raises(KafkaError, match="UNKNOWN_TOPIC_OR_PARTITION"):
        await metadata.alter_config("topic", "t", decide)
    assert metadata.image.configs == {}
    nursery.cancel_scope.cancel()


async def test_who_is_always_overtaken_gives_up(
    nursery: trio.Nursery,
    autojump_clock: MockClock,
) -> None:
    store = LossyStore()
    metadata = await joined(nursery, store)
    store.requests_lost = 100

    with pytest.raises(KafkaError, match="REQUEST_TIMED_OUT"):
        await metadata.alter_config("topic", "t", to({"a": "1"}))
    nursery.cancel_scope.cancel()
