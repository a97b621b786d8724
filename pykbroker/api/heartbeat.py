"""Heartbeat: stay a member of a classic group, and hear of rebalances."""

from __future__ import annotations

from typing import Any

from pykbroker.api.handler import Asker, Response, handles
from pykbroker.api.parts import Parts
from pykbroker.coordinator.commands import HeartbeatCommand
from pykbroker.errors import ErrorCode, KafkaError
from pykbroker.wire.messages.heartbeat import Heartbeat


@handles(Heartbeat, versions="0-4")
async def heartbeat(parts: Parts, request: Any, asker: Asker) -> Response:
    """Answer with REBALANCE_IN_PROGRESS where the member is to join again."""
    del asker
    command = HeartbeatCommand(
        group_id=request.group_id,
        generation_id=request.generation_id,
        member_id=request.member_id,
        group_instance_id=request.group_instance_id,
    )
    try:
        await parts.groups.ask(command)
    except KafkaError as refusal:
        return {"error_code": refusal.code}
    return {"error_code": ErrorCode.NONE}
