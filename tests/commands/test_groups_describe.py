"""`groups describe` against our own broker: offsets and lag, members, state."""

from __future__ import annotations

import sys

import pytest

from pykbroker.testing import Broker
from pykbroker.wire.messages.consumer_group_describe import ConsumerGroupDescribe
from pykbroker.wire.messages.describe_groups import DescribeGroups
from tests.api.requests import NOW_MS, create_topic, delete_topic, produce
from tests.commands.command_line import CommandLine
from tests.commands.readers import commit, join_classic, join_consumer, leave_consumer
from tests.commands.scripted_broker import ScriptedBroker
from tests.kafka_client import Client


@pytest.fixture
def groups(capsys: pytest.CaptureFixture[str], broker: Broker) -> CommandLine:
    return CommandLine(capsys, "groups", broker.bootstrap_servers)


def test_a_group_that_only_has_offsets_shows_its_lag(
    groups: CommandLine, client: Client, topic: str
) -> None:
    create_topic(client, topic, partitions=2)
    produce(client, topic, timestamps=[NOW_MS] * 5)
    commit(client, topic, topic, {0: 2, 1: 0})

    described = groups.objects("describe", topic)

    nobody = {"consumer_id": None, "host": None, "client_id": None}
    noted = {"group": topic, "topic": topic, "leader_epoch": None, "metadata": "noted"} | nobody
    assert described == [
        noted | {"partition": 0, "current_offset": 2, "log_end_offset": 5, "lag": 3},
        noted | {"partition": 1, "current_offset": 0, "log_end_offset": 0, "lag": 0},
    ]


def test_the_table_of_offsets_has_the_columns_of_kafkas_tool(
    groups: CommandLine, client: Client, topic: str
) -> None:
    create_topic(client, topic)
    produce(client, topic)
    commit(client, topic, topic, {0: 0})

    header, row = groups.lines("describe", topic)

    assert header.split() == [
        *("GROUP", "TOPIC", "PARTITION", "CURRENT-OFFSET", "LOG-END-OFFSET", "LAG"),
        *("CONSUMER-ID", "HOST", "CLIENT-ID"),
    ]
    assert row.split() == [topic, topic, "0", "0", "1", "1", "-", "-", "-"]


def test_a_member_of_a_classic_group_shows_beside_what_it_reads(
    groups: CommandLine, client: Client, topic: str
) -> None:
    create_topic(client, topic, partitions=2)
    produce(client, topic)
    commit(client, topic, topic, {1: 0})
    member_id = join_classic(client, topic, topic, 0)

    first, second = groups.objects("describe", topic)

    assert first == {
        "group": topic,
        "topic": topic,
        "partition": 0,
        "current_offset": None,
        "log_end_offset": 1,
        "lag": None,
        "leader_epoch": None,
        "metadata": None,
        "consumer_id": member_id,
        "host": "/127.0.0.1",
        "client_id": "test",
    }
    assert (second["partition"], second["consumer_id"]) == (1, None)


def test_a_member_of_a_consumer_group_shows_beside_what_it_reads(
    groups: CommandLine, client: Client, topic: str
) -> None:
    create_topic(client, topic, partitions=2)
    commit(client, topic, topic, {0: 0})
    member_id = join_consumer(client, topic, topic)

    described = groups.objects("describe", topic)

    told = [(each["partition"], each["consumer_id"], each["lag"]) for each in described]
    assert told == [(0, member_id, 0), (1, member_id, None)]


def test_members_are_shown_with_their_partitions(
    groups: CommandLine, client: Client, topic: str
) -> None:
    create_topic(client, topic, partitions=3)
    classic, new = f"{topic}-a", f"{topic}-b"
    first = join_classic(client, classic, topic, 0, 2)
    second = join_consumer(client, new, topic)

    one, other = groups.objects("describe", classic, new, "--members")

    where = {"host": "/127.0.0.1", "client_id": "test", "group_instance_id": None}
    assert one == where | {
        "group": classic,
        "consumer_id": first,
        "protocol": "classic",
        "epoch": None,
        "partitions": 2,
        "assignment": {topic: [0, 2]},
        "target_assignment": None,
    }
    assert other == where | {
        "group": new,
        "consumer_id": second,
        "protocol": "consumer",
        "epoch": other["epoch"],
        "partitions": 3,
        "assignment": {topic: [0, 1, 2]},
        "target_assignment": {topic: [0, 1, 2]},
    }


def test_the_table_of_members_leaves_out_what_no_member_has(
    groups: CommandLine, client: Client, topic: str
) -> None:
    create_topic(client, topic, partitions=3)
    member_id = join_classic(client, topic, topic, 0, 2)

    header, row = groups.lines("describe", topic, "--members")

    assert header.split() == [
        *("GROUP", "CONSUMER-ID", "HOST", "CLIENT-ID", "PROTOCOL"),
        *("#PARTITIONS", "ASSIGNMENT"),
    ]
    assert row.split() == [
        *(topic, member_id, "/127.0.0.1", "test", "classic"),
        *("2", f"{topic}:0,2"),
    ]


def test_a_member_that_is_not_where_it_shall_be_shows_its_target(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def assigned(*partitions: int) -> dict[str, object]:
        return {"topic_partitions": [{"topic_name": "words", "partitions": list(partitions)}]}

    members = [
        {"member_id": "m1", "assignment": assigned(0, 1), "target_assignment": assigned(0)},
        {"member_id": "m2", "target_assignment": assigned(1)},
        {"member_id": "m3", "assignment": assigned(2), "target_assignment": assigned(2)},
        {"member_id": "m4", "assignment": assigned(3)},
    ]
    answer = {"groups": [{"group_id": "g", "group_state": "Reconciling", "members": members}]}
    with ScriptedBroker({ConsumerGroupDescribe: [answer], DescribeGroups: [{}]}) as broker:
        groups = CommandLine(capsys, "groups", broker.address)

        header, *rows = groups.lines("describe", "g", "--members")

    assert header.split()[-2:] == ["ASSIGNMENT", "TARGET-ASSIGNMENT"]
    assert [row.split()[-2:] for row in rows] == [
        ["words:0,1", "words:0"],
        ["-", "words:1"],
        ["words:2", "-"],
        ["words:3", "nothing"],
    ]


def test_the_state_of_a_group_is_shown_with_its_coordinator(
    groups: CommandLine, client: Client, broker: Broker, topic: str
) -> None:
    create_topic(client, topic)
    classic, new, empty = f"{topic}-a", f"{topic}-b", f"{topic}-c"
    join_classic(client, classic, topic, 0)
    join_consumer(client, new, topic)
    commit(client, empty, topic, {0: 0})

    described = groups.objects("describe", new, classic, empty, "--state")

    here = {"coordinator": broker.bootstrap_servers, "coordinator_id": 1}
    no_epochs = {"group_epoch": None, "assignment_epoch": None}
    epoch = described[1]["group_epoch"]
    assert described == [
        {"group": classic, "type": "classic", "state": "Stable", "protocol": "consumer"}
        | {"assignment_strategy": "range", "members": 1}
        | here
        | no_epochs,
        {"group": new, "type": "consumer", "state": "Stable", "protocol": "consumer"}
        | {"assignment_strategy": "uniform", "members": 1}
        | {"group_epoch": epoch, "assignment_epoch": epoch}
        | here,
        {"group": empty, "type": "classic", "state": "Empty", "protocol": ""}
        | {"assignment_strategy": "", "members": 0}
        | here
        | no_epochs,
    ]
    assert epoch >= 1


def test_all_groups_are_described(groups: CommandLine, client: Client, topic: str) -> None:
    create_topic(client, topic)
    for name in ("b", "a"):
        commit(client, f"{topic}-{name}", topic, {0: 0})

    described = groups.objects("describe", "--all-groups")

    mine = [each["group"] for each in described if each["group"].startswith(topic)]
    assert mine == [f"{topic}-a", f"{topic}-b"]


@pytest.mark.parametrize("arguments", [(), ("g", "--all-groups")])
def test_groups_are_named_or_all(groups: CommandLine, arguments: tuple[str, ...]) -> None:
    assert groups.run("describe", *arguments) == (
        2,
        [],
        ["name the groups to describe, or give --all-groups"],
    )


def test_a_group_that_is_not_there_is_told_and_the_others_are_shown(
    groups: CommandLine, client: Client, topic: str
) -> None:
    create_topic(client, topic)
    commit(client, topic, topic, {0: 0})

    status, lines, (sentence,) = groups.run("describe", "no-such", topic)

    assert (status, len(lines)) == (1, 2)
    assert sentence.startswith("there is no consumer group no-such (")
    assert sentence.endswith("; `pykbroker groups list` shows what groups there are")


def test_offsets_of_a_topic_that_is_gone_do_not_keep_the_others_from_being_shown(
    groups: CommandLine, client: Client, topic: str
) -> None:
    gone = f"{topic}-gone"
    create_topic(client, topic)
    create_topic(client, gone)
    commit(client, topic, gone, {0: 0})
    commit(client, topic, topic, {0: 0})
    delete_topic(client, gone)

    described = groups.objects("describe", topic)

    assert (topic, 0) in [(each["topic"], each["lag"]) for each in described]


def test_a_person_is_told_that_a_group_has_no_members(
    groups: CommandLine, client: Client, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_topic(client, topic)
    member_id = join_consumer(client, topic, topic)
    leave_consumer(client, topic, member_id)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)

    assert groups.run("describe", topic) == (
        0,
        [],
        [f"group {topic} has no members", f"group {topic} has neither offsets nor partitions"],
    )
