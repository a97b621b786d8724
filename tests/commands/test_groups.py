"""The command `groups` against our own broker: listing and deleting."""

from __future__ import annotations

import pytest

from pykbroker.testing import Broker
from tests.api.requests import create_topic, produce
from tests.commands.command_line import CommandLine
from tests.commands.readers import commit, join_classic, join_consumer, leave_classic
from tests.kafka_client import Client


@pytest.fixture
def groups(capsys: pytest.CaptureFixture[str], broker: Broker) -> CommandLine:
    return CommandLine(capsys, "groups", broker.bootstrap_servers)


def rows_of(lines: list[str], prefix: str) -> list[list[str]]:
    return [line.split() for line in lines if line.startswith(prefix)]


def test_groups_are_listed_in_order_with_type_and_state(
    groups: CommandLine, client: Client, topic: str
) -> None:
    create_topic(client, topic)
    commit(client, f"{topic}-offsets", topic, {0: 0})
    join_consumer(client, f"{topic}-new", topic)
    join_classic(client, f"{topic}-classic", topic, 0)

    lines = groups.lines("list")

    assert lines[0].split() == ["GROUP", "TYPE", "STATE", "PROTOCOL"]
    assert rows_of(lines, topic) == [
        [f"{topic}-classic", "classic", "Stable", "consumer"],
        [f"{topic}-new", "consumer", "Stable", "consumer"],
        [f"{topic}-offsets", "classic", "Empty", "-"],
    ]


@pytest.mark.parametrize(
    ("filters", "kept"),
    [
        (("--state", "empty"), ["offsets"]),
        (("--state", "Stable,Empty", "--type", "Classic"), ["classic", "offsets"]),
        (("--type", "consumer"), ["new"]),
        (("--type", "consumer", "--state", "Dead"), []),
    ],
)
def test_only_groups_of_a_state_and_a_type_are_listed(
    groups: CommandLine, client: Client, topic: str, filters: tuple[str, ...], kept: list[str]
) -> None:
    create_topic(client, topic)
    commit(client, f"{topic}-offsets", topic, {0: 0})
    join_consumer(client, f"{topic}-new", topic)
    join_classic(client, f"{topic}-classic", topic, 0)

    listed = [each["group"] for each in groups.objects("list", *filters)]

    mine = [group for group in listed if group.startswith(topic)]
    assert mine == [f"{topic}-{each}" for each in kept]


def test_a_state_that_there_is_not_is_wrong_use(groups: CommandLine) -> None:
    assert "'sleepy' is none of Assigning, CompletingRebalance, Dead" in groups.refusal(
        "list", "--state", "sleepy"
    )


def test_groups_without_members_are_deleted_with_their_offsets(
    groups: CommandLine, client: Client, topic: str
) -> None:
    create_topic(client, topic)
    commit(client, topic, topic, {0: 0})

    assert groups.lines("delete", topic) == [f"deleted {topic}"]

    assert groups.failure("describe", topic).startswith(f"there is no consumer group {topic} (")


def test_a_group_with_members_is_not_deleted_and_the_others_are(
    groups: CommandLine, client: Client, topic: str
) -> None:
    create_topic(client, topic)
    empty, busy = f"{topic}-empty", f"{topic}-busy"
    commit(client, empty, topic, {0: 0})
    join_classic(client, busy, topic, 0)

    status, lines, (first, second) = groups.run("delete", "no-such", busy, empty, "--json")

    assert (status, lines) == (1, [f'{{"group": "{empty}", "deleted": true}}'])
    assert first == "group no-such does not exist; `pykbroker groups list` shows those that do"
    assert second == (
        f"group {busy} has members and was not deleted; stop its consumers first (`pykbroker"
        f" groups describe {busy} --members` shows them)"
    )


def test_offsets_of_a_topic_or_of_partitions_are_deleted(
    groups: CommandLine, client: Client, topic: str
) -> None:
    other = f"{topic}-other"
    create_topic(client, topic, partitions=3)
    create_topic(client, other)
    commit(client, topic, topic, {0: 0, 1: 0, 2: 0})
    commit(client, topic, other, {0: 0})

    lines = groups.lines("delete-offsets", topic, "--topic", f"{topic}:0,2", "--topic", other)

    assert rows_of(lines, topic) == [
        [topic, topic, "0", "0"],
        [topic, topic, "2", "0"],
        [topic, other, "0", "0"],
    ]
    left = groups.objects("describe", topic)
    assert [(each["topic"], each["partition"]) for each in left] == [(topic, 1)]


def test_an_offset_that_there_is_not_is_not_deleted(
    groups: CommandLine, client: Client, topic: str
) -> None:
    create_topic(client, topic, partitions=2)
    commit(client, topic, topic, {0: 0})

    assert groups.failure("delete-offsets", topic, "--topic", f"{topic}:1") == (
        f"group {topic} has no offset of {topic}-1; `pykbroker groups describe {topic}` shows all"
    )


def test_offsets_of_a_topic_that_is_still_read_are_not_deleted(
    groups: CommandLine, client: Client, topic: str
) -> None:
    create_topic(client, topic, partitions=2)
    produce(client, topic)
    commit(client, topic, topic, {0: 1, 1: 0})
    member_id = join_classic(client, topic, topic, 0, 1)

    assert groups.failure("delete-offsets", topic, "--topic", topic) == (
        f"the offsets of {topic} were not deleted: group {topic} has members that read it; stop"
        " them first"
    )

    leave_classic(client, topic, member_id)
    assert len(groups.lines("delete-offsets", topic, "--topic", topic)) == 3


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("delete-offsets", "g", "--topic", "t:"), "'t:' is not TOPIC or TOPIC:PARTITION"),
        (("delete-offsets", "g"), "the following arguments are required: --topic"),
        (("reset-offsets", "g", "--topic", "t"), "one of the arguments --to-earliest"),
        (("reset-offsets", "g", "--to-latest"), "one of the arguments --topic --all-topics"),
        (("reset-offsets", "g", "--topic", "t", "--to-offset", "-1"), "'-1' is no offset"),
        (("reset-offsets", "g", "--topic", "t", "--shift-by", "1.5"), "is not a whole number"),
        (("reset-offsets", "g", "--topic", "t", "--by-duration", "1x"), "'1x' is no duration"),
        (("reset-offsets", "g", "--topic", "t", "--to-datetime", "x"), "'x' is no date and time"),
        (("describe", "g", "--members", "--state"), "not allowed with argument --members"),
    ],
)
def test_wrong_use_says_what_to_write(
    groups: CommandLine, arguments: tuple[str, ...], sentence: str
) -> None:
    assert sentence in groups.refusal(*arguments)
