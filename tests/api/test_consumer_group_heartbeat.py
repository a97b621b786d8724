"""ConsumerGroupHeartbeat through a real socket."""

from __future__ import annotations

from typing import Any

import pytest

from pykbroker.errors import ErrorCode
from pykbroker.testing import Broker
from pykbroker.wire.messages.consumer_group_heartbeat import ConsumerGroupHeartbeat
from tests.api.group_requests import consumer_heartbeat, find_coordinator, join_consumer_group
from tests.api.requests import create_topic
from tests.kafka_client import Client


def told(reply: Any) -> dict[bytes, list[int]] | None:
    """Give the partitions of an answer by topic id, None where it says nothing of them."""
    if reply.assignment is None:
        return None
    return {each.topic_id: list(each.partitions) for each in reply.assignment.topic_partitions}


def test_the_first_member_has_everything_at_once(client: Client, topic: str) -> None:
    topic_id = create_topic(client, topic, partitions=3)

    joined = join_consumer_group(client, topic, "me", topic)
    again = consumer_heartbeat(client, topic, "me", joined.member_epoch)

    assert (joined.error_code, joined.error_message) == (ErrorCode.NONE, None)
    assert (joined.member_id, joined.member_epoch) == ("me", 2)  # 1 is the empty group
    assert told(joined) == {topic_id: [0, 1, 2]}
    assert (again.error_code, again.member_epoch, told(again)) == (ErrorCode.NONE, 2, None)
    assert joined.heartbeat_interval_ms == again.heartbeat_interval_ms > 0


def test_a_second_member_gets_what_the_first_gives_up(client: Client, topic: str) -> None:
    topic_id = create_topic(client, topic, partitions=2)
    first = join_consumer_group(client, topic, "first", topic)

    second = join_consumer_group(client, topic, "second", topic)
    asked = consumer_heartbeat(client, topic, "first", first.member_epoch)
    (kept,) = (told(asked) or {})[topic_id]
    owned = [{"topic_id": topic_id, "partitions": [kept]}]
    gave = consumer_heartbeat(client, topic, "first", asked.member_epoch, topic_partitions=owned)
    got = consumer_heartbeat(client, topic, "second", second.member_epoch)

    assert told(second) == {}
    assert (asked.member_epoch, gave.member_epoch) == (2, 3)
    assert told(got) == {topic_id: [1 - kept]}
    assert got.member_epoch == 3


def test_version_0_is_given_a_member_id(client: Client, topic: str) -> None:
    find_coordinator(client)
    request = {
        "group_id": topic,
        "member_id": "",
        "member_epoch": 0,
        "rebalance_timeout_ms": 60_000,
        "subscribed_topic_names": [topic],
        "topic_partitions": [],
    }

    joined = client.call(ConsumerGroupHeartbeat, request, version=0)
    refused = client.call(ConsumerGroupHeartbeat, request, version=1)

    assert joined.error_code == ErrorCode.NONE
    assert joined.member_id
    assert refused.error_code == ErrorCode.INVALID_REQUEST


@pytest.mark.row(111)
def test_a_refusal_says_why(client: Client, topic: str) -> None:
    find_coordinator(client)

    refused = consumer_heartbeat(client, topic, "me", 0)

    assert refused.error_code == ErrorCode.INVALID_REQUEST
    assert refused.error_message
    assert (refused.member_id, refused.assignment) == (None, None)


@pytest.mark.row(112)
def test_where_the_protocol_is_switched_off_its_version_is_not_supported(topic: str) -> None:
    with (
        Broker(group_coordinator_rebalance_protocols="classic") as broker,
        Client(broker.bootstrap_servers) as client,
    ):
        refused = join_consumer_group(client, topic, "me", topic)

    assert refused.error_code == ErrorCode.UNSUPPORTED_VERSION


def test_a_pattern_is_matched_beside_the_heartbeat_that_brings_it(
    client: Client, topic: str
) -> None:
    topic_id = create_topic(client, f"{topic}-1", partitions=2)
    find_coordinator(client)

    joined = consumer_heartbeat(
        client,
        topic,
        "me",
        0,
        rebalance_timeout_ms=60_000,
        subscribed_topic_regex=f"{topic}-.*",
        topic_partitions=[],
    )

    assert (joined.error_code, told(joined)) == (ErrorCode.NONE, {})
    epoch, found = joined.member_epoch, told(joined)
    while not found:
        beat = consumer_heartbeat(client, topic, "me", epoch)
        epoch, found = beat.member_epoch, told(beat)
    assert found == {topic_id: [0, 1]}
    assert epoch == joined.member_epoch + 1
