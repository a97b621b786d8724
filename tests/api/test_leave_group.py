"""LeaveGroup through a real socket."""

from __future__ import annotations

import pytest

from pykbroker.errors import ErrorCode
from pykbroker.wire.messages.leave_group import LeaveGroup
from tests.api.group_requests import a_stable_member, find_coordinator, join, leave
from tests.kafka_client import Client


@pytest.mark.row(100)
@pytest.mark.parametrize("version", range(3))
def test_old_versions_take_one_member_out(client: Client, topic: str, version: int) -> None:
    joined = a_stable_member(client, topic)
    request = {"group_id": topic, "member_id": joined.member_id}

    first = client.call(LeaveGroup, request, version=version)
    again = client.call(LeaveGroup, request, version=version)

    assert (first.error_code, again.error_code) == (ErrorCode.NONE, ErrorCode.UNKNOWN_MEMBER_ID)


@pytest.mark.row(100)
@pytest.mark.parametrize("version", range(3, 6))
def test_each_member_that_is_to_leave_has_a_code(client: Client, topic: str, version: int) -> None:
    joined = a_stable_member(client, topic)
    leaving = [{"member_id": "nobody"}, {"member_id": joined.member_id}]
    request = {"group_id": topic, "members": leaving}

    left = client.call(LeaveGroup, request, version=version)

    assert left.error_code == ErrorCode.NONE
    assert [(m.member_id, m.group_instance_id, m.error_code) for m in left.members] == [
        ("nobody", None, ErrorCode.UNKNOWN_MEMBER_ID),
        (joined.member_id, None, ErrorCode.NONE),
    ]


@pytest.mark.row(100)
def test_after_the_last_one_left_the_next_generation_counts_on(client: Client, topic: str) -> None:
    joined = a_stable_member(client, topic)
    leave(client, topic, joined.member_id)

    assert join(client, topic).generation_id == 3  # the empty group was the second


@pytest.mark.row(100)
def test_a_static_member_leaves_by_its_instance(client: Client, topic: str) -> None:
    a_stable_member(client, topic, group_instance_id="one")
    request = {
        "group_id": topic,
        "members": [{"member_id": "", "group_instance_id": each} for each in ("one", "two")],
    }

    left = client.call(LeaveGroup, request)

    assert [m.error_code for m in left.members] == [ErrorCode.NONE, ErrorCode.UNKNOWN_MEMBER_ID]


@pytest.mark.row(87, 100)
def test_groups_that_are_not_there(client: Client, topic: str) -> None:
    find_coordinator(client)

    assert leave(client, "", "me").error_code == ErrorCode.INVALID_GROUP_ID
    assert [m.error_code for m in leave(client, topic, "me").members] == [
        ErrorCode.UNKNOWN_MEMBER_ID
    ]
