"""Groups to look at: offsets without members, and members of both protocols, over bare wire.

A member joins and reports no more: it stays until its session ends, long after the test.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pykbroker.errors import ErrorCode
from pykbroker.wire.messages.consumer_group_heartbeat import ConsumerGroupHeartbeat
from pykbroker.wire.messages.consumer_protocol import (
    ConsumerProtocolAssignment,
    ConsumerProtocolSubscription,
)
from pykbroker.wire.messages.find_coordinator import FindCoordinator
from pykbroker.wire.messages.join_group import JoinGroup
from pykbroker.wire.messages.leave_group import LeaveGroup
from pykbroker.wire.messages.offset_commit import OffsetCommit
from pykbroker.wire.messages.sync_group import SyncGroup
from tests.kafka_client import Client

SESSION_TIMEOUT_MS = 45_000
_JOIN_AT_ONCE = 3
"""The last version of JoinGroup in which a member without an id joins in one request."""

_ATTEMPTS_MAX = 10_000
_PASSING = (ErrorCode.COORDINATOR_NOT_AVAILABLE, ErrorCode.COORDINATOR_LOAD_IN_PROGRESS)


def commit(client: Client, group: str, topic: str, offsets: Mapping[int, int]) -> None:
    """Commit offsets {partition: offset} from outside the group."""
    _until_there(client, group)
    partitions = [
        {"partition_index": index, "committed_offset": offset, "committed_metadata": "noted"}
        for index, offset in offsets.items()
    ]
    request = {"group_id": group, "topics": [{"name": topic, "partitions": partitions}]}
    (answered,) = client.call(OffsetCommit, request, version=9).topics
    assert [each.error_code for each in answered.partitions] == [0] * len(offsets)


def join_classic(client: Client, group: str, topic: str, *partitions: int) -> str:
    """Make a classic group of one member, which has these partitions; give the member's id."""
    _until_there(client, group)
    subscription = ConsumerProtocolSubscription.version(0).build({"topics": [topic]})
    joined = client.call(
        JoinGroup,
        {
            "group_id": group,
            "session_timeout_ms": SESSION_TIMEOUT_MS,
            "rebalance_timeout_ms": SESSION_TIMEOUT_MS,
            "protocol_type": "consumer",
            "protocols": [{"name": "range", "metadata": b"\0\0" + subscription}],
        },
        version=_JOIN_AT_ONCE,
    )
    assert joined.error_code == 0, joined
    member_id: str = joined.member_id
    assigned = [{"topic": topic, "partitions": list(partitions)}]
    assignment = ConsumerProtocolAssignment.version(0).build({"assigned_partitions": assigned})
    request = {
        "group_id": group,
        "generation_id": joined.generation_id,
        "member_id": member_id,
        "assignments": [{"member_id": member_id, "assignment": b"\0\0" + assignment}],
    }
    synced = client.call(SyncGroup, request, version=3)
    assert synced.error_code == 0, synced
    return member_id


def leave_classic(client: Client, group: str, member_id: str) -> None:
    """Let a member leave its classic group."""
    request = {"group_id": group, "members": [{"member_id": member_id}]}
    assert client.call(LeaveGroup, request).error_code == 0


def join_consumer(client: Client, group: str, topic: str) -> str:
    """Make a member of a consumer group (KIP-848) and wait for its partitions; give its id."""
    _until_there(client, group)
    member: dict[str, Any] = {
        "group_id": group,
        "member_id": "member-of-" + group,
        "member_epoch": 0,
        "rebalance_timeout_ms": SESSION_TIMEOUT_MS,
        "subscribed_topic_names": [topic],
        "topic_partitions": [],
    }
    answer = _repeated(
        lambda: client.call(ConsumerGroupHeartbeat, member), lambda answer: answer.error_code == 0
    )
    while answer.assignment is None or not answer.assignment.topic_partitions:
        member["member_epoch"] = answer.member_epoch
        answer = client.call(ConsumerGroupHeartbeat, member)
        assert answer.error_code == 0, answer
    owned = [
        {"topic_id": each.topic_id, "partitions": list(each.partitions)}
        for each in answer.assignment.topic_partitions
    ]
    member |= {"member_epoch": answer.member_epoch, "topic_partitions": owned}
    assert client.call(ConsumerGroupHeartbeat, member).error_code == 0
    return str(member["member_id"])


def leave_consumer(client: Client, group: str, member_id: str) -> None:
    """Let a member leave its consumer group."""
    request = {"group_id": group, "member_id": member_id, "member_epoch": -1}
    assert client.call(ConsumerGroupHeartbeat, request).error_code == 0


def _until_there(client: Client, group: str) -> None:
    """Wait for the group's coordinator, whose topic is made when first asked for."""
    request = {"coordinator_keys": [group]}
    _repeated(
        lambda: client.call(FindCoordinator, request).coordinators[0],
        lambda found: found.error_code not in _PASSING,
    )


def _repeated(ask: Callable[[], Any], is_done: Callable[[Any], bool]) -> Any:
    for _ in range(_ATTEMPTS_MAX):
        answer = ask()
        if is_done(answer):
            return answer
    raise AssertionError(answer)
