"""Classic groups for tests, and what their members ask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from pykbroker.coordinator.classic.group import ClassicGroup
from pykbroker.coordinator.classic.members import ClassicMember, Protocols
from pykbroker.coordinator.commands import (
    HeartbeatCommand,
    JoinCommand,
    JoinReply,
    LeaveCommand,
    LeaveReply,
    LeavingMember,
    MemberRefused,
    SyncCommand,
    SyncReply,
)
from pykbroker.coordinator.records import StoredGroup
from pykbroker.errors import ErrorCode
from pykbroker.wire.messages.consumer_protocol import ConsumerProtocolSubscription
from tests.coordinator.driven import Driven

GROUP = "group"
SESSION_MS = 10_000
REBALANCE_MS = 60_000
RANGE: Protocols = (("range", b"metadata"),)


def a_partition(**properties: object) -> Driven:
    """Give a machine whose new groups wait for nobody, but for what `properties` say."""
    chosen = {"group_initial_rebalance_delay_ms": 0} | properties
    return Driven({name.replace("_", "."): str(value) for name, value in chosen.items()})


def a_member(
    member_id: str, instance_id: str | None = None, protocols: Protocols = RANGE
) -> ClassicMember:
    """Give a member of whom nothing is parked."""
    return ClassicMember(
        member_id=member_id,
        group_instance_id=instance_id,
        client_id="client",
        client_host="/127.0.0.1",
        rebalance_timeout_ms=REBALANCE_MS,
        session_timeout_ms=SESSION_MS,
        protocol_type="consumer",
        protocols=protocols,
    )


def a_subscription(*topics: str, version: int = 1) -> bytes:
    """Give the metadata of a consumer."""
    fields = ConsumerProtocolSubscription.version(version).build({"topics": topics})
    return version.to_bytes(2, "big") + fields


def a_join(member_id: str = "", **fields: Any) -> JoinCommand:
    """Ask to join as a consumer that knows all of the protocol."""
    defaults: dict[str, Any] = {
        "group_id": GROUP,
        "member_id": member_id,
        "group_instance_id": None,
        "client_id": "client",
        "client_host": "/127.0.0.1",
        "session_timeout_ms": SESSION_MS,
        "rebalance_timeout_ms": REBALANCE_MS,
        "protocol_type": "consumer",
        "protocols": RANGE,
    }
    return JoinCommand(**(defaults | fields))


def a_sync(
    member_id: str,
    generation_id: int = 1,
    shares: Mapping[str, bytes] | None = None,
    **fields: Any,
) -> SyncCommand:
    """Ask for the assignment, or tell everybody's."""
    defaults: dict[str, Any] = {
        "group_id": GROUP,
        "generation_id": generation_id,
        "member_id": member_id,
        "group_instance_id": None,
        "protocol_type": "consumer",
        "protocol_name": "range",
        "assignments": tuple((shares or {}).items()),
    }
    return SyncCommand(**(defaults | fields))


def a_heartbeat(member_id: str, generation_id: int = 1, **fields: Any) -> HeartbeatCommand:
    """Give a sign of life."""
    defaults: dict[str, Any] = {"group_id": GROUP, "group_instance_id": None}
    return HeartbeatCommand(generation_id=generation_id, member_id=member_id, **(defaults | fields))


def a_leave(*members: str | tuple[str, str | None], group_id: str = GROUP) -> LeaveCommand:
    """Leave, by member ids or by member id and group_instance_id."""
    pairs = [(each, None) if isinstance(each, str) else each for each in members]
    return LeaveCommand(group_id, tuple(LeavingMember(*pair) for pair in pairs))


def left(reply: LeaveReply) -> list[ErrorCode]:
    """Give what became of each who left."""
    return [each.error_code for each in reply.members]


def refused(driven: Driven, token: int) -> tuple[ErrorCode, str]:
    """Give the code and the member id with which a join was refused."""
    with pytest.raises(MemberRefused) as raised:
        driven.take(token)
    return raised.value.code, raised.value.member_id


def new_member_id(driven: Driven, **fields: Any) -> str:
    """Give the id that a new member is told to come with."""
    code, member_id = refused(driven, driven.send(a_join(**fields)))
    assert code is ErrorCode.MEMBER_ID_REQUIRED
    return member_id


def joining(driven: Driven, **fields: Any) -> tuple[str, int]:
    """Let a dynamic member come with its id; give the id and the token of its join."""
    member_id = new_member_id(driven, **fields)
    return member_id, driven.send(a_join(member_id, **fields))


def a_completing_group(driven: Driven, count: int = 2, **fields: Any) -> list[str]:
    """Let so many dynamic members be in generation 1; give their ids, the leader first."""
    came = [joining(driven, **fields) for _ in range(count)]
    driven.pass_time(0)
    replies = [driven.take(token) for _, token in came]
    leader: str = replies[0].leader
    assert [reply.generation_id for reply in replies] == [1] * count
    return sorted((member_id for member_id, _ in came), key=lambda each: each != leader)


def synced(driven: Driven, members: Sequence[str], generation_id: int = 1) -> list[SyncReply]:
    """Let all members sync, the first one as the leader; each is assigned its id."""
    shares = {member_id: member_id.encode() for member_id in members}
    replies = [driven.ask(a_sync(members[0], generation_id, shares))]
    return replies + [driven.ask(a_sync(member_id, generation_id)) for member_id in members[1:]]


def a_stable_group(driven: Driven, count: int = 2, **fields: Any) -> list[str]:
    """Let so many dynamic members have their assignments; give their ids, the leader first."""
    members = a_completing_group(driven, count, **fields)
    synced(driven, members)
    return members


def a_static_group(driven: Driven, *instance_ids: str, **fields: Any) -> list[str]:
    """Let static members have their assignments; give their ids, in order."""
    tokens = [
        driven.send(a_join(group_instance_id=instance_id, **fields)) for instance_id in instance_ids
    ]
    driven.pass_time(0)
    replies: list[JoinReply] = [driven.take(token) for token in tokens]
    assert {reply.leader for reply in replies} == {replies[0].member_id}
    members = [reply.member_id for reply in replies]
    synced(driven, members)
    return members


def stored(driven: Driven, group_id: str = GROUP) -> StoredGroup | None:
    """Give what the log says of a group."""
    records: list[Any] = [each for each in driven.log if each.group_id == group_id]
    value: StoredGroup | None = records[-1].value
    return value


def state_of(driven: Driven, group_id: str = GROUP) -> str:
    """Give the state of a group as Kafka spells it."""
    group: ClassicGroup = driven.group(group_id)
    return group.state_name


def keep_alive(driven: Driven, members: Sequence[str], ms: int, generation_id: int = 1) -> None:
    """Let time pass in which these members heartbeat often enough."""
    while ms > 0:
        step_ms = min(ms, SESSION_MS // 2)
        for member_id in members:
            driven.send(a_heartbeat(member_id, generation_id))
        driven.pass_time(step_ms)
        ms -= step_ms
