"""CreatePartitions through a real socket."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from pykbroker.errors import ErrorCode
from pykbroker.wire.messages.create_partitions import CreatePartitions
from tests.api.requests import create_topic, described, produce
from tests.kafka_client import Client


def more(name: str, count: int, assignments: Sequence[Sequence[int]] | None = None) -> Any:
    given = None if assignments is None else [{"broker_ids": ids} for ids in assignments]
    return {"name": name, "count": count, "assignments": given}


def enlarged(client: Client, *topics: Any, version: int = 3, **request: Any) -> Any:
    asked = {"topics": topics, "timeout_ms": 10_000} | request
    return client.call(CreatePartitions, asked, version=version).results


def count(client: Client, topic: str) -> int:
    return len(described(client, topic).partitions)


@pytest.mark.row(41)
@pytest.mark.parametrize("version", [0, 1, 2, 3])
def test_new_partitions_take_records_when_told(client: Client, topic: str, version: int) -> None:
    create_topic(client, topic)
    produce(client, topic)

    (answer,) = enlarged(client, more(topic, 3), version=version)

    assert (answer.name, answer.error_code, answer.error_message) == (topic, ErrorCode.NONE, None)
    assert count(client, topic) == 3
    assert [produce(client, topic, partition=index) for index in (0, 1, 2)] == [1, 0, 0]


@pytest.mark.row(41)
def test_an_unknown_topic_is_told_so_without_words(client: Client) -> None:
    for name in ("no-such-topic", "a b"):
        (answer,) = enlarged(client, more(name, 2))

        unknown = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
        assert (answer.name, answer.error_code, answer.error_message) == (name, unknown, None)


@pytest.mark.row(41)
@pytest.mark.parametrize("asked", [2, 1, 0, -1])
def test_a_count_that_is_no_increase_is_refused(client: Client, topic: str, asked: int) -> None:
    create_topic(client, topic, partitions=2)

    (answer,) = enlarged(client, more(topic, asked))

    assert answer.error_code == ErrorCode.INVALID_PARTITIONS
    assert "2 partition" in answer.error_message
    assert count(client, topic) == 2


@pytest.mark.row(41)
@pytest.mark.parametrize(
    "assignments", [[], [[1]], [[1]] * 3, [[1], [99]], [[1], []], [[1], [1, 1]]]
)
def test_an_assignment_that_does_not_fit_is_refused(
    client: Client, topic: str, assignments: list[list[int]]
) -> None:
    create_topic(client, topic)

    (answer,) = enlarged(client, more(topic, 3, assignments))

    assert answer.error_code == ErrorCode.INVALID_REPLICA_ASSIGNMENT
    assert answer.error_message
    assert count(client, topic) == 1


@pytest.mark.row(41)
def test_an_assignment_that_fits_is_taken(client: Client, topic: str) -> None:
    create_topic(client, topic)

    (answer,) = enlarged(client, more(topic, 3, [[1], [1]]))

    assert answer.error_code == ErrorCode.NONE
    assert [p.replica_nodes for p in described(client, topic).partitions] == [[1]] * 3


@pytest.mark.row(41)
def test_a_name_asked_twice_is_refused_once_and_others_are_enlarged(
    client: Client, topic: str
) -> None:
    create_topic(client, topic)
    create_topic(client, topic + "-b")

    answers = enlarged(client, more(topic, 2), more(topic + "-b", 2), more(topic, 3))

    assert sorted((a.name, a.error_code) for a in answers) == [
        (topic, ErrorCode.INVALID_REQUEST),
        (topic + "-b", ErrorCode.NONE),
    ]
    assert (count(client, topic), count(client, topic + "-b")) == (1, 2)


@pytest.mark.row(41)
def test_validation_alone_enlarges_nothing(client: Client, topic: str) -> None:
    create_topic(client, topic)

    good, bad = enlarged(client, more(topic, 2), more("no-such-topic", 2), validate_only=True)

    assert (good.error_code, bad.error_code) == (0, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
    assert count(client, topic) == 1


@pytest.mark.row(35)
@pytest.mark.row(41)
def test_more_than_ten_thousand_partitions_at_once_are_refused(client: Client, topic: str) -> None:
    create_topic(client, topic)

    (answer,) = enlarged(client, more(topic, 10_002))

    assert answer.error_code == ErrorCode.POLICY_VIOLATION
    assert count(client, topic) == 1


@pytest.mark.row(41)
@pytest.mark.parametrize("timeout_ms", [0, -1])
def test_without_time_nothing_is_enlarged(client: Client, topic: str, timeout_ms: int) -> None:
    create_topic(client, topic)

    (answer,) = enlarged(client, more(topic, 2), timeout_ms=timeout_ms)

    assert (answer.name, answer.error_code) == (topic, ErrorCode.REQUEST_TIMED_OUT)
    assert count(client, topic) == 1
