"""ConsumerGroupHeartbeat: join, report to and leave a group of the consumer protocol (KIP-848)."""

from __future__ import annotations

from typing import Any

from pykbroker.api.handler import Asker, Response, handles
from pykbroker.api.parts import Parts
from pykbroker.coordinator.commands import ConsumerHeartbeatCommand, ConsumerHeartbeatReply
from pykbroker.errors import ErrorCode, KafkaError
from pykbroker.wire.messages.consumer_group_heartbeat import ConsumerGroupHeartbeat

MEMBER_ID_MANDATORY_SINCE = 1
"""KIP-1082: the member makes its id itself."""


@handles(ConsumerGroupHeartbeat, versions="0-1")
async def consumer_group_heartbeat(parts: Parts, request: Any, asker: Asker) -> Response:
    """Answer with the member's epoch, and with its assignment where that is new."""
    owned, names = request.topic_partitions, request.subscribed_topic_names
    command = ConsumerHeartbeatCommand(
        group_id=request.group_id,
        member_id=request.member_id,
        member_epoch=request.member_epoch,
        instance_id=request.instance_id,
        rack_id=request.rack_id,
        rebalance_timeout_ms=request.rebalance_timeout_ms,
        subscribed_topic_names=None if names is None else tuple(names),
        subscribed_topic_regex=request.subscribed_topic_regex,
        server_assignor=request.server_assignor,
        topic_partitions=None
        if owned is None
        else {each.topic_id: frozenset(each.partitions) for each in owned},
        client_id=asker.client_id or "",
        client_host=asker.client_host,
        makes_member_id=asker.api_version >= MEMBER_ID_MANDATORY_SINCE,
    )
    try:
        reply = await parts.groups.ask(command)
    except KafkaError as refusal:
        return {"error_code": refusal.code, "error_message": refusal.message}
    assert isinstance(reply, ConsumerHeartbeatReply)
    return {
        "error_code": ErrorCode.NONE,
        "member_id": reply.member_id,
        "member_epoch": reply.member_epoch,
        "heartbeat_interval_ms": reply.heartbeat_interval_ms,
        "assignment": None
        if reply.assignment is None
        else {
            "topic_partitions": [
                {"topic_id": topic_id, "partitions": sorted(partitions)}
                for topic_id, partitions in sorted(reply.assignment.items())
            ]
        },
    }
