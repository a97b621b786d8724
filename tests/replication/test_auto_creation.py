"""Topics created because somebody asked for them, with a creation that does what a test says."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from pykbroker.config import load
from pykbroker.errors import ErrorCode, KafkaError
from pykbroker.replication.auto_creation import AutoCreation
from pykbroker.replication.controller import NewTopic
from pykbroker.replication.settings import LiveSettings


class Creation:
    """Notes what it is asked for and answers when it is let."""

    def __init__(self, outcome: Callable[[str], Any] = lambda _: None) -> None:
        self.asked: list[NewTopic] = []
        self.may_go_on = trio.Event()
        self.outcome = outcome

    async def create(self, topics: Sequence[NewTopic]) -> dict[str, Any]:
        self.asked += topics
        await self.may_go_on.wait()
        return {topic.name: self.outcome(topic.name) for topic in topics}


def an_auto_creation(
    creation: Any, nursery: trio.Nursery, *, live_brokers: int = 1, **properties: str
) -> AutoCreation:
    overrides = [f"{name.replace('_', '.')}={text}" for name, text in properties.items()]
    return AutoCreation(
        creation=creation,
        settings=LiveSettings(load(profile="kafka", overrides=overrides), node_id=1),
        live_brokers=lambda: live_brokers,
        start_soon=nursery.start_soon,
    )


@pytest.mark.row(13)
async def test_a_topic_is_asked_for_once_until_it_is_made(nursery: trio.Nursery) -> None:
    creation = Creation()
    automatic = an_auto_creation(creation, nursery)

    assert await automatic.ask(["t"]) == {}
    await wait_all_tasks_blocked()
    assert await automatic.ask(["t", "u"]) == {}
    await wait_all_tasks_blocked()
    assert [topic.name for topic in creation.asked] == ["t", "u"]

    creation.may_go_on.set()
    await wait_all_tasks_blocked()
    await automatic.ask(["t"])
    await wait_all_tasks_blocked()
    assert [topic.name for topic in creation.asked] == ["t", "u", "t"]


@pytest.mark.row(12)
async def test_names_no_topic_can_have_are_refused_and_not_asked_for(nursery: trio.Nursery) -> None:
    creation = Creation()

    refused = await an_auto_creation(creation, nursery).ask(["a/b", ".."])

    await wait_all_tasks_blocked()
    invalid = ErrorCode.INVALID_TOPIC_EXCEPTION
    assert (refused, creation.asked) == ({"a/b": invalid, "..": invalid}, [])


@pytest.mark.row(13)
async def test_the_instant_mode_waits_for_the_topic(nursery: trio.Nursery) -> None:
    creation = Creation()
    automatic = an_auto_creation(creation, nursery, auto_create_topics_mode="instant")

    with trio.move_on_after(0) as scope:
        await automatic.ask(["t"])
    assert scope.cancelled_caught

    creation.may_go_on.set()
    assert await automatic.ask(["t"]) == {}


async def test_in_the_instant_mode_all_askers_wait_and_none_who_leaves_takes_the_topic_along(
    nursery: trio.Nursery,
) -> None:
    creation = Creation()
    automatic = an_auto_creation(creation, nursery, auto_create_topics_mode="instant")
    answers: list[dict[str, ErrorCode]] = []

    async def ask() -> None:
        answers.append(await automatic.ask(["t"]))

    async with trio.open_nursery() as leaving:
        leaving.start_soon(automatic.ask, ["t"])
        await wait_all_tasks_blocked()
        nursery.start_soon(ask)
        await wait_all_tasks_blocked()
        leaving.cancel_scope.cancel()
    await wait_all_tasks_blocked()
    assert answers == []

    creation.may_go_on.set()
    await wait_all_tasks_blocked()
    assert answers == [{}]
    assert [topic.name for topic in creation.asked] == ["t"]


async def test_a_topic_that_could_not_be_made_is_told_of_and_asked_for_again(
    nursery: trio.Nursery, caplog: pytest.LogCaptureFixture
) -> None:
    creation = Creation(lambda _: KafkaError(ErrorCode.INVALID_TOPIC_EXCEPTION, "it collides"))
    creation.may_go_on.set()
    automatic = an_auto_creation(creation, nursery)

    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            await automatic.ask(["a.b"])
            await wait_all_tasks_blocked()

    assert [topic.name for topic in creation.asked] == ["a.b", "a.b"]
    assert caplog.text.count("it collides") == 2


async def test_a_topic_that_somebody_else_made_meanwhile_is_nothing_to_tell_of(
    nursery: trio.Nursery, caplog: pytest.LogCaptureFixture
) -> None:
    creation = Creation(lambda _: KafkaError(ErrorCode.TOPIC_ALREADY_EXISTS))
    creation.may_go_on.set()

    with caplog.at_level(logging.INFO):
        await an_auto_creation(creation, nursery).ask(["t"])
        await wait_all_tasks_blocked()

    assert caplog.messages == []


async def test_a_refused_transaction_is_told_of_and_the_topics_asked_for_again(
    nursery: trio.Nursery, caplog: pytest.LogCaptureFixture
) -> None:
    class Refusing:
        async def create(self, topics: Sequence[NewTopic]) -> dict[str, Any]:
            raise KafkaError(ErrorCode.REQUEST_TIMED_OUT, f"no answer on {topics[0].name}")

    automatic = an_auto_creation(Refusing(), nursery)

    with caplog.at_level(logging.WARNING):
        await automatic.ask(["t"])
        await wait_all_tasks_blocked()
        await automatic.ask(["t"])
        await wait_all_tasks_blocked()

    assert caplog.text.count("no answer on t") == 2


@pytest.mark.row(19)
@pytest.mark.parametrize(("live_brokers", "replicas"), [(0, 1), (1, 1), (2, 2), (5, 3)])
async def test_the_groups_topic_has_as_many_replicas_as_there_are_brokers_up_to_three(
    nursery: trio.Nursery, live_brokers: int, replicas: int
) -> None:
    creation = Creation()

    automatic = an_auto_creation(creation, nursery, live_brokers=live_brokers)
    await automatic.ask(["__consumer_offsets"])
    await wait_all_tasks_blocked()

    (topic,) = creation.asked
    assert (topic.partitions, topic.replication_factor) == (50, replicas)
    assert dict(topic.configs) == {
        "cleanup.policy": "compact",
        "compression.type": "producer",
        "segment.bytes": "104857600",
    }
