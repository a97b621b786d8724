"""SyncGroup: hand in the leader's assignment, and collect one's own share.

Answers come when the leader has handed in (`GroupCoordinatorService.syncGroup`).
"""

from __future__ import annotations

from typing import Any

from pykbroker.api.handler import Asker, Response, handles
from pykbroker.api.parts import Parts
from pykbroker.coordinator.commands import SyncCommand, SyncReply
from pykbroker.errors import ErrorCode, KafkaError
from pykbroker.wire.messages.sync_group import SyncGroup

PROTOCOL_MANDATORY_SINCE = 5
"""KIP-559: members say which protocol they think is in use."""


@handles(SyncGroup, versions="0-5")
async def sync_group(parts: Parts, request: Any, asker: Asker) -> Response:
    """Answer with the member's assignment."""
    must_name = asker.api_version >= PROTOCOL_MANDATORY_SINCE
    if must_name and (request.protocol_type is None or request.protocol_name is None):
        return {"error_code": ErrorCode.INCONSISTENT_GROUP_PROTOCOL, "assignment": b""}
    command = SyncCommand(
        group_id=request.group_id,
        generation_id=request.generation_id,
        member_id=request.member_id,
        group_instance_id=request.group_instance_id,
        protocol_type=request.protocol_type,
        protocol_name=request.protocol_name,
        assignments=tuple((each.member_id, bytes(each.assignment)) for each in request.assignments),
    )
    try:
        reply = await parts.groups.ask(command)
    except KafkaError as refusal:
        return {"error_code": refusal.code, "assignment": b""}
    assert isinstance(reply, SyncReply)
    return {
        "error_code": ErrorCode.NONE,
        "protocol_type": reply.protocol_type,
        "protocol_name": reply.protocol_name,
        "assignment": reply.assignment,
    }
