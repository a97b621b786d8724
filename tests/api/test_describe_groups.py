"""DescribeGroups through a real socket."""

from __future__ import annotations

from typing import Any

import pytest

from pykbroker.errors import ErrorCode
from pykbroker.testing import Broker
from pykbroker.wire.messages.describe_groups import DescribeGroups
from tests.api.group_requests import a_stable_member, join, join_consumer_group, leave
from tests.api.offset_requests import a_topic, commit
from tests.kafka_client import Client

GROUP_OPERATIONS, NOT_ASKED = 3400, -(2**31)
every_version = pytest.mark.parametrize("version", range(7))


def describe(client: Client, *groups: str, version: int = 6, operations: bool = False) -> list[Any]:
    """Give the descriptions of groups."""
    request = {"groups": groups, "include_authorized_operations": operations}
    described = client.call(DescribeGroups, request, version=version).groups
    assert [each.group_id for each in described] == list(groups)
    return list(described)


def summary(group: Any) -> tuple[int, str, str, str, int]:
    """Give all but the members of a description, and how many those are."""
    told = (group.error_code, group.group_state, group.protocol_type, group.protocol_data)
    return (*told, len(group.members))


@every_version
@pytest.mark.row(107)
def test_a_stable_group_is_described_with_its_members(
    client: Client, topic: str, version: int
) -> None:
    joined = a_stable_member(client, topic)

    (group,) = describe(client, topic, version=version)

    assert summary(group) == (0, "Stable", "consumer", "range", 1)
    (member,) = group.members
    assert (member.member_id, member.group_instance_id) == (joined.member_id, None)
    assert (member.client_id, member.client_host) == ("test", "/127.0.0.1")
    assert (member.member_metadata, member.member_assignment) == (b"metadata", b"all")
    assert (group.error_message, group.authorized_operations) == (None, NOT_ASKED)


@every_version
@pytest.mark.row(107)
def test_a_group_that_does_not_exist_is_dead_and_from_v6_an_error(
    client: Client, topic: str, version: int
) -> None:
    a_topic(client, topic)

    (group,) = describe(client, topic, version=version)

    code = ErrorCode.GROUP_ID_NOT_FOUND if version >= 6 else ErrorCode.NONE
    assert summary(group) == (code, "Dead", "", "", 0)
    assert bool(group.error_message) == (version >= 6)


@pytest.mark.row(107)
@pytest.mark.parametrize("version", [0, 5, 6])
def test_a_consumer_group_is_no_classic_group(client: Client, topic: str, version: int) -> None:
    a_topic(client, topic)
    join_consumer_group(client, topic, "alice", topic)

    (group,) = describe(client, topic, version=version)

    code = ErrorCode.GROUP_ID_NOT_FOUND if version >= 6 else ErrorCode.NONE
    assert summary(group) == (code, "Dead", "", "", 0)


@pytest.mark.row(107)
def test_a_group_in_a_rebalance_has_no_protocol_yet(client: Client, topic: str) -> None:
    join(client, topic)

    (group,) = describe(client, topic)

    assert summary(group) == (0, "CompletingRebalance", "consumer", "", 1)
    assert (group.members[0].member_metadata, group.members[0].member_assignment) == (b"", b"")


@pytest.mark.row(93, 107)
def test_a_static_member_is_described_with_its_instance(client: Client, topic: str) -> None:
    a_stable_member(client, topic, group_instance_id="one")

    (before_v4,), (group,) = describe(client, topic, version=3), describe(client, topic)

    assert before_v4.members[0].group_instance_id is None
    assert group.members[0].group_instance_id == "one"


@pytest.mark.row(107)
def test_empty_groups_are_described_each_for_itself(client: Client, topic: str) -> None:
    simple, left = topic + "-simple", topic + "-left"
    commit(client, simple, {a_topic(client, topic): {0: 1}})
    leave(client, left, a_stable_member(client, left).member_id)

    groups = describe(client, left, simple, topic, left)

    assert [summary(group) for group in groups] == [
        (0, "Empty", "consumer", "", 0),
        (0, "Empty", "", "", 0),
        (ErrorCode.GROUP_ID_NOT_FOUND, "Dead", "", "", 0),
        (0, "Empty", "consumer", "", 0),
    ]


@pytest.mark.row(87)
def test_the_group_with_an_empty_id_is_described(client: Client, topic: str) -> None:
    commit(client, "", {a_topic(client, topic): {0: 1}})

    (group,) = describe(client, "")

    assert summary(group) == (0, "Empty", "", "", 0)


@pytest.mark.row(107)
@pytest.mark.parametrize(("version", "of_the_dead"), [(3, GROUP_OPERATIONS), (6, NOT_ASKED)])
def test_what_may_be_done_is_told_of_groups_without_an_error(
    client: Client, topic: str, version: int, of_the_dead: int
) -> None:
    a_stable_member(client, topic)

    groups = describe(client, topic, topic + "-none", version=version, operations=True)

    assert [each.authorized_operations for each in groups] == [GROUP_OPERATIONS, of_the_dead]


def test_no_groups_have_no_descriptions(client: Client) -> None:
    assert describe(client) == []


@pytest.mark.row(23)
@pytest.mark.parametrize("version", [0, 6])
def test_before_there_is_a_coordinator_each_group_hears_of_it(version: int) -> None:
    with Broker() as broker, Client(broker.bootstrap_servers) as client:
        groups = describe(client, "a", "b", version=version)

    missing = (ErrorCode.COORDINATOR_NOT_AVAILABLE, "", "", "", 0)
    assert [summary(group) for group in groups] == [missing, missing]
