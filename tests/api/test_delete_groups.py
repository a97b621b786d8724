"""DeleteGroups through a real socket."""

from __future__ import annotations

import pytest

from pykbroker.errors import ErrorCode
from pykbroker.testing import Broker
from pykbroker.wire.messages.delete_groups import DeleteGroups
from tests.api.group_requests import (
    a_stable_member,
    consumer_heartbeat,
    find_coordinator,
    join_consumer_group,
    leave,
)
from tests.api.offset_requests import a_topic, commit, committed
from tests.kafka_client import Client

NONE, NOT_FOUND = ErrorCode.NONE, ErrorCode.GROUP_ID_NOT_FOUND
every_version = pytest.mark.parametrize("version", range(3))


def delete(client: Client, *groups: str, version: int = 2) -> dict[str, int]:
    """Delete groups; give the codes by group."""
    results = client.call(DeleteGroups, {"groups_names": groups}, version=version).results
    assert len({each.group_id for each in results}) == len(results)
    return {each.group_id: each.error_code for each in results}


@every_version
@pytest.mark.row(108)
def test_a_group_without_members_ends_with_its_offsets(
    client: Client, topic: str, version: int
) -> None:
    told = a_topic(client, topic)
    commit(client, topic, {told: {0: 5, 1: 6}})

    assert delete(client, topic, version=version) == {topic: NONE}
    assert committed(client, topic, told) == {}
    assert delete(client, topic, version=version) == {topic: NOT_FOUND}


@every_version
@pytest.mark.row(108)
def test_a_group_with_members_does_not_end(client: Client, topic: str, version: int) -> None:
    joined = a_stable_member(client, topic)

    assert delete(client, topic, version=version) == {topic: ErrorCode.NON_EMPTY_GROUP}

    leave(client, topic, joined.member_id)
    assert delete(client, topic, version=version) == {topic: NONE}


@pytest.mark.row(108)
def test_a_consumer_group_ends_when_its_members_have_left(client: Client, topic: str) -> None:
    a_topic(client, topic)
    join_consumer_group(client, topic, "alice", topic)

    assert delete(client, topic) == {topic: ErrorCode.NON_EMPTY_GROUP}

    consumer_heartbeat(client, topic, "alice", -1)
    assert delete(client, topic) == {topic: NONE}


@pytest.mark.row(108)
def test_groups_end_each_for_itself_and_once(client: Client, topic: str) -> None:
    simple, stable, unknown = topic + "-1", topic + "-2", topic + "-3"
    commit(client, simple, {a_topic(client, topic): {0: 5}})
    a_stable_member(client, stable)

    codes = delete(client, unknown, simple, stable, simple)

    assert codes == {unknown: NOT_FOUND, simple: NONE, stable: ErrorCode.NON_EMPTY_GROUP}


@pytest.mark.row(87, 108)
def test_the_group_with_an_empty_id_can_end(client: Client, topic: str) -> None:
    commit(client, "", {a_topic(client, topic): {0: 5}})

    assert delete(client, "") == {"": NONE}
    assert delete(client, "") == {"": NOT_FOUND}


def test_no_groups_have_no_results(client: Client) -> None:
    find_coordinator(client)

    assert delete(client) == {}


@pytest.mark.row(23)
def test_before_there_is_a_coordinator_each_group_hears_of_it() -> None:
    with Broker() as broker, Client(broker.bootstrap_servers) as client:
        codes = delete(client, "a", "b")

    missing = ErrorCode.COORDINATOR_NOT_AVAILABLE
    assert codes == {"a": missing, "b": missing}
