"""AlterConfigs through a real socket: what is named becomes all that is overridden."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from pykbroker.errors import ErrorCode
from pykbroker.wire.messages.alter_configs import AlterConfigs
from tests.api.requests import create_topic, overrides
from tests.kafka_client import Client

TOPIC, BROKER, BROKER_LOGGER = 2, 4, 8
Values = Mapping[str, str | None]


def a_resource(name: str, values: Values | list[tuple[str, str]], kind: int = TOPIC) -> Any:
    pairs = values if isinstance(values, list) else values.items()
    configs = [{"name": key, "value": value} for key, value in pairs]
    return {"resource_type": kind, "resource_name": name, "configs": configs}


def altered(client: Client, *resources: Any, version: int = 2, validate_only: bool = False) -> Any:
    request = {"resources": resources, "validate_only": validate_only}
    return client.call(AlterConfigs, request, version=version).responses


@pytest.mark.row(42)
@pytest.mark.parametrize("version", [0, 1, 2])
def test_values_replace_all_that_was_set(client: Client, topic: str, version: int) -> None:
    create_topic(client, topic, configs={"retention.ms": "1", "segment.ms": "5"})

    (answer,) = altered(client, a_resource(topic, {"retention.bytes": "9"}), version=version)

    told = (answer.error_code, answer.error_message, answer.resource_type, answer.resource_name)
    assert told == (ErrorCode.NONE, None, TOPIC, topic)
    assert overrides(client, topic) == {"retention.bytes": "9"}


@pytest.mark.row(42)
def test_no_values_take_all_away(client: Client, topic: str) -> None:
    create_topic(client, topic, configs={"retention.ms": "1"})

    altered(client, a_resource(topic, {}))

    assert overrides(client, topic) == {}


@pytest.mark.row(42)
def test_validation_alone_changes_nothing(client: Client, topic: str) -> None:
    create_topic(client, topic, configs={"retention.ms": "1"})

    good, bad = altered(
        client,
        a_resource(topic, {"retention.ms": "2"}),
        a_resource("no-such-topic", {"retention.ms": "2"}),
        validate_only=True,
    )

    assert (good.error_code, bad.error_code) == (0, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
    assert overrides(client, topic) == {"retention.ms": "1"}


@pytest.mark.row(34)
@pytest.mark.row(42)
@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"retention.ms": None}, ErrorCode.INVALID_REQUEST),
        ({"no.such": "1"}, ErrorCode.INVALID_CONFIG),
        ({"retention.ms": "abc", "retention.bytes": "1"}, ErrorCode.INVALID_CONFIG),
        ([("retention.ms", "1"), ("retention.ms", "2")], ErrorCode.INVALID_REQUEST),
    ],
    ids=str,
)
def test_a_wrong_value_leaves_the_topic_as_it_was(
    client: Client, topic: str, values: Values, code: ErrorCode
) -> None:
    create_topic(client, topic, configs={"segment.ms": "5"})

    (answer,) = altered(client, a_resource(topic, values))

    assert answer.error_code == code
    assert answer.error_message
    assert overrides(client, topic) == {"segment.ms": "5"}


@pytest.mark.row(42)
def test_a_resource_named_twice_is_refused_twice_and_the_connection_lives_on(
    client: Client, topic: str
) -> None:
    create_topic(client, topic)

    answers = altered(client, *[a_resource(topic, {"retention.ms": "1"})] * 2)

    assert [answer.error_code for answer in answers] == [ErrorCode.INVALID_REQUEST] * 2
    assert overrides(client, topic) == {}


@pytest.mark.row(42)
@pytest.mark.parametrize(
    ("kind", "name"), [(0, "t"), (1, "t"), (BROKER_LOGGER, "1"), (BROKER, "99")]
)
def test_other_types_and_brokers_are_an_invalid_request(
    client: Client, kind: int, name: str
) -> None:
    (answer,) = altered(client, a_resource(name, {"a": "1"}, kind))

    assert (answer.error_code, answer.resource_type) == (ErrorCode.INVALID_REQUEST, kind)
