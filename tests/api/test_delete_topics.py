"""DeleteTopics through a real socket."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pykbroker.errors import ErrorCode
from pykbroker.testing import Broker
from pykbroker.wire.messages.delete_topics import DeleteTopics
from tests.api.requests import create_topic, described, fetch_one, produce
from tests.kafka_client import Client

NO_ID = bytes(16)
UNKNOWN_ID = bytes(15) + b"\x09"


def deleted(client: Client, *topics: Any, timeout_ms: int = 10_000, version: int = 6) -> Any:
    """Delete by name (str), by id (bytes), or by whatever a dict says."""
    asked = [
        topic
        if isinstance(topic, dict)
        else {"name": topic}
        if isinstance(topic, str)
        else {"topic_id": topic}
        for topic in topics
    ]
    request = {"topics": asked, "topic_names": topics, "timeout_ms": timeout_ms}
    request.pop("topic_names" if version >= 6 else "topics")
    return client.call(DeleteTopics, request, version=version).responses


def told(responses: Any) -> list[tuple[str | None, bytes, ErrorCode]]:
    return [(r.name, r.topic_id, ErrorCode(r.error_code)) for r in responses]


@pytest.fixture(scope="module")
def keeper() -> Iterator[Client]:
    """A client of a broker that deletes no topics."""
    with Broker(delete_topic_enable=False) as broker, Client(broker.bootstrap_servers) as client:
        yield client


@pytest.mark.row(40)
@pytest.mark.parametrize("version", [1, 3, 5, 6])
def test_a_deleted_topic_is_gone_when_told(client: Client, topic: str, version: int) -> None:
    create_topic(client, topic)
    produce(client, topic)

    (answer,) = deleted(client, topic, version=version)

    assert (answer.name, answer.error_code) == (topic, ErrorCode.NONE)
    assert answer.error_message is None
    unknown = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    assert described(client, topic).error_code == unknown
    assert fetch_one(client, topic).error_code == unknown


@pytest.mark.row(40)
def test_a_topic_is_deleted_by_its_id(client: Client, topic: str) -> None:
    topic_id = create_topic(client, topic)

    assert told(deleted(client, topic_id)) == [(topic, topic_id, ErrorCode.NONE)]
    assert told(deleted(client, topic_id)) == [(None, topic_id, ErrorCode.UNKNOWN_TOPIC_ID)]


@pytest.mark.row(40)
def test_a_new_topic_of_the_same_name_begins_empty(client: Client, topic: str) -> None:
    create_topic(client, topic)
    produce(client, topic)
    deleted(client, topic)
    create_topic(client, topic)

    assert produce(client, topic) == 0


@pytest.mark.row(40)
@pytest.mark.parametrize("name", ["no-such-topic", "a b", "", "__cluster_metadata"])
@pytest.mark.parametrize("version", [1, 5, 6])
def test_an_unknown_name_is_told_so_in_words(client: Client, name: str, version: int) -> None:
    (answer,) = deleted(client, name, version=version)

    unknown = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    assert (answer.name, answer.topic_id, answer.error_code) == (name, NO_ID, unknown)
    assert bool(answer.error_message) == (version >= 5)


@pytest.mark.row(40)
def test_of_two_who_delete_a_topic_at_once_one_is_told_that_it_is_gone(
    connect: Callable[..., Client], topic: str
) -> None:
    one, other = connect(), connect()
    request = {"topics": [{"name": topic}], "timeout_ms": 10_000}

    for _ in range(10):
        create_topic(one, topic)
        for client in (one, other):
            client.send(DeleteTopics, request, version=6)
        answers = [client.receive(DeleteTopics, version=6).responses[0] for client in (one, other)]

        codes = sorted(answer.error_code for answer in answers)
        assert codes == [ErrorCode.NONE, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION]


@pytest.mark.row(40)
def test_name_and_id_together_neither_and_twice_are_invalid_requests(
    client: Client, topic: str
) -> None:
    topic_id = create_topic(client, topic)
    invalid = ErrorCode.INVALID_REQUEST

    both = {"name": topic, "topic_id": topic_id}
    assert told(deleted(client, both)) == [(topic, topic_id, invalid)]
    assert told(deleted(client, {"name": None})) == [(None, NO_ID, invalid)]
    assert told(deleted(client, topic, topic)) == [(topic, NO_ID, invalid)]
    assert told(deleted(client, topic_id, topic_id)) == [(None, topic_id, invalid)]
    assert told(deleted(client, topic, topic_id)) == [(topic, topic_id, invalid)]
    assert described(client, topic).error_code == ErrorCode.NONE


@pytest.mark.row(40)
def test_each_topic_is_deleted_on_its_own(client: Client, topic: str) -> None:
    topic_id = create_topic(client, topic)

    answers = told(deleted(client, topic, "no-such-topic", UNKNOWN_ID))

    assert sorted(answers, key=repr) == sorted(
        [
            (topic, topic_id, ErrorCode.NONE),
            ("no-such-topic", NO_ID, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION),
            (None, UNKNOWN_ID, ErrorCode.UNKNOWN_TOPIC_ID),
        ],
        key=repr,
    )


@pytest.mark.row(40)
@pytest.mark.parametrize(
    ("version", "code"),
    [
        (2, ErrorCode.INVALID_REQUEST),
        (3, ErrorCode.TOPIC_DELETION_DISABLED),
        (6, ErrorCode.TOPIC_DELETION_DISABLED),
    ],
)
def test_where_deletion_is_disabled_it_is_told_so(
    keeper: Client, version: int, code: ErrorCode
) -> None:
    name = f"kept-{version}"
    create_topic(keeper, name)

    (answer,) = deleted(keeper, name, version=version)

    assert (answer.name, answer.error_code) == (name, code)
    assert described(keeper, name).error_code == ErrorCode.NONE


@pytest.mark.row(40)
@pytest.mark.parametrize("timeout_ms", [0, -1])
def test_without_time_nothing_is_deleted(client: Client, topic: str, timeout_ms: int) -> None:
    create_topic(client, topic)

    answers = told(deleted(client, topic, timeout_ms=timeout_ms))

    assert answers == [(topic, NO_ID, ErrorCode.REQUEST_TIMED_OUT)]
    assert described(client, topic).error_code == ErrorCode.NONE


@pytest.mark.row(40)
def test_a_deleted_topic_stays_away_over_a_restart(tmp_path: Path) -> None:
    broker = Broker(data_dir=tmp_path)
    with broker, Client(broker.bootstrap_servers) as client:
        create_topic(client, "gone")
        produce(client, "gone")
        deleted(client, "gone")

    with broker, Client(broker.bootstrap_servers) as client:
        assert described(client, "gone").error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
        create_topic(client, "gone")
        assert produce(client, "gone") == 0
