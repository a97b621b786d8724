"""LeaveGroup: take members out of a classic group, static ones too (KIP-345)."""

from __future__ import annotations

from typing import Any

from pykbroker.api.handler import Asker, Response, handles
from pykbroker.api.parts import Parts
from pykbroker.coordinator.commands import LeaveCommand, LeaveReply, LeavingMember
from pykbroker.errors import ErrorCode, KafkaError
from pykbroker.wire.messages.leave_group import LeaveGroup

SEVERAL_SINCE = 3
"""KIP-345: several members leave at once, each with a code of its own."""


@handles(LeaveGroup, versions="0-5")
async def leave_group(parts: Parts, request: Any, asker: Asker) -> Response:
    """Answer for each member; a version that knows one only gets its code as the answer's."""
    is_one = asker.api_version < SEVERAL_SINCE
    leaving = (
        (LeavingMember(request.member_id, None),)
        if is_one
        else tuple(
            LeavingMember(each.member_id, each.group_instance_id, each.reason)
            for each in request.members
        )
    )
    try:
        reply = await parts.groups.ask(LeaveCommand(request.group_id, leaving))
    except KafkaError as refusal:
        return {"error_code": refusal.code}
    assert isinstance(reply, LeaveReply)
    if is_one:
        return {"error_code": reply.members[0].error_code}
    return {
        "error_code": ErrorCode.NONE,
        "members": [
            {
                "member_id": left.member_id,
                "group_instance_id": left.group_instance_id,
                "error_code": left.error_code,
            }
            for left in reply.members
        ],
    }
