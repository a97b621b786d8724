"""DescribeTopicPartitions through a real socket."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from pykbroker.errors import ErrorCode
from pykbroker.testing import Broker
from pykbroker.wire.messages.describe_topic_partitions import DescribeTopicPartitions
from tests.api.requests import create_topic
from tests.kafka_client import Client

ALL_TOPIC_OPERATIONS, NOT_ASKED = 3576, -(2**31)
NO_ID = bytes(16)


@pytest.fixture(scope="module")
def small_pages() -> Iterator[Client]:
    """A client of a broker that puts at most 3 partitions on a page."""
    with (
        Broker(max_request_partition_size_limit=3) as broker,
        Client(broker.bootstrap_servers) as client,
    ):
        create_topic(client, "a", partitions=2)
        create_topic(client, "b", partitions=3)
        yield client


def page(
    client: Client, *names: str, limit: int = 2_000, cursor: tuple[str, int] | None = None
) -> Any:
    request = {
        "topics": [{"name": name} for name in names],
        "response_partition_limit": limit,
        "cursor": cursor and {"topic_name": cursor[0], "partition_index": cursor[1]},
    }
    return client.call(DescribeTopicPartitions, request)


def seen(response: Any) -> tuple[list[tuple[str, list[int]]], tuple[str, int] | None]:
    """Give (topic, partition indexes) in order, and the cursor."""
    cursor = response.next_cursor
    topics = [(t.name, [p.partition_index for p in t.partitions]) for t in response.topics]
    return topics, cursor and (cursor.topic_name, cursor.partition_index)


@pytest.mark.row(22)
def test_topics_come_sorted_and_once_with_their_partitions(client: Client, topic: str) -> None:
    create_topic(client, topic + "-b", partitions=2)
    topic_id = create_topic(client, topic + "-a")

    response = page(client, topic + "-b", topic + "-a", topic + "-b")

    assert seen(response) == ([(topic + "-a", [0]), (topic + "-b", [0, 1])], None)
    first = response.topics[0]
    assert (first.error_code, first.topic_id, first.is_internal) == (0, topic_id, False)
    assert first.topic_authorized_operations == ALL_TOPIC_OPERATIONS
    partition = first.partitions[0]
    assert (partition.error_code, partition.leader_id, partition.leader_epoch) == (0, 1, 0)
    assert (partition.replica_nodes, partition.isr_nodes, partition.offline_replicas) == (
        [1],
        [1],
        [],
    )
    assert (partition.eligible_leader_replicas, partition.last_known_elr) == ([], [])


@pytest.mark.row(22)
def test_a_full_page_tells_where_the_next_begins(small_pages: Client) -> None:
    assert seen(page(small_pages)) == ([("a", [0, 1]), ("b", [0])], ("b", 1))
    assert seen(page(small_pages, cursor=("b", 1))) == ([("b", [1, 2])], None)
    assert seen(page(small_pages, limit=2)) == ([("a", [0, 1])], ("b", 0))
    assert seen(page(small_pages, limit=9_999)) == ([("a", [0, 1]), ("b", [0])], ("b", 1))


@pytest.mark.row(22)
@pytest.mark.parametrize("limit", [0, -1, 1])
def test_a_limit_below_one_counts_as_one(small_pages: Client, limit: int) -> None:
    assert seen(page(small_pages, limit=limit)) == ([("a", [0])], ("a", 1))


@pytest.mark.row(22)
def test_a_cursor_beyond_the_last_partition_goes_on_with_the_next_topic(
    small_pages: Client,
) -> None:
    assert seen(page(small_pages, cursor=("a", 7))) == ([("a", []), ("b", [0, 1, 2])], None)


@pytest.mark.row(22)
@pytest.mark.parametrize("cursor", [("c", 0), ("a", -1)])
def test_a_cursor_that_fits_nothing_is_an_invalid_request_for_every_topic(
    small_pages: Client, cursor: tuple[str, int]
) -> None:
    response = page(small_pages, "a", "b", cursor=cursor)

    assert [(t.name, t.error_code) for t in response.topics] == [
        ("a", ErrorCode.INVALID_REQUEST),
        ("b", ErrorCode.INVALID_REQUEST),
    ]
    assert {t.topic_authorized_operations for t in response.topics} == {NOT_ASKED}
    assert response.next_cursor is None


@pytest.mark.row(22)
@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("no-such-topic", ErrorCode.UNKNOWN_TOPIC_OR_PARTITION),
        ("a/b", ErrorCode.INVALID_TOPIC_EXCEPTION),
        ("", ErrorCode.INVALID_TOPIC_EXCEPTION),
    ],
)
def test_a_topic_that_is_not_there_is_told_so(client: Client, name: str, code: ErrorCode) -> None:
    (answer,) = page(client, name).topics

    assert (answer.name, answer.error_code, answer.topic_id) == (name, code, NO_ID)
    assert answer.partitions == []
