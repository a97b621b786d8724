"""Members of one classic group, and what they were told.

Of the group only what a leader's SyncGroup stored, or that the last member left, outlives the
coordinator: whoever was told of it goes on with its generation and its assignment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from pykbroker.errors import ErrorCode
from pykbroker.wire.messages.describe_groups import DescribeGroups
from pykbroker.wire.messages.heartbeat import Heartbeat
from pykbroker.wire.messages.join_group import JoinGroup
from pykbroker.wire.messages.leave_group import LeaveGroup
from pykbroker.wire.messages.sync_group import SyncGroup
from pykbroker.wire.schema import Api
from tests.crash.group_clients import GroupClient
from tests.kafka_client import Client

MEMBERS_MAX = 3
_VERSIONS = {JoinGroup: 9, SyncGroup: 5}
_TIMEOUTS = {"session_timeout_ms": 120_000, "rebalance_timeout_ms": 120_000}


@dataclass(frozen=True, slots=True)
class Generation:
    """A group as it is stored."""

    number: int
    assignments: Mapping[str, bytes]
    """By member id."""


NOBODY = Generation(-1, {})


@dataclass
class ClassicMembers(GroupClient):
    """Up to three members of a classic group."""

    may_be: list[Generation] = field(default_factory=lambda: [NOBODY])
    """What may be stored; one, when nothing is in doubt."""

    def work(self, client: Client) -> None:
        (now,) = self.may_be
        dice = self.random.random()
        if not now.assignments:
            if dice < 0.2:
                self.delete_group(client)
            else:
                self.rebalance(client, [], self.random.randint(1, 2))
        elif dice < 0.6:
            member_id = self.random.choice(sorted(now.assignments))
            self.commit(client, member_id=member_id, generation_id_or_member_epoch=now.number)
        elif dice < 0.8:
            self.heartbeat_all(client, now)
        elif dice < 0.95:
            newcomers = self.random.randint(0, MEMBERS_MAX - len(now.assignments))
            self.rebalance(client, sorted(now.assignments), newcomers)
        elif dice < 0.99 and len(now.assignments) > 1:
            gone, *rest = sorted(now.assignments)
            self._leave(client, [gone])  # of which nothing is stored before the others have joined
            self.rebalance(client, rest, 0)
        else:
            self.leave_all(client, now)

    def compare_members(self, client: Client) -> None:
        """Compare what is stored, and go on with it as its members."""
        found = self._described(client)
        now = next((each for each in self.may_be if each.assignments == found), None)
        self.expect(now is not None, f"members are {found}, none of {self.may_be}")
        if now is None:
            self._leave(client, sorted(found))
            now = NOBODY
        self.heartbeat_all(client, now)
        for member_id, assignment in now.assignments.items():
            request = self._syncing(now.number, member_id)
            answer = client.call(SyncGroup, request, version=5)
            self.told(answer.error_code, "SyncGroup")
            self.expect(answer.assignment == assignment, "another assignment than before")
        self.judged.seen["assignments compared"] += len(now.assignments)
        self.may_be = [now]

    def _described(self, client: Client) -> dict[str, bytes]:
        group = client.call(DescribeGroups, {"groups": [self.group_id]}, version=5).groups[0]
        self.told(group.error_code, "DescribeGroups")
        return {each.member_id: bytes(each.member_assignment) for each in group.members}

    def heartbeat_all(self, client: Client, now: Generation) -> None:
        """Heartbeat as each member."""
        for member_id in now.assignments:
            request = {"group_id": self.group_id, "generation_id": now.number}
            answer = client.call(Heartbeat, {**request, "member_id": member_id})
            self.told(answer.error_code, "Heartbeat")

    # -- rebalances

    def rebalance(self, client: Client, members: Sequence[str], newcomers: int) -> None:
        """Have all members join, and some new ones, and share something out."""
        joining = [*members, *(self._new_member_id(client) for _ in range(newcomers))]
        with ExitStack() as stack:
            beside = [stack.enter_context(connected_as(client)) for _ in joining[1:]]
            self._rebalance([client, *beside], joining)
        self.judged.seen["rebalances"] += 1

    def _rebalance(self, connections: Sequence[Client], joining: Sequence[str]) -> None:
        """Join and sync, each member on a connection of its own: they wait for each other."""
        joined = self._at_once(JoinGroup, connections, [self._joining(each) for each in joining])
        for answer in joined:
            self.told(answer.error_code, "JoinGroup")
        leader, number = joined[0].leader, joined[0].generation_id
        told = {(each.leader, each.generation_id) for each in joined}
        self.expect(told == {(leader, number)}, f"members were told {told}")
        assignments = {each: self.random.randbytes(40) for each in joining}
        self.may_be.append(Generation(number, assignments))
        syncing = [
            self._syncing(number, each, assignments if each == leader else {}) for each in joining
        ]
        synced = self._at_once(SyncGroup, connections, syncing)
        for member_id, answer in zip(joining, synced, strict=True):
            self.told(answer.error_code, "SyncGroup")
            self.expect(answer.assignment == assignments[member_id], "not what was assigned")
        del self.may_be[:-1]

    def _new_member_id(self, client: Client) -> str:
        answer = client.call(JoinGroup, self._joining(""), version=9)
        self.told(answer.error_code, "JoinGroup", ErrorCode.MEMBER_ID_REQUIRED)
        return str(answer.member_id)

    def _joining(self, member_id: str) -> dict[str, Any]:
        # Other metadata than before: the group would not rebalance for the same.
        protocol = {"name": "range", "metadata": self.random.randbytes(20)}
        return {
            "group_id": self.group_id,
            "member_id": member_id,
            "protocol_type": "consumer",
            "protocols": [protocol],
            **_TIMEOUTS,
        }

    def _syncing(
        self, number: int, member_id: str, assignments: Mapping[str, bytes] | None = None
    ) -> dict[str, Any]:
        return {
            "group_id": self.group_id,
            "generation_id": number,
            "member_id": member_id,
            "protocol_type": "consumer",
            "protocol_name": "range",
            "assignments": [
                {"member_id": each, "assignment": data}
                for each, data in (assignments or {}).items()
            ],
        }

    def _at_once(
        self, api: Api, connections: Sequence[Client], requests: Sequence[Mapping[str, Any]]
    ) -> list[Any]:
        """Ask on each connection, then wait for all answers."""
        version = _VERSIONS[api]
        for connection, request in zip(connections, requests, strict=True):
            connection.send(api, request, version=version)
        return [connection.receive(api, version=version) for connection in connections]

    # -- leaving

    def leave_all(self, client: Client, now: Generation) -> None:
        """Have all members leave at once, which is stored."""
        self.may_be.append(NOBODY)
        self._leave(client, sorted(now.assignments))
        self.may_be = [NOBODY]
        self.judged.seen["groups left"] += 1

    def _leave(self, client: Client, members: Sequence[str]) -> None:
        leaving = [{"member_id": each} for each in members]
        answer = client.call(LeaveGroup, {"group_id": self.group_id, "members": leaving})
        self.told(answer.error_code, "LeaveGroup")
        for each in answer.members:
            self.told(each.error_code, "LeaveGroup")


def connected_as(client: Client) -> Client:
    """Give another connection to where a client is connected."""
    host, port = client.socket.getpeername()[:2]
    return Client(f"{host}:{port}")
