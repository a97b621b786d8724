"""IncrementalAlterConfigs through a real socket."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pykbroker.errors import ErrorCode
from pykbroker.testing import Broker
from pykbroker.wire.messages.incremental_alter_configs import IncrementalAlterConfigs
from tests.api.requests import a_batch, create_topic, overrides, produce, produce_raw
from tests.kafka_client import Client

TOPIC, BROKER, BROKER_LOGGER, CLIENT_METRICS, GROUP = 2, 4, 8, 16, 32
SET, DELETE, APPEND, SUBTRACT = range(4)
Edit = tuple[str, int, str | None]
THROTTLED = "leader.replication.throttled.replicas"


def a_resource(name: str, *edits: Edit, kind: int = TOPIC) -> Any:
    configs = [
        {"name": key, "config_operation": operation, "value": value}
        for key, operation, value in edits
    ]
    return {"resource_type": kind, "resource_name": name, "configs": configs}


def altered(client: Client, *resources: Any, version: int = 1, validate_only: bool = False) -> Any:
    request = {"resources": resources, "validate_only": validate_only}
    return client.call(IncrementalAlterConfigs, request, version=version).responses


def code_of(client: Client, name: str, *edits: Edit, kind: int = TOPIC) -> ErrorCode:
    """Alter one resource; check that a refusal has words and a success has none."""
    (answer,) = altered(client, a_resource(name, *edits, kind=kind))
    assert (answer.resource_type, answer.resource_name) == (kind, name)
    assert (answer.error_message is None) == (answer.error_code == ErrorCode.NONE)
    return ErrorCode(answer.error_code)


@pytest.fixture
def own_broker() -> Iterator[Client]:
    """A client of a broker whose properties only this test changes."""
    with Broker() as broker, Client(broker.bootstrap_servers) as client:
        yield client


@pytest.mark.row(42)
@pytest.mark.parametrize("version", [0, 1])
def test_edits_change_what_they_name_and_nothing_else(
    client: Client, topic: str, version: int
) -> None:
    create_topic(client, topic, configs={"segment.ms": "5", "retention.ms": "1"})
    edits: list[Edit] = [("retention.ms", SET, "2"), ("segment.ms", DELETE, None)]

    (answer,) = altered(client, a_resource(topic, *edits), version=version)

    assert (answer.error_code, answer.error_message) == (ErrorCode.NONE, None)
    assert overrides(client, topic) == {"retention.ms": "2"}


@pytest.mark.row(42)
def test_lists_are_appended_to_and_subtracted_from(client: Client, topic: str) -> None:
    create_topic(client, topic)

    def policy_after(operation: int, value: str) -> str | None:
        assert code_of(client, topic, ("cleanup.policy", operation, value)) is ErrorCode.NONE
        return overrides(client, topic).get("cleanup.policy")

    assert policy_after(APPEND, "compact") == "delete,compact"
    assert policy_after(APPEND, "compact") == "delete,compact"
    assert policy_after(SUBTRACT, "delete") == "compact"
    assert policy_after(SUBTRACT, "compact") == ""


@pytest.mark.row(42)
@pytest.mark.parametrize(
    "edit",
    [("segment.bytes", DELETE, None), ("no.such", DELETE, None), ("retention.ms", SET, " 5 ")],
    ids=str,
)
def test_what_kafka_makes_sense_of_is_accepted(client: Client, topic: str, edit: Edit) -> None:
    create_topic(client, topic)

    assert code_of(client, topic, edit) is ErrorCode.NONE


INVALID, WRONG = ErrorCode.INVALID_REQUEST, ErrorCode.INVALID_CONFIG


@pytest.mark.row(34)
@pytest.mark.row(42)
@pytest.mark.bad_input(43)
@pytest.mark.parametrize(
    ("edits", "code"),
    [
        ([("retention.ms", SET, None)], INVALID),
        ([("cleanup.policy", APPEND, None)], INVALID),
        ([("retention.ms", 9, "1")], INVALID),
        ([("retention.ms", -1, "1")], INVALID),
        ([("retention.ms", SET, "1"), ("retention.ms", SET, "2")], INVALID),
        ([("no.such", SET, "1")], WRONG),
        ([("", SET, "1")], WRONG),
        ([("retention.ms", SET, "abc")], WRONG),
        ([("retention.ms", SET, "")], WRONG),
        ([("segment.bytes", SET, "-1")], WRONG),
        ([("segment.bytes", SET, "1048576\n\0")], WRONG),
        ([("retention.ms", APPEND, "1")], WRONG),
        ([("retention.ms", SUBTRACT, "1")], WRONG),
        ([("x" * 32_767, SUBTRACT, "1")], WRONG),
        ([("x" * 32_767, SET, None)], INVALID),
        ([("retention.ms", SET, "9" * 32_767)], WRONG),
        ([("cleanup.policy", APPEND, "shred")], WRONG),
        ([("retention.bytes", SET, "1"), ("retention.ms", SET, "abc")], WRONG),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_wrong_edit_leaves_the_topic_as_it_was(
    client: Client, topic: str, edits: list[Edit], code: ErrorCode
) -> None:
    create_topic(client, topic, configs={"segment.ms": "5"})

    assert code_of(client, topic, *edits) is code
    assert overrides(client, topic) == {"segment.ms": "5"}


@pytest.mark.row(42)
@pytest.mark.bad_input(43)
def test_a_value_is_at_most_as_long_as_a_string_can_be(
    client: Client, connect: Callable[..., Client], topic: str
) -> None:
    create_topic(client, topic)
    longest = ("0:1," * 8_192)[:32_767].rstrip(",:")

    assert code_of(client, topic, (THROTTLED, SET, longest)) is ErrorCode.NONE
    assert code_of(client, topic, (THROTTLED, APPEND, "1:1,2:1,3:1")) is WRONG
    assert overrides(client, topic) == {THROTTLED: longest}


@pytest.mark.bad_input(43)
def test_a_value_of_a_mebibyte_closes_the_connection(
    client: Client, connect: Callable[..., Client], topic: str
) -> None:
    create_topic(client, topic)
    doomed, longer = connect(), b"\x80\x80\x40"
    marker = a_resource(topic, (THROTTLED, SET, "MARK"))
    frame = doomed.frame(IncrementalAlterConfigs, {"resources": [marker]}, version=1)

    doomed.send_raw(frame.replace(b"\x05MARK", b"\x81" + longer + b"1" * (1 << 20)))

    assert doomed.is_closed_by_broker()
    assert overrides(client, topic) == {}


@pytest.mark.bad_input(43)
def test_configs_survive_a_restart_after_bad_edits(tmp_path: Path) -> None:
    broker = Broker(data_dir=tmp_path)
    with broker, Client(broker.bootstrap_servers) as client:
        create_topic(client, "t")
        for value in ("-1", "1\n", "1\0", "99999999999999999999"):
            code_of(client, "t", ("segment.bytes", SET, value))
        code_of(client, "t", ("min.insync.replicas", SET, "99"))

    with broker, Client(broker.bootstrap_servers) as client:
        assert overrides(client, "t") == {"min.insync.replicas": "99"}
        assert produce(client, "t") == 0


@pytest.mark.row(42)
@pytest.mark.parametrize(
    ("kind", "name", "code"),
    [
        (TOPIC, "no-such-topic", ErrorCode.UNKNOWN_TOPIC_OR_PARTITION),
        (TOPIC, "a b", ErrorCode.INVALID_TOPIC_EXCEPTION),
        (TOPIC, "", INVALID),
        (0, "t", INVALID),
        (1, "t", INVALID),
        (99, "t", INVALID),
        (BROKER, "99", INVALID),
        (BROKER, "abc", INVALID),
        (BROKER, "x" * 32_767, INVALID),
        (BROKER, "9" * 32_767, INVALID),
        (BROKER_LOGGER, "1", INVALID),
        (CLIENT_METRICS, "m", INVALID),
        (GROUP, "", INVALID),
        (GROUP, "g", WRONG),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_resource_that_cannot_be_altered_is_told_so(
    client: Client, kind: int, name: str, code: ErrorCode
) -> None:
    assert code_of(client, name, ("retention.ms", SET, "1"), kind=kind) is code


@pytest.mark.row(42)
def test_a_resource_named_twice_is_refused_twice(client: Client, topic: str) -> None:
    create_topic(client, topic)

    answers = altered(client, *[a_resource(topic, ("retention.ms", SET, "1"))] * 2)

    assert [answer.error_code for answer in answers] == [INVALID] * 2
    assert overrides(client, topic) == {}


@pytest.mark.row(42)
def test_one_bad_resource_does_not_touch_the_others(client: Client, topic: str) -> None:
    create_topic(client, topic)
    create_topic(client, topic + "-b")

    bad, good = altered(
        client,
        a_resource(topic, ("retention.ms", SET, "abc")),
        a_resource(topic + "-b", ("retention.ms", SET, "4000")),
    )

    assert (bad.error_code, good.error_code) == (WRONG, ErrorCode.NONE)
    assert overrides(client, topic + "-b") == {"retention.ms": "4000"}


@pytest.mark.row(42)
def test_validation_alone_changes_nothing(client: Client, topic: str) -> None:
    create_topic(client, topic)

    (answer,) = altered(client, a_resource(topic, ("retention.ms", SET, "7")), validate_only=True)

    assert answer.error_code == ErrorCode.NONE
    assert overrides(client, topic) == {}


@pytest.mark.row(42)
@pytest.mark.parametrize(
    ("name", "edit"),
    [
        ("1", ("num.partitions", SET, "3")),
        ("1", ("node.id", SET, "3")),
        ("1", ("log.cleaner.threads", SET, "abc")),
        ("1", ("log.cleaner.threads", SET, "-1")),
        ("", ("listeners", SET, "PLAINTEXT://:1")),
        ("", ("rsm.config." + "x" * 32_700, SET, "1")),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_wrong_edit_of_a_broker_is_an_invalid_request(
    client: Client, name: str, edit: Edit
) -> None:
    assert code_of(client, name, edit, kind=BROKER) is INVALID


@pytest.mark.row(42)
@pytest.mark.row(52)
def test_a_broker_property_holds_at_once_and_the_brokers_own_wins(own_broker: Client) -> None:
    create_topic(own_broker, "t")
    larger, small = a_batch(values=[bytes(300)]), a_batch(values=[bytes(10)])

    def limits(name: str, operation: int, value: str | None) -> tuple[int, int]:
        edit = ("message.max.bytes", operation, value)
        assert code_of(own_broker, name, edit, kind=BROKER) is ErrorCode.NONE
        codes = [produce_raw(own_broker, "t", batch).error_code for batch in (small, larger)]
        return codes[0], codes[1]

    too_large = ErrorCode.MESSAGE_TOO_LARGE
    assert limits("", SET, "200") == (0, too_large)
    assert limits("1", SET, "1000") == (0, 0)
    assert limits("1", DELETE, None) == (0, too_large)
    assert limits("", DELETE, None) == (0, 0)


@pytest.mark.row(42)
def test_a_topics_config_holds_for_the_next_batch(client: Client, topic: str) -> None:
    create_topic(client, topic)
    large = a_batch(values=[bytes(300)])
    assert produce_raw(client, topic, large).error_code == ErrorCode.NONE

    code_of(client, topic, ("max.message.bytes", SET, "200"))

    assert produce_raw(client, topic, large).error_code == ErrorCode.MESSAGE_TOO_LARGE
