"""DescribeConfigs through a real socket."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from pykbroker.errors import ErrorCode
from pykbroker.testing import Broker
from pykbroker.wire.messages.describe_configs import DescribeConfigs
from tests.api.requests import create_topic
from tests.kafka_client import Client

TOPIC, BROKER, BROKER_LOGGER, CLIENT_METRICS, GROUP = 2, 4, 8, 16, 32
DYNAMIC_TOPIC, STATIC_BROKER, DEFAULT = 1, 4, 5
LIST, PASSWORD, LONG = 7, 9, 5
SECRET = "hunter2"


def described(
    client: Client,
    kind: int,
    name: str,
    keys: Sequence[str] | None = None,
    *,
    version: int = 4,
    **request: bool,
) -> Any:
    resource = {"resource_type": kind, "resource_name": name, "configuration_keys": keys}
    response = client.call(DescribeConfigs, {"resources": [resource]} | request, version=version)
    return response.results[0]


@pytest.fixture(scope="module")
def with_secret() -> Iterator[Client]:
    """A client of a broker that has a password among its properties."""
    with (
        Broker(properties={"ssl.keystore.password": SECRET}) as broker,
        Client(broker.bootstrap_servers) as client,
    ):
        yield client


@pytest.mark.row(43)
@pytest.mark.bad_input(44)
@pytest.mark.parametrize("version", [1, 2, 3, 4])
@pytest.mark.parametrize("keys", [None, []])
def test_a_topic_tells_every_key(
    client: Client, topic: str, version: int, keys: list[str] | None
) -> None:
    create_topic(client, topic, configs={"retention.ms": "5000"})

    answer = described(client, TOPIC, topic, keys, version=version)

    assert (answer.error_code, answer.error_message) == (ErrorCode.NONE, "")
    assert (answer.resource_type, answer.resource_name) == (TOPIC, topic)
    assert len(answer.configs) == 33
    overridden = [c.name for c in answer.configs if c.config_source == DYNAMIC_TOPIC]
    assert overridden == ["retention.ms"]
    assert {(c.read_only, c.is_sensitive) for c in answer.configs} == {(False, False)}


@pytest.mark.row(43)
def test_synonyms_tell_where_a_value_comes_from_the_strongest_first(
    client: Client, topic: str
) -> None:
    create_topic(client, topic, configs={"cleanup.policy": "compact"})

    answer = described(client, TOPIC, topic, ["cleanup.policy"], include_synonyms=True)

    (policy,) = answer.configs
    assert (policy.value, policy.config_source, policy.config_type) == (
        "compact",
        DYNAMIC_TOPIC,
        LIST,
    )
    assert [(s.name, s.value, s.source) for s in policy.synonyms] == [
        ("cleanup.policy", "compact", DYNAMIC_TOPIC),
        ("log.cleanup.policy", "delete", DEFAULT),
    ]


@pytest.mark.row(43)
def test_synonyms_and_documentation_are_told_when_asked_only(client: Client, topic: str) -> None:
    create_topic(client, topic)

    (plain,) = described(client, TOPIC, topic, ["segment.bytes"]).configs
    (full,) = described(client, TOPIC, topic, ["segment.bytes"], include_documentation=True).configs

    assert (plain.synonyms, plain.documentation) == ([], None)
    assert "segment" in full.documentation


@pytest.mark.row(43)
def test_an_unknown_key_is_left_out(client: Client, topic: str) -> None:
    create_topic(client, topic)

    answer = described(client, TOPIC, topic, ["no.such", "segment.bytes"])

    assert (answer.error_code, [c.name for c in answer.configs]) == (0, ["segment.bytes"])


@pytest.mark.row(43)
def test_a_topic_that_is_not_there_is_told_so_without_words(client: Client) -> None:
    answer = described(client, TOPIC, "no-such-topic")

    assert answer.error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    assert (answer.error_message, answer.configs) == ("", [])


@pytest.mark.row(43)
@pytest.mark.bad_input(33)
@pytest.mark.parametrize("name", ["", "..", "a/b", "a\0b", "x" * 250], ids=repr)
def test_a_name_no_topic_can_have_is_refused(client: Client, name: str) -> None:
    answer = described(client, TOPIC, name)

    assert answer.error_code == ErrorCode.INVALID_TOPIC_EXCEPTION
    assert answer.error_message


@pytest.mark.row(43)
@pytest.mark.bad_input(44)
def test_the_broker_tells_its_properties_but_no_secret(with_secret: Client) -> None:
    answer = described(with_secret, BROKER, "1", include_synonyms=True)

    assert (answer.error_code, answer.error_message) == (ErrorCode.NONE, "")
    by_name = {config.name: config for config in answer.configs}
    partitions, password = by_name["num.partitions"], by_name["ssl.keystore.password"]
    assert (partitions.value, partitions.read_only, partitions.config_source) == (
        "1",
        True,
        DEFAULT,
    )
    assert (password.is_sensitive, password.value, password.config_type) == (True, None, PASSWORD)
    assert {synonym.value for synonym in password.synonyms} == {None}
    assert SECRET not in repr(answer)


@pytest.mark.row(43)
def test_without_a_name_the_dynamic_defaults_of_all_brokers_are_told(client: Client) -> None:
    answer = described(client, BROKER, "")

    assert (answer.error_code, answer.configs) == (ErrorCode.NONE, [])


@pytest.mark.row(43)
@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (BROKER, "99"),
        (BROKER, "abc"),
        (BROKER_LOGGER, "1"),
        (CLIENT_METRICS, "m"),
        (GROUP, ""),
        (0, "x"),
        (1, "x"),
        (99, "x"),
        (-1, "x"),
    ],
)
def test_other_brokers_and_types_are_an_invalid_request(
    client: Client, kind: int, name: str
) -> None:
    answer = described(client, kind, name)

    assert (answer.error_code, answer.configs) == (ErrorCode.INVALID_REQUEST, [])
    assert (answer.resource_type, answer.resource_name) == (kind, name)
    assert answer.error_message


@pytest.mark.row(43)
def test_each_resource_has_its_answer(client: Client, topic: str) -> None:
    create_topic(client, topic)
    asked = [(TOPIC, topic, ["retention.ms"]), (TOPIC, "no", None), (TOPIC, topic, ["segment.ms"])]
    resources = [
        {"resource_type": kind, "resource_name": name, "configuration_keys": keys}
        for kind, name, keys in asked
    ]

    results = client.call(DescribeConfigs, {"resources": resources}).results

    assert [(r.error_code, [c.name for c in r.configs]) for r in results] == [
        (ErrorCode.NONE, ["retention.ms"]),
        (ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, []),
        (ErrorCode.NONE, ["segment.ms"]),
    ]
