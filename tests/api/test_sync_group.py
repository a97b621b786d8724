"""SyncGroup through a real socket."""

from __future__ import annotations

import pytest

from pykbroker.errors import ErrorCode
from pykbroker.wire.messages.join_group import JoinGroup
from pykbroker.wire.messages.sync_group import SyncGroup
from tests.api.group_requests import (
    Connect,
    a_stable_member,
    find_coordinator,
    join,
    joining,
    sync,
)
from tests.kafka_client import Client


@pytest.mark.parametrize("version", range(6))
def test_the_leader_hands_in_and_has_its_share(client: Client, topic: str, version: int) -> None:
    joined = join(client, topic)
    request = {
        "group_id": topic,
        "generation_id": joined.generation_id,
        "member_id": joined.member_id,
        "protocol_type": "consumer",
        "protocol_name": "range",
        "assignments": [{"member_id": joined.member_id, "assignment": b"mine"}],
    }

    synced = client.call(SyncGroup, request, version=version)

    assert (synced.error_code, synced.assignment) == (ErrorCode.NONE, b"mine")
    named = (synced.protocol_type, synced.protocol_name)
    assert named == (("consumer", "range") if version >= 5 else (None, None))


@pytest.mark.row(96)
@pytest.mark.parametrize("missing", ["protocol_type", "protocol_name"])
def test_version_5_must_name_the_protocol(client: Client, topic: str, missing: str) -> None:
    joined = join(client, topic)
    request = {
        "group_id": topic,
        "generation_id": joined.generation_id,
        "member_id": joined.member_id,
        "protocol_type": "consumer",
        "protocol_name": "range",
    }

    refused = client.call(SyncGroup, request | {missing: None}, version=5)
    accepted = client.call(SyncGroup, request | {missing: None}, version=4)

    assert refused.error_code == ErrorCode.INCONSISTENT_GROUP_PROTOCOL
    assert accepted.error_code == ErrorCode.NONE


@pytest.mark.row(96)
def test_an_unknown_group_has_no_such_member(client: Client, topic: str) -> None:
    find_coordinator(client)
    request = {"group_id": topic, "generation_id": 1, "member_id": "me"}

    assert client.call(SyncGroup, request, version=4).error_code == ErrorCode.UNKNOWN_MEMBER_ID


def test_a_follower_waits_for_the_leader(connect: Connect, topic: str) -> None:
    first, second = connect(), connect()
    leader = a_stable_member(first, topic)
    follower_id = join_beside(first, second, topic, leader.member_id)
    generation = 2
    request = {
        "group_id": topic,
        "generation_id": generation,
        "protocol_type": "consumer",
        "protocol_name": "range",
    }

    second.send(SyncGroup, request | {"member_id": follower_id}, version=5)
    shares = [(leader.member_id, b"one"), (follower_id, b"two")]
    own = first.call(
        SyncGroup,
        request
        | {
            "member_id": leader.member_id,
            "assignments": [{"member_id": m, "assignment": share} for m, share in shares],
        },
    )
    other = second.receive(SyncGroup, version=5)

    assert (own.assignment, other.assignment) == (b"one", b"two")


def join_beside(first: Client, second: Client, group: str, leader_id: str) -> str:
    """Let a second member join a stable group; give its id."""
    told = second.call(JoinGroup, joining(group))
    second.send(JoinGroup, joining(group, told.member_id), version=9)
    first.call(JoinGroup, joining(group, leader_id))
    member_id: str = second.receive(JoinGroup, version=9).member_id
    return member_id


def test_who_syncs_again_hears_the_same(client: Client, topic: str) -> None:
    joined = a_stable_member(client, topic)

    assert sync(client, topic, joined).assignment == b"all"
