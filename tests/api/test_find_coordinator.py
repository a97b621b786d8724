"""FindCoordinator through a real socket."""

from __future__ import annotations

import time
from typing import Any

import pytest

from pykbroker.coordinator.java_hash import partition_for
from pykbroker.errors import ErrorCode
from pykbroker.testing import Broker
from pykbroker.wire.messages.find_coordinator import FindCoordinator
from tests.api.requests import described
from tests.kafka_client import Client

GROUP, TRANSACTION, SHARE = 0, 1, 2


def coordinators(client: Client, *keys: str, key_type: int = GROUP, version: int = 6) -> Any:
    request = {"key_type": key_type, "coordinator_keys": keys}
    return client.call(FindCoordinator, request, version=version).coordinators


def eventually_found(client: Client, key: str) -> Any:
    deadline = time.monotonic() + 5
    while (found := coordinators(client, key)[0]).error_code and time.monotonic() < deadline:
        time.sleep(0.005)
    return found


@pytest.mark.row(19)
def test_the_first_question_creates_the_groups_topic_and_a_later_one_finds_it() -> None:
    with (
        Broker(offsets_topic_num_partitions=50, pykbroker_offsets_topic_mode="async") as broker,
        Client(broker.bootstrap_servers) as client,
    ):
        first = coordinators(client, "group")[0]
        found = eventually_found(client, "group")
        topic = described(client, "__consumer_offsets")

    missing = ErrorCode.COORDINATOR_NOT_AVAILABLE
    assert (first.error_code, first.node_id, first.host, first.port) == (missing, -1, "", -1)
    assert (found.error_code, found.node_id, found.host) == (ErrorCode.NONE, 1, "127.0.0.1")
    assert (topic.is_internal, len(topic.partitions)) == (True, 50)


def test_in_the_instant_mode_the_first_question_is_answered_when_the_topic_is_there() -> None:
    with Broker() as broker, Client(broker.bootstrap_servers) as client:
        found = coordinators(client, "group")[0]

    assert (found.error_code, found.node_id) == (ErrorCode.NONE, 1)


@pytest.mark.row(19)
@pytest.mark.parametrize("version", [0, 1, 3])
def test_old_versions_ask_for_one_key(client: Client, version: int) -> None:
    eventually_found(client, "group")

    found = client.call(FindCoordinator, {"key": "group"}, version=version)

    assert (found.error_code, found.node_id) == (ErrorCode.NONE, 1)
    assert version == 0 or found.error_message == "NONE"
    assert found.port == client.socket.getpeername()[1]


@pytest.mark.row(20)
@pytest.mark.parametrize("key_type", [SHARE, 3, 127, -1])
@pytest.mark.parametrize("version", [1, 3, 4, 5])
def test_other_key_types_are_an_invalid_request(
    client: Client, key_type: int, version: int
) -> None:
    request = {"key": "a", "coordinator_keys": ["a"], "key_type": key_type}

    response = client.call(FindCoordinator, request, version=version)

    codes = {c.error_code for c in response.coordinators} or {response.error_code}
    assert codes == {ErrorCode.INVALID_REQUEST}


@pytest.mark.row(20)
def test_every_key_has_its_answer(client: Client) -> None:
    eventually_found(client, "group")

    found = coordinators(client, "a", "", "b", version=4)

    assert [(c.key, c.error_code, c.node_id) for c in found] == [
        ("a", 0, 1),
        ("", 0, 1),
        ("b", 0, 1),
    ]


@pytest.mark.row(20)
def test_a_transactional_producer_is_refused_for_good(client: Client) -> None:
    refusal = coordinators(client, "transactions", key_type=TRANSACTION)[0]

    assert refusal.error_code == ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED
    assert "not served" in refusal.error_message


@pytest.mark.row(21)
@pytest.mark.parametrize(
    ("group", "java_hash"),
    [
        ("", 0),
        ("a", 97),
        ("group", 98629247),
        ("polygenelubricants", -(2**31)),  # has no positive counterpart: Kafka takes 0
        ("\U0001f600", 1772899),  # two UTF-16 units
    ],
)
def test_a_group_lies_in_the_partition_of_its_java_hash(group: str, java_hash: int) -> None:
    expected = 0 if java_hash == -(2**31) else abs(java_hash) % 50

    assert partition_for(group, 50) == expected
