"""What passes by itself is asked again, by scripted answers that no healthy broker gives."""

from __future__ import annotations

import pytest

from pykbroker.commands.admin import cluster
from pykbroker.errors import ErrorCode
from pykbroker.wire.messages.create_topics import CreateTopics
from pykbroker.wire.messages.delete_groups import DeleteGroups
from pykbroker.wire.messages.describe_groups import DescribeGroups
from pykbroker.wire.messages.find_coordinator import FindCoordinator
from pykbroker.wire.messages.list_groups import ListGroups
from pykbroker.wire.messages.list_offsets import ListOffsets
from pykbroker.wire.messages.metadata import Metadata
from pykbroker.wire.messages.offset_fetch import OffsetFetch
from pykbroker.wire.schema import Api
from tests.commands.command_line import CommandLine
from tests.commands.scripted_broker import Answer, Answers, ScriptedBroker

PARTITION = {"partition_index": 0, "leader_id": 1, "replica_nodes": [1], "isr_nodes": [1]}
WORDS = {"name": "words", "partitions": [PARTITION]}


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "_PAUSE_SECONDS", 0.0)


def deleted(code: int) -> Answer:
    return {"results": [{"group_id": "g", "error_code": code}]}


@pytest.mark.parametrize(
    "passing",
    [
        ErrorCode.COORDINATOR_LOAD_IN_PROGRESS,
        ErrorCode.COORDINATOR_NOT_AVAILABLE,
        ErrorCode.NOT_COORDINATOR,
    ],
)
def test_a_coordinator_that_loads_or_moves_is_looked_for_and_asked_again(
    capsys: pytest.CaptureFixture[str], passing: ErrorCode
) -> None:
    answers: dict[Api, Answers] = {
        DeleteGroups: [deleted(passing), deleted(ErrorCode.NONE)],
    }
    with ScriptedBroker(answers) as broker:
        assert CommandLine(capsys, "groups", broker.address).lines("delete", "g") == ["deleted g"]

        asked = [name for name, _, _ in broker.asked]
    assert asked == ["FindCoordinator", "DeleteGroups"] * 2


def test_a_coordinator_that_is_not_found_yet_is_looked_for_again(
    capsys: pytest.CaptureFixture[str],
) -> None:
    none_yet = {"key": "g", "error_code": ErrorCode.COORDINATOR_NOT_AVAILABLE}
    answers: dict[Api, Answers] = {
        FindCoordinator: [{"coordinators": [none_yet]}, None],
        DeleteGroups: [deleted(ErrorCode.NONE)],
    }
    with ScriptedBroker(answers) as broker:
        assert CommandLine(capsys, "groups", broker.address).lines("delete", "g") == ["deleted g"]


def test_a_coordinator_that_is_never_ready_is_given_up_with_its_code(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "_PAUSE_SECONDS", 11.0)  # no second attempt within the timeout
    answers: dict[Api, Answers] = {
        DeleteGroups: [deleted(ErrorCode.COORDINATOR_LOAD_IN_PROGRESS)],
    }
    with ScriptedBroker(answers) as broker:
        groups = CommandLine(capsys, "groups", broker.address)

        assert groups.failure("delete", "g", "--timeout", "10") == (
            "the coordinator of group g is not ready (COORDINATOR_LOAD_IN_PROGRESS) after 10 s;"
            " is __consumer_offsets online? Try again, or allow more with --timeout"
        )


def test_a_refusal_of_the_coordinator_is_told_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    refused = {"key": "g", "error_code": ErrorCode.GROUP_AUTHORIZATION_FAILED}
    with ScriptedBroker(
        {FindCoordinator: [{"coordinators": [refused]}], DeleteGroups: [deleted(0)]}
    ) as broker:
        assert CommandLine(capsys, "groups", broker.address).failure("delete", "g") == (
            "group g was not deleted: GROUP_AUTHORIZATION_FAILED"
        )


def test_groups_are_listed_again_by_a_broker_that_was_loading(
    capsys: pytest.CaptureFixture[str],
) -> None:
    loading = {"error_code": ErrorCode.COORDINATOR_LOAD_IN_PROGRESS}
    listed = {"groups": [{"group_id": "g", "group_state": "Empty", "group_type": "Classic"}]}
    with ScriptedBroker({ListGroups: [loading, listed]}) as broker:
        assert CommandLine(capsys, "groups", broker.address).lines("list") == [
            "GROUP  TYPE     STATE  PROTOCOL",
            "g      classic  Empty  -",
        ]


def test_brokers_that_take_one_group_at_a_time_are_asked_so(
    capsys: pytest.CaptureFixture[str],
) -> None:
    answers: dict[Api, Answers] = {
        DescribeGroups: [
            {"groups": [{"group_id": "g", "group_state": "Empty", "protocol_type": "consumer"}]}
        ],
        OffsetFetch: [committed_of("words", 5)],
        ListOffsets: [listed_of("words", 7)],
    }
    newest = {FindCoordinator: 3, OffsetFetch: 7, DescribeGroups: 2}
    with ScriptedBroker(answers, topics=[WORDS], newest=newest) as broker:
        header, row = CommandLine(capsys, "groups", broker.address).lines("describe", "g")
        versions = {name: version for name, version, _ in broker.asked}

    assert header.split()[3:6] == ["CURRENT-OFFSET", "LOG-END-OFFSET", "LAG"]
    assert row.split() == ["g", "words", "0", "5", "7", "2", "-", "-", "-"]
    assert versions["FindCoordinator"] == 3
    assert versions["OffsetFetch"] == 7


def test_a_leader_that_moved_is_looked_for_again(capsys: pytest.CaptureFixture[str]) -> None:
    moved = listed_of("words", -1, code=ErrorCode.NOT_LEADER_OR_FOLLOWER)
    answers: dict[Api, Answers] = {
        DescribeGroups: [{"groups": [{"group_id": "g", "group_state": "Empty"}]}],
        OffsetFetch: [{"groups": [{"group_id": "g", **committed_of("words", 5)}]}],
        ListOffsets: [moved, listed_of("words", 7)],
    }
    with ScriptedBroker(answers, topics=[WORDS]) as broker:
        (row,) = CommandLine(capsys, "groups", broker.address).objects("describe", "g")

    assert (row["log_end_offset"], row["lag"]) == (7, 2)


def test_a_partition_without_leader_has_no_end(capsys: pytest.CaptureFixture[str]) -> None:
    without = {**WORDS, "partitions": [{**PARTITION, "leader_id": -1, "isr_nodes": []}]}
    answers: dict[Api, Answers] = {
        DescribeGroups: [{"groups": [{"group_id": "g", "group_state": "Empty"}]}],
        OffsetFetch: [{"groups": [{"group_id": "g", **committed_of("words", 5)}]}],
    }
    with ScriptedBroker(answers, topics=[without]) as broker:
        (row,) = CommandLine(capsys, "groups", broker.address).objects("describe", "g")

    assert (row["current_offset"], row["log_end_offset"], row["lag"]) == (5, None, None)


def test_topics_are_changed_by_the_controller_and_by_the_next_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    answers: dict[Api, Answers] = {
        CreateTopics: [
            {"topics": [{"name": "words", "error_code": ErrorCode.NOT_CONTROLLER}]},
            {"topics": [{"name": "words"}]},
        ]
    }
    with ScriptedBroker(answers) as broker:
        assert CommandLine(capsys, "topics", broker.address).lines("create", "words") == [
            "created words"
        ]
        asked = [name for name, _, _ in broker.asked]

    assert asked == ["Metadata", "CreateTopics"] * 2


def test_a_broker_that_cannot_be_reached_where_it_says_is_told_by_its_number(
    capsys: pytest.CaptureFixture[str],
) -> None:
    elsewhere = {"node_id": 3, "host": "no such host", "port": 9092}
    answers: dict[Api, Answers] = {
        Metadata: [{"brokers": [elsewhere], "controller_id": 3}],
        ListGroups: [{}],
    }
    with ScriptedBroker(answers) as broker:
        assert CommandLine(capsys, "groups", broker.address).failure("list") == (
            "broker 3 cannot be reached at no such host:9092, the address it gives to clients (its"
            " name is not known); is it running, and is its advertised.listeners right?"
        )


def committed_of(topic: str, offset: int) -> Answer:
    return {
        "topics": [
            {"name": topic, "partitions": [{"partition_index": 0, "committed_offset": offset}]}
        ]
    }


def listed_of(topic: str, offset: int, *, code: int = 0) -> Answer:
    partition = {"partition_index": 0, "error_code": code, "offset": offset}
    return {"topics": [{"name": topic, "partitions": [partition]}]}
