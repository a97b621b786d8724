"""Heartbeat through a real socket."""

from __future__ import annotations

import pytest

from pykbroker.errors import ErrorCode
from pykbroker.wire.messages.heartbeat import Heartbeat
from pykbroker.wire.messages.join_group import JoinGroup
from tests.api.group_requests import (
    Connect,
    a_stable_member,
    find_coordinator,
    heartbeat,
    join,
    joining,
)
from tests.kafka_client import Client


@pytest.mark.parametrize("version", range(5))
def test_a_member_is_told_that_all_is_well(client: Client, topic: str, version: int) -> None:
    joined = a_stable_member(client, topic)
    request = {"group_id": topic, "generation_id": 1, "member_id": joined.member_id}

    assert client.call(Heartbeat, request, version=version).error_code == ErrorCode.NONE


@pytest.mark.row(99)
def test_what_a_member_hears_depends_on_the_rebalance(connect: Connect, topic: str) -> None:
    first, second = connect(), connect()
    joined = join(first, topic)
    before_sync = heartbeat(first, topic, joined)
    told = second.call(JoinGroup, joining(topic))
    second.send(JoinGroup, joining(topic, told.member_id), version=9)
    while (code := heartbeat(first, topic, joined)) is ErrorCode.NONE:
        pass

    assert before_sync is ErrorCode.NONE
    assert code is ErrorCode.REBALANCE_IN_PROGRESS
    assert heartbeat(first, topic, joined, generation_id=7) is ErrorCode.ILLEGAL_GENERATION
    assert heartbeat(first, topic, joined, member_id="x") is ErrorCode.UNKNOWN_MEMBER_ID


@pytest.mark.row(87, 99)
@pytest.mark.parametrize(
    ("group", "code"),
    [("", ErrorCode.INVALID_GROUP_ID), ("unheard-of", ErrorCode.UNKNOWN_MEMBER_ID)],
)
def test_a_group_that_is_not_there(client: Client, group: str, code: ErrorCode) -> None:
    find_coordinator(client)
    request = {"group_id": group, "generation_id": 1, "member_id": "me"}

    assert client.call(Heartbeat, request).error_code == code
