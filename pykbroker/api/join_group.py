"""JoinGroup: enter a classic group and wait for its rebalance.

Answers come when all members have joined, or when the rebalance timeout is over
(`GroupCoordinatorService.joinGroup`).
"""

from __future__ import annotations

from typing import Any

from pykbroker.api.handler import Asker, Response, handles
from pykbroker.api.parts import Parts
from pykbroker.coordinator.commands import JoinCommand, JoinReply, MemberRefused
from pykbroker.errors import ErrorCode, KafkaError
from pykbroker.wire.messages.join_group import JoinGroup

REBALANCE_TIMEOUT_SINCE = 1
"""KIP-62: before, the session timeout was the rebalance timeout too."""
MEMBER_ID_REQUIRED_SINCE = 4
"""KIP-394: a new member is told its id first."""
PROTOCOL_NAME_NULL_SINCE = 7
"""KIP-559: before, an answer without a protocol has an empty name."""
SKIP_ASSIGNMENT_SINCE = 9
"""KIP-814: a returning static leader may be told not to assign anew."""


@handles(JoinGroup, versions="0-9")
async def join_group(parts: Parts, request: Any, asker: Asker) -> Response:
    """Answer with the generation, and the leader with all its members."""
    blank_name = None if asker.api_version >= PROTOCOL_NAME_NULL_SINCE else ""
    try:
        reply = await parts.groups.ask(_command(request, asker))
    except KafkaError as refusal:
        named = refusal.member_id if isinstance(refusal, MemberRefused) else request.member_id
        return {"error_code": refusal.code, "member_id": named, "protocol_name": blank_name}
    assert isinstance(reply, JoinReply)
    return {
        "error_code": ErrorCode.NONE,
        "generation_id": reply.generation_id,
        "protocol_type": reply.protocol_type,
        "protocol_name": reply.protocol_name or blank_name,
        "leader": reply.leader,
        "skip_assignment": reply.skip_assignment,
        "member_id": reply.member_id,
        "members": [
            {
                "member_id": member.member_id,
                "group_instance_id": member.group_instance_id,
                "metadata": member.metadata,
            }
            for member in reply.members
        ],
    }


def _command(request: Any, asker: Asker) -> JoinCommand:
    version = asker.api_version
    knows_rebalance_timeout = version >= REBALANCE_TIMEOUT_SINCE
    return JoinCommand(
        group_id=request.group_id,
        member_id=request.member_id,
        group_instance_id=request.group_instance_id,
        client_id=asker.client_id or "",
        client_host=asker.client_host,
        session_timeout_ms=request.session_timeout_ms,
        rebalance_timeout_ms=request.rebalance_timeout_ms
        if knows_rebalance_timeout
        else request.session_timeout_ms,
        protocol_type=request.protocol_type,
        protocols=tuple((each.name, bytes(each.metadata)) for each in request.protocols),
        knows_member_id_required=version >= MEMBER_ID_REQUIRED_SINCE,
        knows_skip_assignment=version >= SKIP_ASSIGNMENT_SINCE,
        reason=request.reason,
    )
