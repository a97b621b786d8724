"""Words for questions about classic groups: ordinary requests, and groups in a state."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from interop.group_questions.asker import Asker
from interop.group_questions.consumer_bytes import SUBSCRIBED
from pykbroker.wire.messages.heartbeat import Heartbeat
from pykbroker.wire.messages.join_group import JoinGroup
from pykbroker.wire.messages.leave_group import LeaveGroup
from pykbroker.wire.messages.sync_group import SyncGroup

MEMBER_ID_REQUIRED = 79
NEWEST_JOIN, NEWEST_SYNC, NEWEST_HEARTBEAT, NEWEST_LEAVE = 9, 5, 4, 5
PROTOCOLS = {"range": SUBSCRIBED}


def join_request(
    group: str,
    member_id: str = "",
    *,
    protocols: Mapping[str, bytes] | Iterable[tuple[str, bytes]] = PROTOCOLS,
    **fields: Any,
) -> dict[str, Any]:
    """Give a JoinGroup request; `fields` replace or add."""
    pairs = protocols.items() if isinstance(protocols, Mapping) else protocols
    return {
        "group_id": group,
        "session_timeout_ms": 30_000,
        "rebalance_timeout_ms": 60_000,
        "member_id": member_id,
        "protocol_type": "consumer",
        "protocols": [{"name": name, "metadata": metadata} for name, metadata in pairs],
    } | fields


def join(asker: Asker, group: str, member_id: str = "", **fields: Any) -> Any:
    """Ask to join and wait for the answer."""
    version = fields.pop("version", NEWEST_JOIN)
    return asker.ask(JoinGroup, join_request(group, member_id, **fields), version=version)


def send_join(asker: Asker, group: str, member_id: str = "", **fields: Any) -> None:
    """Ask to join without waiting; `joined` gives the answer."""
    version = fields.pop("version", NEWEST_JOIN)
    asker.send(JoinGroup, join_request(group, member_id, **fields), version=version)


def joined(asker: Asker, version: int = NEWEST_JOIN) -> Any:
    """Wait for the answer to a join sent before."""
    return asker.answer(JoinGroup, version=version)


def new_member_id(asker: Asker, group: str, **fields: Any) -> str:
    """Let the broker make a member id, which is pending then."""
    answer = join(asker, group, **fields)
    if answer["error_code"] != MEMBER_ID_REQUIRED:
        raise RuntimeError(f"no member id: {answer}")
    member_id: str = answer["member_id"]
    return member_id


def pending_member(asker: Asker, group: str) -> str:
    """Make a group of a pending member: Kafka tells the id before it has written the group."""
    member_id = new_member_id(asker, group)
    asker.wait_for_state(group, "Empty")
    return member_id


def enter(asker: Asker, group: str, **fields: Any) -> Any:
    """Join as a new dynamic member, both steps of it, and wait for the answer."""
    return join(asker, group, new_member_id(asker, group, **fields), **fields)


def sync_request(
    group: str,
    member_id: str,
    generation_id: int,
    assignments: Mapping[str, bytes] | None = None,
    **fields: Any,
) -> dict[str, Any]:
    """Give a SyncGroup request; `assignments` goes by member id."""
    return {
        "group_id": group,
        "generation_id": generation_id,
        "member_id": member_id,
        "protocol_type": "consumer",
        "protocol_name": "range",
        "assignments": [
            {"member_id": member, "assignment": share}
            for member, share in (assignments or {}).items()
        ],
    } | fields


def sync(
    asker: Asker,
    group: str,
    member_id: str,
    generation_id: int,
    assignments: Mapping[str, bytes] | None = None,
    **fields: Any,
) -> Any:
    """Ask for one's share and wait for the answer."""
    version = fields.pop("version", NEWEST_SYNC)
    request = sync_request(group, member_id, generation_id, assignments, **fields)
    return asker.ask(SyncGroup, request, version=version)


def heartbeat(asker: Asker, group: str, member_id: str, generation_id: int, **fields: Any) -> Any:
    """Ask whether one is still a member."""
    version = fields.pop("version", NEWEST_HEARTBEAT)
    request = {"group_id": group, "generation_id": generation_id, "member_id": member_id} | fields
    return asker.ask(Heartbeat, request, version=version)


def leave(asker: Asker, group: str, *members: Any, version: int = NEWEST_LEAVE) -> Any:
    """Take members out: member ids, or pairs of member id and instance id."""
    told = [
        {"member_id": each, "group_instance_id": None}
        if isinstance(each, str)
        else {"member_id": each[0], "group_instance_id": each[1]}
        for each in members
    ]
    request = {"group_id": group, "member_id": told[0]["member_id"], "members": told}
    return asker.ask(LeaveGroup, request, version=version)


def stable_group(asker: Asker, group: str, **fields: Any) -> Any:
    """Make a group Stable with the asker as its one member; give the answer to its join."""
    answer = (
        join(asker, group, **fields)
        if "group_instance_id" in fields
        else enter(asker, group, **fields)
    )
    share = {answer["member_id"]: b"all"}
    names = {
        "protocol_type": fields.get("protocol_type", "consumer"),
        "protocol_name": answer["protocol_name"],
    }
    synced = sync(asker, group, answer["member_id"], answer["generation_id"], share, **names)
    if synced["error_code"]:
        raise RuntimeError(f"not synced: {synced}")
    return answer


class Pair:
    """A group of two members, the leader on the asker's own connection."""

    def __init__(self, asker: Asker, *, synced: bool = True, **fields: Any) -> None:
        self.group = asker.group()
        self.leader, self.follower = asker, asker.another()
        alone = stable_group(self.leader, self.group, **fields)
        self.leader_id: str = alone["member_id"]
        self.follower_id = new_member_id(self.follower, self.group, **fields)
        send_join(self.follower, self.group, self.follower_id, **fields)
        asker.another().wait_for_state(self.group, "PreparingRebalance")
        self.joined_leader = join(self.leader, self.group, self.leader_id, **fields)
        self.joined_follower = joined(self.follower)
        self.generation: int = self.joined_leader["generation_id"]
        if synced:
            self.sync()

    def sync(self) -> tuple[Any, Any]:
        """Hand in and collect the shares b"one" and b"two"."""
        shares = {self.leader_id: b"one", self.follower_id: b"two"}
        mine = sync(self.leader, self.group, self.leader_id, self.generation, shares)
        return mine, sync(self.follower, self.group, self.follower_id, self.generation)
