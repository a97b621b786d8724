"""OffsetDelete through a real socket."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from struct import pack
from typing import Any

import pytest

from pykbroker.errors import ErrorCode
from pykbroker.testing import Broker
from pykbroker.wire.messages.consumer_protocol import ConsumerProtocolSubscription
from pykbroker.wire.messages.offset_delete import OffsetDelete
from tests.api.group_requests import a_stable_member, join, join_consumer_group
from tests.api.offset_requests import a_topic, commit, committed
from tests.api.requests import create_topic
from tests.kafka_client import Client

NONE, UNKNOWN = ErrorCode.NONE, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
SUBSCRIBED = ErrorCode.GROUP_SUBSCRIBED_TO_TOPIC


def delete(
    client: Client, group: str, topics: Mapping[str, Sequence[int]]
) -> tuple[int, list[list[int]]]:
    """Delete offsets; give the group's code and those of partitions by topic."""
    wanted = [
        {"name": topic, "partitions": [{"partition_index": index} for index in indexes]}
        for topic, indexes in topics.items()
    ]
    reply = client.call(OffsetDelete, {"group_id": group, "topics": wanted})
    if not reply.error_code:
        assert [each.name for each in reply.topics] == list(topics)
    return reply.error_code, [[each.error_code for each in t.partitions] for t in reply.topics]


def reads(topic: str) -> Any:
    """Give the protocols of a consumer that reads a topic."""
    wants = ConsumerProtocolSubscription.version(0).build({"topics": [topic], "user_data": None})
    return (("range", pack(">h", 0) + wants),)


@pytest.mark.row(109)
def test_offsets_of_a_simple_group_are_deleted(client: Client, topic: str) -> None:
    told = a_topic(client, topic)
    commit(client, topic, {told: {0: 5, 1: 6}})

    assert delete(client, topic, {topic: [0, 2]}) == (NONE, [[NONE, NONE]])
    assert committed(client, topic, told) == {1: 6}


@pytest.mark.row(109)
def test_what_the_cluster_does_not_have_is_told_beside_what_is_deleted(
    client: Client, topic: str
) -> None:
    told = a_topic(client, topic)
    commit(client, topic, {told: {0: 5}})

    codes = delete(client, topic, {"no-such-topic": [0], topic: [-1, 0, 3]})

    assert codes == (NONE, [[UNKNOWN], [UNKNOWN, NONE, UNKNOWN]])
    assert committed(client, topic, told) == {}


@pytest.mark.row(109)
@pytest.mark.parametrize("topics", [{}, {"no-such-topic": [0]}], ids=str)
def test_an_unknown_group_is_all_that_is_told(
    client: Client, topic: str, topics: dict[str, list[int]]
) -> None:
    a_topic(client, topic)

    answers = [delete(client, topic, wanted) for wanted in (topics, topics | {topic: [0]})]

    assert answers == [(ErrorCode.GROUP_ID_NOT_FOUND, [])] * 2


@pytest.mark.row(87)
def test_the_group_with_an_empty_id_keeps_its_offsets(client: Client, topic: str) -> None:
    told = a_topic(client, topic)
    commit(client, "", {told: {0: 5}})

    assert delete(client, "", {topic: [0]}) == (ErrorCode.INVALID_GROUP_ID, [])
    assert committed(client, "", told) == {0: 5}


@pytest.mark.row(109)
def test_topics_that_a_classic_group_reads_keep_their_offsets(client: Client, topic: str) -> None:
    told, other = a_topic(client, topic), a_topic(client, topic + "-2")
    commit(client, topic, {told: {0: 5}, other: {0: 6}})
    a_stable_member(client, topic, protocols=reads(topic))

    codes = delete(client, topic, {topic: [0, 9], other.name: [0]})

    assert codes == (NONE, [[SUBSCRIBED, UNKNOWN], [NONE]])
    assert committed(client, topic, told) == {0: 5}
    assert committed(client, topic, other) == {}


@pytest.mark.row(109)
def test_topics_that_a_consumer_group_reads_keep_their_offsets(client: Client, topic: str) -> None:
    told, other = a_topic(client, topic), a_topic(client, topic + "-2")
    commit(client, topic, {told: {0: 5}, other: {0: 6}})
    join_consumer_group(client, topic, "alice", topic)

    codes = delete(client, topic, {topic: [0], other.name: [0]})

    assert codes == (NONE, [[SUBSCRIBED], [NONE]])


@pytest.mark.row(109)
def test_a_group_of_another_type_keeps_its_offsets_while_it_has_members(
    client: Client, topic: str
) -> None:
    told = a_topic(client, topic)
    commit(client, topic, {told: {0: 5}})
    join(client, topic, protocol_type="connect")

    assert delete(client, topic, {topic: [0]}) == (ErrorCode.NON_EMPTY_GROUP, [])


@pytest.mark.row(23)
def test_before_there_is_a_coordinator_the_group_hears_of_it() -> None:
    with Broker() as broker, Client(broker.bootstrap_servers) as client:
        create_topic(client, "topic")

        answer = delete(client, "group", {"topic": [0]})

    assert answer == (ErrorCode.COORDINATOR_NOT_AVAILABLE, [])
