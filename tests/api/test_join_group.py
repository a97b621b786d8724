"""JoinGroup through a real socket."""

from __future__ import annotations

import pytest

from pykbroker.errors import ErrorCode
from pykbroker.wire.messages.join_group import JoinGroup
from tests.api.group_requests import (
    Connect,
    a_stable_member,
    find_coordinator,
    heartbeat,
    join,
    joining,
    sync,
)
from tests.kafka_client import Client


@pytest.mark.row(90)
@pytest.mark.parametrize("version", range(4, 10))
def test_a_new_member_is_told_its_id_and_comes_again(
    client: Client, topic: str, version: int
) -> None:
    find_coordinator(client)
    client.client_id = "my-app"

    told = client.call(JoinGroup, joining(topic), version=version)
    joined = client.call(JoinGroup, joining(topic, told.member_id), version=version)

    assert told.error_code == ErrorCode.MEMBER_ID_REQUIRED
    assert told.member_id.startswith("my-app-")
    assert len(told.member_id) == len("my-app-") + 36
    assert (joined.error_code, joined.generation_id) == (ErrorCode.NONE, 1)
    assert joined.member_id == joined.leader == told.member_id
    assert [(m.member_id, m.metadata) for m in joined.members] == [(told.member_id, b"metadata")]
    assert joined.protocol_name == "range"
    assert joined.protocol_type == ("consumer" if version >= 7 else None)


@pytest.mark.parametrize("version", range(4))
def test_old_versions_join_at_once(client: Client, topic: str, version: int) -> None:
    find_coordinator(client)

    joined = client.call(JoinGroup, joining(topic), version=version)

    assert (joined.error_code, joined.generation_id) == (ErrorCode.NONE, 1)
    assert joined.leader == joined.member_id != ""


@pytest.mark.parametrize(("version", "name"), [(6, ""), (7, None)])
def test_a_refusal_has_no_protocol_name(
    client: Client, topic: str, version: int, name: str | None
) -> None:
    find_coordinator(client)

    refused = client.call(JoinGroup, joining(topic, "nobody"), version=version)

    assert refused.error_code == ErrorCode.UNKNOWN_MEMBER_ID
    assert (refused.member_id, refused.generation_id) == ("nobody", -1)
    assert (refused.protocol_name, refused.leader, refused.members) == (name, "", [])


@pytest.mark.parametrize(("version", "name"), [(6, ""), (7, None)])
def test_a_protocol_without_a_name_is_none_of_that_name(
    client: Client, topic: str, version: int, name: str | None
) -> None:
    find_coordinator(client)
    nameless = [("", b"metadata")]
    request = joining(topic, protocols=nameless)

    told = client.call(JoinGroup, request, version=version)
    request["member_id"] = told.member_id
    joined = client.call(JoinGroup, request, version=version)

    assert (joined.error_code, joined.protocol_name) == (ErrorCode.NONE, name)


@pytest.mark.row(87)
def test_an_empty_group_id_is_refused(client: Client) -> None:
    find_coordinator(client)

    assert client.call(JoinGroup, joining("")).error_code == ErrorCode.INVALID_GROUP_ID


@pytest.mark.row(88)
@pytest.mark.bad_input(38)
@pytest.mark.parametrize("timeout_ms", [0, -1, 86_400_000])
def test_a_session_timeout_out_of_bounds_is_refused(
    client: Client, topic: str, timeout_ms: int
) -> None:
    find_coordinator(client)

    refused = client.call(JoinGroup, joining(topic, session_timeout_ms=timeout_ms))

    assert refused.error_code == ErrorCode.INVALID_SESSION_TIMEOUT


def test_two_members_wait_for_each_other(connect: Connect, topic: str) -> None:
    first, second = connect(), connect()
    leader = a_stable_member(first, topic)

    told = second.call(JoinGroup, joining(topic))
    second.send(JoinGroup, joining(topic, told.member_id), version=9)
    while heartbeat(first, topic, leader) is not ErrorCode.REBALANCE_IN_PROGRESS:
        pass
    again = first.call(JoinGroup, joining(topic, leader.member_id))
    follower = second.receive(JoinGroup, version=9)

    assert again.generation_id == follower.generation_id == 2
    assert {m.member_id for m in again.members} == {leader.member_id, told.member_id}
    assert (follower.leader, follower.members) == (leader.member_id, [])


def test_a_member_that_goes_away_while_it_waits_keeps_nobody_from_joining(
    connect: Connect, topic: str
) -> None:
    first = connect()
    leader = a_stable_member(first, topic)
    with connect() as second:
        told = second.call(JoinGroup, joining(topic))
        second.send(JoinGroup, joining(topic, told.member_id), version=9)
        while heartbeat(first, topic, leader) is not ErrorCode.REBALANCE_IN_PROGRESS:
            pass

    again = first.call(JoinGroup, joining(topic, leader.member_id))

    assert (again.error_code, again.generation_id) == (ErrorCode.NONE, 2)


@pytest.mark.bad_input(38)
def test_ten_megabytes_of_metadata_are_no_fault(client: Client, topic: str) -> None:
    joined = join(client, topic, protocols=[("range", bytes(10 << 20))])
    assert joined.error_code == ErrorCode.NONE

    synced = sync(client, topic, joined, (joined.member_id, b"all"))

    # What cannot be stored is refused, and the broker goes on.
    assert synced.error_code == ErrorCode.UNKNOWN_SERVER_ERROR
    assert a_stable_member(client, f"{topic}-2").generation_id == 1


@pytest.mark.bad_input(38)
def test_thousands_of_ids_given_out_take_no_members_place(client: Client, topic: str) -> None:
    find_coordinator(client)
    ids = {client.call(JoinGroup, joining(topic)).member_id for _ in range(2000)}

    joined = join(client, topic)

    assert len(ids) == 2000
    assert joined.error_code == ErrorCode.NONE
    assert len(joined.members) == 1
