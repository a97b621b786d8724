"""ConsumerGroupDescribe through a real socket."""

from __future__ import annotations

from typing import Any

import pytest

from pykbroker.errors import ErrorCode
from pykbroker.testing import Broker
from pykbroker.wire.messages.consumer_group_describe import ConsumerGroupDescribe
from tests.api.group_requests import (
    a_stable_member,
    consumer_heartbeat,
    find_coordinator,
    join_consumer_group,
)
from tests.api.offset_requests import a_topic
from tests.api.requests import delete_topic
from tests.kafka_client import Client

GROUP_OPERATIONS, NOT_ASKED = 3400, -(2**31)
NOT_FOUND = ErrorCode.GROUP_ID_NOT_FOUND
every_version = pytest.mark.parametrize("version", [0, 1])


def describe(client: Client, *groups: str, version: int = 1, operations: bool = False) -> list[Any]:
    """Give the descriptions of groups."""
    request = {"group_ids": groups, "include_authorized_operations": operations}
    described = client.call(ConsumerGroupDescribe, request, version=version).groups
    assert [each.group_id for each in described] == list(groups)
    return list(described)


def partitions(assignment: Any) -> list[tuple[bytes, str, list[int]]]:
    """Give an assignment's topics and partitions."""
    return [
        (each.topic_id, each.topic_name, each.partitions) for each in assignment.topic_partitions
    ]


@every_version
def test_a_group_is_described_with_its_members(client: Client, topic: str, version: int) -> None:
    told = a_topic(client, topic, partitions=2)
    epoch = join_consumer_group(client, topic, "alice", topic).member_epoch

    (group,) = describe(client, topic, version=version)

    assert (group.error_code, group.error_message, group.group_state) == (0, None, "Stable")
    assert (group.group_epoch, group.assignment_epoch) == (epoch, epoch)
    assert (group.assignor_name, group.authorized_operations) == ("uniform", NOT_ASKED)
    (member,) = group.members
    assert (member.member_id, member.instance_id, member.rack_id) == ("alice", None, None)
    assert (member.member_epoch, member.client_id) == (epoch, "test")
    assert member.client_host == "/127.0.0.1"
    known_type = 1 if version else -1
    assert (member.subscribed_topic_names, member.member_type) == ([topic], known_type)
    owned = [(told.topic_id, topic, [0, 1])]
    assert partitions(member.assignment) == partitions(member.target_assignment) == owned


def test_a_static_member_is_described_with_its_instance_and_rack(
    client: Client, topic: str
) -> None:
    a_topic(client, topic)
    fields = {"instance_id": "one", "rack_id": "here", "server_assignor": "range"}
    consumer_heartbeat(
        client,
        topic,
        "alice",
        0,
        rebalance_timeout_ms=60_000,
        subscribed_topic_names=[topic],
        topic_partitions=[],
        **fields,
    )

    (group,) = describe(client, topic)

    assert group.assignor_name == "range"
    assert (group.members[0].instance_id, group.members[0].rack_id) == ("one", "here")


def test_a_group_that_all_have_left_is_empty(client: Client, topic: str) -> None:
    a_topic(client, topic)
    join_consumer_group(client, topic, "alice", topic)
    consumer_heartbeat(client, topic, "alice", -1)

    (group,) = describe(client, topic)

    assert (group.error_code, group.group_state, group.members) == (0, "Empty", [])


@every_version
@pytest.mark.row(87)
def test_what_is_no_consumer_group_is_told_each_for_itself(
    client: Client, topic: str, version: int
) -> None:
    a_stable_member(client, topic)

    groups = describe(client, topic, topic + "-none", "", version=version, operations=True)

    assert [(each.error_code, each.group_state, each.authorized_operations) for each in groups] == [
        (NOT_FOUND, "", NOT_ASKED),
        (NOT_FOUND, "", NOT_ASKED),
        (ErrorCode.INVALID_GROUP_ID, "", NOT_ASKED),
    ]
    assert [bool(each.error_message) for each in groups] == [True, True, False]


def test_what_may_be_done_is_told_where_it_is_asked(client: Client, topic: str) -> None:
    a_topic(client, topic)
    join_consumer_group(client, topic, "alice", topic)

    (group,) = describe(client, topic, operations=True)

    assert group.authorized_operations == GROUP_OPERATIONS


def test_partitions_of_a_topic_that_is_gone_are_not_told(client: Client, topic: str) -> None:
    a_topic(client, topic)
    join_consumer_group(client, topic, "alice", topic)

    delete_topic(client, topic)

    (group,) = describe(client, topic)
    assert partitions(group.members[0].assignment) == []


@pytest.mark.row(23)
def test_before_there_is_a_coordinator_each_group_hears_of_it() -> None:
    with Broker() as broker, Client(broker.bootstrap_servers) as client:
        codes = [each.error_code for each in describe(client, "a", "b")]
        find_coordinator(client)
        found = [each.error_code for each in describe(client, "a", "b")]

    assert codes == [ErrorCode.COORDINATOR_NOT_AVAILABLE] * 2
    assert found == [NOT_FOUND] * 2
