"""Requests of group members that tests of several APIs begin with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pykbroker.errors import ErrorCode
from pykbroker.wire.messages.consumer_group_heartbeat import ConsumerGroupHeartbeat
from pykbroker.wire.messages.find_coordinator import FindCoordinator
from pykbroker.wire.messages.heartbeat import Heartbeat
from pykbroker.wire.messages.join_group import JoinGroup
from pykbroker.wire.messages.leave_group import LeaveGroup
from pykbroker.wire.messages.sync_group import SyncGroup
from tests.kafka_client import Client

Connect = Callable[..., Client]
PROTOCOLS = (("range", b"metadata"),)


def find_coordinator(client: Client, group: str = "any") -> None:
    """Let the groups' topic be there, as every client does before anything else."""
    found = client.call(FindCoordinator, {"key_type": 0, "coordinator_keys": [group]})
    assert found.coordinators[0].error_code == ErrorCode.NONE, found


def joining(
    group: str,
    member_id: str = "",
    *,
    protocols: Sequence[tuple[str, bytes]] = PROTOCOLS,
    **fields: Any,
) -> dict[str, Any]:
    """Give the fields of a JoinGroup request."""
    return {
        "group_id": group,
        "session_timeout_ms": 10_000,
        "rebalance_timeout_ms": 60_000,
        "member_id": member_id,
        "protocol_type": "consumer",
        "protocols": [{"name": name, "metadata": data} for name, data in protocols],
        **fields,
    }


def join(client: Client, group: str, member_id: str = "", **fields: Any) -> Any:
    """Join, coming again with the member id that a new member is told; give the reply."""
    find_coordinator(client, group)
    joined = client.call(JoinGroup, joining(group, member_id, **fields))
    if joined.error_code == ErrorCode.MEMBER_ID_REQUIRED:
        joined = client.call(JoinGroup, joining(group, joined.member_id, **fields))
    return joined


def sync(client: Client, group: str, joined: Any, *assignments: tuple[str, bytes]) -> Any:
    """Sync as a member that joined; give the reply."""
    request = {
        "group_id": group,
        "generation_id": joined.generation_id,
        "member_id": joined.member_id,
        "protocol_type": "consumer",
        "protocol_name": joined.protocol_name,
        "assignments": [{"member_id": each, "assignment": data} for each, data in assignments],
    }
    return client.call(SyncGroup, request)


def a_stable_member(client: Client, group: str, **fields: Any) -> Any:
    """Make a group of one member that has its assignment; give what JoinGroup answered."""
    joined = join(client, group, **fields)
    assert joined.error_code == ErrorCode.NONE, joined
    synced = sync(client, group, joined, (joined.member_id, b"all"))
    assert (synced.error_code, synced.assignment) == (ErrorCode.NONE, b"all")
    return joined


def heartbeat(client: Client, group: str, joined: Any, **fields: Any) -> ErrorCode:
    """Heartbeat as a member that joined; give the code."""
    request = {
        "group_id": group,
        "generation_id": joined.generation_id,
        "member_id": joined.member_id,
        **fields,
    }
    return ErrorCode(client.call(Heartbeat, request).error_code)


def leave(client: Client, group: str, member_id: str) -> Any:
    """Leave; give the reply."""
    request = {"group_id": group, "members": [{"member_id": member_id}]}
    return client.call(LeaveGroup, request)


def consumer_heartbeat(
    client: Client, group: str, member_id: str, epoch: int, **fields: Any
) -> Any:
    """Heartbeat as a member of a consumer group (KIP-848); epoch 0 joins. Give the reply."""
    request = {"group_id": group, "member_id": member_id, "member_epoch": epoch, **fields}
    return client.call(ConsumerGroupHeartbeat, request)


def join_consumer_group(client: Client, group: str, member_id: str, *topics: str) -> Any:
    """Join a consumer group (KIP-848); give the reply."""
    find_coordinator(client, group)
    return consumer_heartbeat(
        client,
        group,
        member_id,
        0,
        rebalance_timeout_ms=60_000,
        subscribed_topic_names=list(topics),
        topic_partitions=[],
    )
