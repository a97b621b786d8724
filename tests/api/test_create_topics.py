"""CreateTopics through a real socket: what is refused, with which code, and what is made."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from pykbroker.errors import ErrorCode
from pykbroker.testing import Broker
from pykbroker.wire.messages.create_topics import CreateTopics
from pykbroker.wire.messages.metadata import Metadata
from tests.api.requests import a_batch, create_topic, described, produce_raw
from tests.kafka_client import Client

DYNAMIC_TOPIC, STATIC_BROKER, DEFAULT = 1, 4, 5
NO_ID = bytes(16)


def a_new(name: str, partitions: int = 1, replicas: int = 1, **fields: Any) -> dict[str, Any]:
    """A topic as CreateTopics asks for it; configs as a mapping."""
    configs: Mapping[str, str | None] = fields.pop("configs", {})
    return {
        "name": name,
        "num_partitions": partitions,
        "replication_factor": replicas,
        "configs": [{"name": n, "value": v} for n, v in configs.items()],
    } | fields


def assigned(name: str, *replicas: tuple[int, Sequence[int]], **fields: Any) -> dict[str, Any]:
    """A topic with (partition, brokers) given by hand."""
    assignments = [{"partition_index": index, "broker_ids": ids} for index, ids in replicas]
    return a_new(name, -1, -1, assignments=assignments) | fields


def created(client: Client, *topics: Mapping[str, Any], version: int = 7, **request: Any) -> Any:
    asked = {"topics": topics, "timeout_ms": 10_000} | request
    return client.call(CreateTopics, asked, version=version).topics


def codes(answers: Any) -> list[tuple[str, ErrorCode]]:
    return [(answer.name, ErrorCode(answer.error_code)) for answer in answers]


def refusal_of(client: Client, topic: Mapping[str, Any]) -> ErrorCode:
    """Ask for one topic that must be refused; check what a refusal looks like."""
    (answer,) = created(client, topic)
    blank = (answer.topic_id, answer.num_partitions, answer.replication_factor, answer.configs)
    assert blank == (NO_ID, -1, -1, [])
    assert answer.error_message
    return ErrorCode(answer.error_code)


@pytest.mark.row(24)
@pytest.mark.bad_input(33)
@pytest.mark.parametrize(
    "name", ["", ".", "..", "x" * 250, "a b", "a/b", "../a", "a\0b", "a:b", "ä", "a\n"], ids=repr
)
def test_a_name_no_topic_can_have_is_refused(client: Client, name: str) -> None:
    assert refusal_of(client, a_new(name)) is ErrorCode.INVALID_TOPIC_EXCEPTION


@pytest.mark.row(24)
@pytest.mark.bad_input(33)
def test_refused_names_leave_nothing_on_the_disk(tmp_path: Path) -> None:
    inside = tmp_path / "data"
    with Broker(data_dir=inside) as broker, Client(broker.bootstrap_servers) as client:
        before = sorted(path.name for path in inside.iterdir())
        created(client, *(a_new(name) for name in ("..", "../a", "a/b", "a\0b")))
        produce_raw(client, "../b", a_batch())
        after = sorted(path.name for path in inside.iterdir())

    assert after == before
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


@pytest.mark.row(24)
def test_the_longest_name_can_be_had(client: Client) -> None:
    assert codes(created(client, a_new("x" * 249)))[0][1] is ErrorCode.NONE


@pytest.mark.row(25)
@pytest.mark.parametrize(("first", "second"), [(".", "_"), ("_", ".")])
def test_a_name_that_metrics_would_mix_up_with_an_existing_one_is_refused(
    client: Client, topic: str, first: str, second: str
) -> None:
    create_topic(client, f"{topic}{first}a")

    refusal = refusal_of(client, a_new(f"{topic}{second}a"))

    assert refusal is ErrorCode.INVALID_TOPIC_EXCEPTION


@pytest.mark.row(25)
def test_two_new_names_of_one_request_may_collide(client: Client, topic: str) -> None:
    answers = created(client, a_new(topic + ".a"), a_new(topic + "_a"))

    assert {code for _, code in codes(answers)} == {ErrorCode.NONE}


@pytest.mark.row(26)
@pytest.mark.parametrize("partitions", [1, 0])
def test_a_topic_that_exists_is_told_so_before_anything_else(
    client: Client, topic: str, partitions: int
) -> None:
    create_topic(client, topic)

    assert refusal_of(client, a_new(topic, partitions)) is ErrorCode.TOPIC_ALREADY_EXISTS


@pytest.mark.row(27)
def test_a_name_asked_twice_is_refused_once_and_others_are_made(client: Client, topic: str) -> None:
    answers = created(client, a_new(topic), a_new(topic + "-b"), a_new(topic))

    assert sorted(codes(answers)) == [
        (topic, ErrorCode.INVALID_REQUEST),
        (topic + "-b", ErrorCode.NONE),
    ]
    assert described(client, topic).error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION


@pytest.mark.row(28)
def test_the_metadata_log_is_no_topic_but_internal_topics_can_be_made(client: Client) -> None:
    assert refusal_of(client, a_new("__cluster_metadata")) is ErrorCode.INVALID_REQUEST

    assert codes(created(client, a_new("__share_group_state")))[0][1] is ErrorCode.NONE
    assert described(client, "__share_group_state").is_internal


@pytest.mark.row(29)
@pytest.mark.parametrize("partitions", [0, -2, -(2**31)])
def test_a_number_of_partitions_below_one_is_refused(
    client: Client, topic: str, partitions: int
) -> None:
    assert refusal_of(client, a_new(topic, partitions)) is ErrorCode.INVALID_PARTITIONS


@pytest.mark.row(30)
@pytest.mark.row(31)
@pytest.mark.bad_input(34)
@pytest.mark.parametrize("replicas", [0, -2, 2, 32_767])
def test_a_replication_factor_without_brokers_for_it_is_refused(
    client: Client, topic: str, replicas: int
) -> None:
    refusal = refusal_of(client, a_new(topic, 1, replicas))

    assert refusal is ErrorCode.INVALID_REPLICATION_FACTOR


@pytest.mark.row(30)
def test_of_two_wrong_numbers_the_replication_factor_is_told(client: Client, topic: str) -> None:
    assert refusal_of(client, a_new(topic, 0, 0)) is ErrorCode.INVALID_REPLICATION_FACTOR


@pytest.mark.row(32)
@pytest.mark.parametrize("numbers", [(1, -1), (-1, 1), (1, 1)], ids=str)
def test_an_assignment_leaves_no_numbers_to_say(
    client: Client, topic: str, numbers: tuple[int, int]
) -> None:
    asked = assigned(topic, (0, [1]), num_partitions=numbers[0], replication_factor=numbers[1])

    assert refusal_of(client, asked) is ErrorCode.INVALID_REQUEST


@pytest.mark.row(33)
@pytest.mark.bad_input(34)
@pytest.mark.parametrize(
    "assignment",
    [
        [(0, [1]), (0, [1])],
        [(0, [1]), (2, [1])],
        [(1, [1])],
        [(-1, [1])],
        [(0, [])],
        [(0, [99])],
        [(0, [-3])],
        [(0, [1, 1])],
        [(0, [1]), (1, [1, 99])],
    ],
    ids=str,
)
def test_an_assignment_that_cannot_be_is_refused(
    client: Client, topic: str, assignment: list[tuple[int, list[int]]]
) -> None:
    refusal = refusal_of(client, assigned(topic, *assignment))

    assert refusal is ErrorCode.INVALID_REPLICA_ASSIGNMENT


@pytest.mark.row(33)
def test_an_assignment_may_come_in_any_order(client: Client, topic: str) -> None:
    (answer,) = created(client, assigned(topic, (1, [1]), (0, [1])))

    assert (answer.error_code, answer.num_partitions, answer.replication_factor) == (0, 2, 1)


UNUSABLE_CONFIGS: list[Mapping[str, str | None]] = [
    {"no.such.config": "1"},
    {"": "1"},
    {"retention.ms": None},
    {"no.such.config": None},
    {"retention.ms": "abc"},
    {"retention.ms": ""},
    {"retention.ms": "9223372036854775808"},
    {"retention.ms": "-2"},
    {"segment.bytes": "0x100000"},
    {"segment.bytes": "1048575"},
    {"segment.bytes": "2147483648"},
    {"preallocate": "yes"},
    {"cleanup.policy": "shred"},
    {"cleanup.policy": "DELETE"},
    {"compression.type": "GZIP"},
    {"message.timestamp.type": "Never"},
    {"min.insync.replicas": "0"},
    {"min.cleanable.dirty.ratio": "2"},
    {"min.compaction.lag.ms": "100", "max.compaction.lag.ms": "50"},
    {"message.downconversion.enable": "false"},
]


@pytest.mark.row(34)
@pytest.mark.parametrize("configs", UNUSABLE_CONFIGS, ids=str)
def test_a_config_that_is_unknown_or_wrong_is_refused(
    client: Client, topic: str, configs: Mapping[str, str | None]
) -> None:
    assert refusal_of(client, a_new(topic, configs=configs)) is ErrorCode.INVALID_CONFIG


@pytest.mark.row(34)
@pytest.mark.parametrize(
    "configs",
    [
        {"retention.ms": "  1000 "},
        {"retention.ms": "+5"},
        {"preallocate": "TRUE"},
        {"cleanup.policy": " compact , delete "},
        {"cleanup.policy": ""},
        {"min.insync.replicas": "99"},
        {"retention.bytes": "-5"},
        {"max.message.bytes": "0"},
        {"leader.replication.throttled.replicas": "*"},
    ],
    ids=str,
)
def test_what_kafka_makes_sense_of_is_accepted(
    client: Client, topic: str, configs: Mapping[str, str]
) -> None:
    answers = created(client, a_new(topic, configs=configs), validate_only=True)

    assert codes(answers) == [(topic, ErrorCode.NONE)]


@pytest.mark.row(34)
def test_of_a_key_given_twice_the_last_value_counts(client: Client, topic: str) -> None:
    twice = [{"name": "retention.ms", "value": value} for value in ("1", "2")]

    (answer,) = created(client, a_new(topic) | {"configs": twice})

    assert {c.name: c.value for c in answer.configs}["retention.ms"] == "2"


@pytest.mark.row(35)
@pytest.mark.bad_input(34)
@pytest.mark.parametrize("sizes", [[10_001], [2**31 - 1], [5_001, 5_000]], ids=str)
def test_too_many_partitions_in_one_request_are_refused_for_every_topic(
    client: Client, topic: str, sizes: list[int]
) -> None:
    answers = created(client, *(a_new(f"{topic}-{n}", size) for n, size in enumerate(sizes)))

    assert {code for _, code in codes(answers)} == {ErrorCode.POLICY_VIOLATION}
    assert len(answers) == len(sizes)


@pytest.mark.bad_input(34)
@pytest.mark.parametrize("count", [10_001, 100_000])
def test_a_great_many_topics_in_one_request_are_refused_or_not_even_read(
    client: Client, connect: Callable[..., Client], count: int
) -> None:
    doomed = connect()
    asked = {"topics": [a_new(f"n{n}") for n in range(count)], "timeout_ms": 10_000}
    doomed.send(CreateTopics, asked, version=7)

    try:
        answers = doomed.receive(CreateTopics, version=7).topics
    except EOFError:  # its values would take more memory than so many bytes deserve
        answers = []

    assert {code for _, code in codes(answers)} <= {ErrorCode.POLICY_VIOLATION}
    assert described(client, "n0").error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION


@pytest.mark.row(37)
@pytest.mark.parametrize("version", [5, 6, 7])
def test_the_answer_has_all_effective_configs(client: Client, topic: str, version: int) -> None:
    asked = a_new(topic, 3, configs={"retention.ms": "5000", "cleanup.policy": "compact"})

    (answer,) = created(client, asked, version=version)

    assert (answer.num_partitions, answer.replication_factor) == (3, 1)
    assert answer.topic_config_error_code == ErrorCode.NONE
    names = [config.name for config in answer.configs]
    assert (len(names), names) == (33, sorted(names))
    sources = {c.name: c.config_source for c in answer.configs if c.config_source != DEFAULT}
    assert sources == {
        "retention.ms": DYNAMIC_TOPIC,
        "cleanup.policy": DYNAMIC_TOPIC,
        "flush.messages": STATIC_BROKER,  # the broker sets log.flush.interval.messages
        "file.delete.delay.ms": STATIC_BROKER,  # and log.segment.delete.delay.ms
    }
    values = {c.name: c.value for c in answer.configs}
    assert (values["retention.ms"], values["cleanup.policy"]) == ("5000", "compact")
    assert {(c.read_only, c.is_sensitive) for c in answer.configs} == {(False, False)}


@pytest.mark.row(37)
@pytest.mark.parametrize("version", [2, 4])
def test_numbers_left_to_the_broker_are_its_defaults(
    client: Client, topic: str, version: int
) -> None:
    (answer,) = created(client, a_new(topic, -1, -1), version=version)

    assert (answer.error_code, answer.error_message) == (ErrorCode.NONE, None)
    assert len(described(client, topic).partitions) == 1


@pytest.mark.row(38)
def test_validation_alone_tells_everything_and_makes_nothing(client: Client, topic: str) -> None:
    bad = a_new(topic + "-bad", 0)

    good_answer, bad_answer = created(client, a_new(topic, 4), bad, validate_only=True)

    assert (good_answer.error_code, good_answer.num_partitions) == (ErrorCode.NONE, 4)
    assert good_answer.topic_id != NO_ID
    assert len(good_answer.configs) == 33
    assert bad_answer.error_code == ErrorCode.INVALID_PARTITIONS
    assert described(client, topic).error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION


@pytest.mark.row(38)
@pytest.mark.parametrize("timeout_ms", [0, -1])
def test_without_time_nothing_is_made(client: Client, topic: str, timeout_ms: int) -> None:
    answers = created(client, a_new(topic), timeout_ms=timeout_ms)

    assert codes(answers) == [(topic, ErrorCode.REQUEST_TIMED_OUT)]
    assert answers[0].error_message is None
    assert described(client, topic).error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION


@pytest.mark.row(39)
def test_any_broker_creates_and_the_topic_takes_records_when_told(
    client: Client, topic: str
) -> None:
    (answer,) = created(client, a_new(topic, 2))

    answers = [produce_raw(client, topic, a_batch(), partition=index) for index in (0, 1)]

    assert [(a.error_code, a.base_offset) for a in answers] == [(ErrorCode.NONE, 0)] * 2
    known = client.call(Metadata, {"topics": [{"name": None, "topic_id": answer.topic_id}]})
    assert [(t.name, len(t.partitions)) for t in known.topics] == [(topic, 2)]


@pytest.mark.row(26)
def test_answers_come_for_each_topic_on_its_own(client: Client, topic: str) -> None:
    create_topic(client, topic)
    asked = [a_new(topic), a_new(topic + "-a"), a_new("a/b"), a_new(topic + "-c", 0)]

    assert codes(created(client, *asked)) == [
        (topic, ErrorCode.TOPIC_ALREADY_EXISTS),
        (topic + "-a", ErrorCode.NONE),
        ("a/b", ErrorCode.INVALID_TOPIC_EXCEPTION),
        (topic + "-c", ErrorCode.INVALID_PARTITIONS),
    ]
