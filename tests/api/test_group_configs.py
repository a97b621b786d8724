"""Configuration of single groups, through a real socket (KIP-848, resource type 32)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pykbroker.errors import ErrorCode
from pykbroker.testing import Broker
from pykbroker.wire.messages.alter_configs import AlterConfigs
from pykbroker.wire.messages.describe_configs import DescribeConfigs
from pykbroker.wire.messages.incremental_alter_configs import IncrementalAlterConfigs
from tests.kafka_client import Client

GROUP = 32
SET, DELETE, APPEND = range(3)
STATIC_BROKER, DEFAULT, DYNAMIC_GROUP = 4, 5, 8
SESSION, HEARTBEAT = "consumer.session.timeout.ms", "consumer.heartbeat.interval.ms"
ASSIGNMENT = "consumer.assignment.interval.ms"


@pytest.fixture(scope="module")
def kafkas_defaults() -> Iterator[Client]:
    """A client of a broker with Kafka's bounds."""
    with (
        Broker(
            properties={
                "group.consumer.min.session.timeout.ms": "45000",
                "group.consumer.min.heartbeat.interval.ms": "5000",
                "group.consumer.heartbeat.interval.ms": "5000",
            }
        ) as broker,
        Client(broker.bootstrap_servers) as client,
    ):
        yield client


def described(client: Client, group_id: str, *keys: str) -> Any:
    resource = {
        "resource_type": GROUP,
        "resource_name": group_id,
        "configuration_keys": list(keys) or None,
    }
    request = {"resources": [resource], "include_synonyms": True}
    return client.call(DescribeConfigs, request, version=4).results[0]


def overridden(client: Client, group_id: str) -> dict[str, str | None]:
    answer = described(client, group_id)
    assert answer.error_code == ErrorCode.NONE
    return {c.name: c.value for c in answer.configs if c.config_source == DYNAMIC_GROUP}


def alter(
    client: Client, group_id: str, *edits: tuple[str, int, str | None], validate_only: bool = False
) -> ErrorCode:
    """Edit one group; check that a refusal has words and a success has none."""
    configs = [
        {"name": name, "config_operation": operation, "value": value}
        for name, operation, value in edits
    ]
    resource = {"resource_type": GROUP, "resource_name": group_id, "configs": configs}
    request = {"resources": [resource], "validate_only": validate_only}
    (answer,) = client.call(IncrementalAlterConfigs, request, version=1).responses
    assert (answer.resource_type, answer.resource_name) == (GROUP, group_id)
    assert (answer.error_message is None) == (answer.error_code == ErrorCode.NONE)
    return ErrorCode(answer.error_code)


@pytest.mark.row(43)
def test_a_group_that_does_not_exist_tells_every_key(client: Client) -> None:
    answer = described(client, "nobody")

    assert (answer.error_code, len(answer.configs)) == (ErrorCode.NONE, 17)
    assert {(c.read_only, c.is_sensitive) for c in answer.configs} == {(False, False)}
    heartbeat = next(c for c in answer.configs if c.name == HEARTBEAT)
    assert (heartbeat.value, heartbeat.config_source) == ("100", STATIC_BROKER)
    assert [(s.name, s.value, s.source) for s in heartbeat.synonyms] == [
        ("group.consumer.heartbeat.interval.ms", "100", STATIC_BROKER),
        ("group.consumer.heartbeat.interval.ms", "5000", DEFAULT),
    ]


@pytest.mark.row(42)
@pytest.mark.parametrize("group_id", ["g", "team/orders", "grüße 🐦", "x" * 1000])
def test_a_group_is_configured_before_it_exists(client: Client, group_id: str) -> None:
    assert alter(client, group_id, (SESSION, SET, "50000"), (HEARTBEAT, SET, "70")) is (
        ErrorCode.NONE
    )
    assert overridden(client, group_id) == {SESSION: "50000", HEARTBEAT: "70"}

    assert alter(client, group_id, (SESSION, DELETE, None)) is ErrorCode.NONE
    assert overridden(client, group_id) == {HEARTBEAT: "70"}

    assert alter(client, group_id, (HEARTBEAT, DELETE, None)) is ErrorCode.NONE
    assert overridden(client, group_id) == {}


@pytest.mark.row(42)
def test_the_legacy_request_replaces_all_that_a_group_sets(client: Client) -> None:
    alter(client, "legacy", (SESSION, SET, "50000"))

    configs = [{"name": HEARTBEAT, "value": "70"}]
    resource = {"resource_type": GROUP, "resource_name": "legacy", "configs": configs}
    (answer,) = client.call(AlterConfigs, {"resources": [resource]}, version=2).responses

    assert (answer.error_code, answer.error_message) == (ErrorCode.NONE, None)
    assert overridden(client, "legacy") == {HEARTBEAT: "70"}


@pytest.mark.row(42)
@pytest.mark.bad_input(43)
@pytest.mark.parametrize(
    ("edits", "code"),
    [
        ([(SESSION, SET, "44999")], ErrorCode.INVALID_CONFIG),
        ([(SESSION, SET, "60001")], ErrorCode.INVALID_CONFIG),
        ([(HEARTBEAT, SET, "4999")], ErrorCode.INVALID_CONFIG),
        ([(HEARTBEAT, SET, "15001")], ErrorCode.INVALID_CONFIG),
        ([(ASSIGNMENT, SET, "15001")], ErrorCode.INVALID_CONFIG),
        ([(SESSION, SET, "0")], ErrorCode.INVALID_CONFIG),
        ([(SESSION, SET, "soon")], ErrorCode.INVALID_CONFIG),
        ([(SESSION, SET, "")], ErrorCode.INVALID_CONFIG),
        ([(SESSION, SET, "9" * 5000)], ErrorCode.INVALID_CONFIG),
        ([(SESSION, SET, "5" * 32_767)], ErrorCode.INVALID_CONFIG),
        ([(SESSION, APPEND, "1")], ErrorCode.INVALID_CONFIG),
        ([("retention.ms", SET, "1")], ErrorCode.INVALID_CONFIG),
        ([("x" * 32_767, SET, "1")], ErrorCode.INVALID_CONFIG),
        ([("group.consumer.session.timeout.ms", SET, "50000")], ErrorCode.INVALID_CONFIG),
        ([("share.auto.offset.reset", SET, "by_duration:-P1D")], ErrorCode.INVALID_CONFIG),
        (
            [("share.auto.offset.reset", SET, f"by_duration:P{'9' * 5000}D")],
            ErrorCode.INVALID_CONFIG,
        ),
        ([(SESSION, SET, None)], ErrorCode.INVALID_REQUEST),
        ([(SESSION, 9, "50000")], ErrorCode.INVALID_REQUEST),
        ([(SESSION, SET, "50000"), (SESSION, SET, "51000")], ErrorCode.INVALID_REQUEST),
        ([(HEARTBEAT, SET, "6000"), (SESSION, SET, "1")], ErrorCode.INVALID_CONFIG),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_wrong_edit_leaves_the_group_as_it_was(
    kafkas_defaults: Client, edits: list[tuple[str, int, str | None]], code: ErrorCode
) -> None:
    alter(kafkas_defaults, "g", (ASSIGNMENT, SET, "5"))

    assert alter(kafkas_defaults, "g", *edits) is code
    assert overridden(kafkas_defaults, "g") == {ASSIGNMENT: "5"}


@pytest.mark.row(42)
@pytest.mark.row(43)
@pytest.mark.bad_input(43)
def test_no_group_has_an_empty_name(client: Client) -> None:
    assert alter(client, "", (SESSION, SET, "50000")) is ErrorCode.INVALID_REQUEST
    assert described(client, "").error_code == ErrorCode.INVALID_REQUEST


@pytest.mark.row(42)
def test_validation_alone_changes_nothing(client: Client) -> None:
    edit = (SESSION, SET, "50000")

    assert alter(client, "validated", edit, validate_only=True) is ErrorCode.NONE
    assert overridden(client, "validated") == {}


@pytest.mark.row(42)
def test_keys_of_kinds_of_groups_that_are_not_served_are_kept(client: Client) -> None:
    edits = [
        ("share.auto.offset.reset", SET, "by_duration:PT1H"),
        ("streams.num.standby.replicas", SET, "2"),
    ]

    assert alter(client, "other", *edits) is ErrorCode.NONE
    assert overridden(client, "other") == {name: value for name, _, value in edits}


@pytest.mark.row(42)
def test_a_groups_configuration_survives_a_restart_with_other_bounds(tmp_path: Path) -> None:
    with Broker(data_dir=tmp_path) as broker, Client(broker.bootstrap_servers) as client:
        alter(client, "g", (SESSION, SET, "1000"))

    bounds: dict[str, object] = {"group.consumer.min.session.timeout.ms": "45000"}
    with (
        Broker(data_dir=tmp_path, properties=bounds) as broker,
        Client(broker.bootstrap_servers) as client,
    ):
        assert overridden(client, "g") == {SESSION: "1000"}
        assert alter(client, "g", (HEARTBEAT, SET, "200")) is ErrorCode.INVALID_CONFIG
        assert alter(client, "g", (SESSION, SET, "45000")) is ErrorCode.NONE
