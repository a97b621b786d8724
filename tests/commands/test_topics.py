"""The command `topics` against our own broker, by what it prints, returns and changes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

import pytest

from pykbroker.commands.admin.cluster import Cluster
from pykbroker.commands.admin.run import Run
from pykbroker.commands.topics import ACTIONS
from pykbroker.testing import Broker
from tests.commands.command_line import CommandLine


@pytest.fixture
def topics(capsys: pytest.CaptureFixture[str], broker: Broker) -> CommandLine:
    return CommandLine(capsys, "topics", broker.bootstrap_servers)


def test_a_topic_is_created_with_partitions_and_properties(topics: CommandLine, topic: str) -> None:
    assert topics.lines(
        *("create", topic, "--partitions", "3", "--replication-factor", "1"),
        *("--config", "retention.ms=60000", "--config", "cleanup.policy=compact,delete"),
    ) == [f"created {topic}: 3 partitions, replication factor 1"]

    (described,) = topics.objects("describe", topic)
    assert described == {
        "topic": topic,
        "topic_id": described["topic_id"],
        "internal": False,
        "replication_factor": 1,
        "overrides": {"cleanup.policy": "compact,delete", "retention.ms": "60000"},
        "partitions": [
            {"partition": index, "leader": 1, "replicas": [1], "isr": [1]} for index in range(3)
        ],
    }


def test_numbers_that_are_not_given_are_the_brokers_defaults(
    topics: CommandLine, topic: str
) -> None:
    (created,) = topics.objects("create", topic)

    assert len(created["topic_id"]) == 22
    assert created == {
        "topic": topic,
        "created": True,
        "topic_id": created["topic_id"],
        "partitions": 1,
        "replication_factor": 1,
    }


def test_a_topic_that_is_there_is_not_created_again(topics: CommandLine, topic: str) -> None:
    topics.lines("create", topic)

    assert topics.failure("create", topic) == (
        f"topic {topic} exists already; --if-not-exists takes that for done"
    )


def test_if_not_exists_takes_a_topic_that_is_there_for_done(
    topics: CommandLine, topic: str
) -> None:
    topics.lines("create", topic)

    assert topics.lines("create", topic, "--if-not-exists") == [f"{topic} exists already"]
    assert topics.objects("create", topic, "--if-not-exists") == [
        {"topic": topic, "created": False}
    ]


def test_what_can_be_created_is_when_something_else_cannot(topics: CommandLine, topic: str) -> None:
    status, lines, errors = topics.run("create", f"{topic}@", topic)

    assert status == 1
    assert lines == [f"created {topic}: 1 partition, replication factor 1"]
    assert errors[0].startswith(f"topic {topic}@ was not created: INVALID_TOPIC_EXCEPTION: ")


def test_names_are_listed_in_order_one_a_line(topics: CommandLine, topic: str) -> None:
    topics.lines("create", f"{topic}-b", f"{topic}-a")

    listed = topics.lines("list")

    assert [name for name in listed if name.startswith(topic)] == [f"{topic}-a", f"{topic}-b"]


def test_a_list_of_objects_tells_the_size_of_topics(topics: CommandLine, topic: str) -> None:
    (created,) = topics.objects("create", topic, "--partitions", "2")

    (listed,) = [each for each in topics.objects("list") if each["topic"] == topic]

    assert listed == {
        "topic": topic,
        "topic_id": created["topic_id"],
        "partitions": 2,
        "replication_factor": 1,
        "internal": False,
    }


def test_a_description_is_a_line_the_overrides_and_a_table(topics: CommandLine, topic: str) -> None:
    (created,) = topics.objects("create", topic, "--partitions", "2", "--config", "segment.ms=9")

    assert topics.lines("describe", topic) == [
        f"{topic}: 2 partitions, replication factor 1, id {created['topic_id']}",
        "  segment.ms=9",
        "  PARTITION  LEADER  REPLICAS  ISR",
        "  0          1       1         1",
        "  1          1       1         1",
    ]


def test_without_a_name_all_topics_are_described(topics: CommandLine, topic: str) -> None:
    topics.lines("create", f"{topic}-a", f"{topic}-b")

    described = [each["topic"] for each in topics.objects("describe")]

    assert {f"{topic}-a", f"{topic}-b"} <= set(described)
    assert described == sorted(described)


def test_describing_a_topic_that_is_not_there_does_not_make_it(
    topics: CommandLine, topic: str
) -> None:
    expected = f"topic {topic} does not exist; `pykbroker topics list` shows those that do"

    assert topics.failure("describe", topic) == expected
    assert topics.failure("describe", topic) == expected


def test_partitions_are_added_and_properties_set_and_removed(
    topics: CommandLine, topic: str
) -> None:
    topics.lines("create", topic, "--config", "retention.ms=5", "--config", "segment.ms=6")

    assert topics.lines(
        *("alter", topic, "--partitions", "2", "--config", "retention.ms=7"),
        *("--delete-config", "segment.ms"),
    ) == [f"{topic}: 2 partitions, retention.ms=7, segment.ms at its default"]

    (described,) = topics.objects("describe", topic)
    assert len(described["partitions"]) == 2
    assert described["overrides"] == {"retention.ms": "7"}


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (("--partitions", "1", "--config", "retention.ms=7"), "INVALID_PARTITIONS"),
        (("--partitions", "9", "--config", "retention.ms=soon"), "INVALID_CONFIG"),
    ],
)
def test_when_half_of_an_alteration_is_refused_nothing_is_altered(
    topics: CommandLine, topic: str, wrong: tuple[str, ...], why: str
) -> None:
    topics.lines("create", topic, "--partitions", "3")
    before = topics.lines("describe", topic)

    assert topics.failure("alter", topic, *wrong).startswith(
        f"topic {topic} was not altered: {why}"
    )

    assert topics.lines("describe", topic) == before


@pytest.mark.parametrize("change", [("--partitions", "2"), ("--config", "retention.ms=7")])
def test_a_topic_that_is_not_there_is_not_altered(
    topics: CommandLine, topic: str, change: tuple[str, ...]
) -> None:
    assert topics.failure("alter", topic, *change) == (
        f"topic {topic} does not exist; `pykbroker topics list` shows those that do"
    )


def test_an_alteration_of_nothing_is_wrong_use(topics: CommandLine, topic: str) -> None:
    assert topics.run("alter", topic) == (
        2,
        [],
        ["nothing to alter; give --partitions, --config or --delete-config"],
    )


def test_topics_are_deleted_and_the_missing_told(topics: CommandLine, topic: str) -> None:
    topics.lines("create", topic)

    status, lines, (sentence,) = topics.run("delete", "no-such", topic)

    assert (status, lines) == (1, [f"deleted {topic}"])
    assert sentence == (
        "topic no-such does not exist; `pykbroker topics list` shows those that do; --if-exists"
        " takes that for done"
    )
    assert topic not in topics.lines("list")


def test_if_exists_takes_a_topic_that_is_not_there_for_done(topics: CommandLine) -> None:
    assert topics.objects("delete", "no-such", "--if-exists") == [
        {"topic": "no-such", "deleted": False}
    ]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("create", "t", "--partitions", "0"), "'0' is not a whole number from 1 to 2147483647"),
        (("create", "t", "--replication-factor", "99999"), "is not a whole number from 1 to 32767"),
        (("alter", "t", "--config", "retention.ms"), "is not NAME=VALUE, as retention.ms=60000"),
        (("list", "--timeout", "0"), "'0' is not a number of seconds above 0"),
        (("list", "--bootstrap-server", "a:b"), "'a:b' is no address; write HOST:PORT"),
    ],
)
def test_wrong_use_says_what_to_write(
    topics: CommandLine, arguments: tuple[str, ...], sentence: str
) -> None:
    assert sentence in topics.refusal(*arguments)


def test_ctrl_c_ends_a_command_without_a_traceback(
    topics: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(run: Run, cluster: Cluster) -> Iterable[str]:
        raise KeyboardInterrupt

    monkeypatch.setitem(cast(dict[str, object], ACTIONS), "list", interrupted)

    assert topics.run("list") == (130, [], [])
