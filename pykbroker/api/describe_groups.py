"""DescribeGroups: the state and the members of classic groups.

Follows `KafkaApis.handleDescribeGroupsRequest`.
"""

from __future__ import annotations

from typing import Any

from pykbroker.api.group_operations import authorized_operations
from pykbroker.api.handler import Asker, Response, answer, handles
from pykbroker.api.parts import Parts
from pykbroker.coordinator.commands import ClassicDescription, DescribeGroupCommand
from pykbroker.errors import ErrorCode
from pykbroker.wire.messages.describe_groups import DescribeGroups

NOT_FOUND_SINCE = 6
"""KIP-1043: before, a group that does not exist is described as Dead, without an error."""
DEAD = "Dead"


@handles(DescribeGroups, versions="0-6")
async def describe_groups(parts: Parts, request: Any, asker: Asker) -> Response:
    """Describe each group for itself."""

    async def describe(group_id: str) -> Response:
        described = await parts.groups.ask(DescribeGroupCommand(group_id))
        assert isinstance(described, ClassicDescription)
        return _described(described)

    groups = []
    for group_id in request.groups:
        told = await answer(describe(group_id), error_message=None)
        if told["error_code"] is ErrorCode.GROUP_ID_NOT_FOUND:
            told = _dead(told, asker.api_version)
        operations = authorized_operations(
            told["error_code"], asked=request.include_authorized_operations
        )
        groups.append({"group_id": group_id, "authorized_operations": operations} | told)
    return {"groups": groups}


def _described(described: ClassicDescription) -> Response:
    return {
        "group_state": described.group_state,
        "protocol_type": described.protocol_type,
        "protocol_data": described.protocol_data,
        "members": [
            {
                "member_id": member.member_id,
                "group_instance_id": member.group_instance_id,
                "client_id": member.client_id,
                "client_host": member.client_host,
                "member_metadata": member.member_metadata,
                "member_assignment": member.member_assignment,
            }
            for member in described.members
        ],
    }


def _dead(refused: dict[str, Any], version: int) -> dict[str, Any]:
    """Describe a group that does not exist."""
    if version < NOT_FOUND_SINCE:
        return {"error_code": ErrorCode.NONE, "group_state": DEAD}
    return refused | {"group_state": DEAD}
