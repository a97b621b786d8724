"""ListGroups: the groups that this broker coordinates, by state (KIP-518) and type (KIP-848)."""

from __future__ import annotations

from typing import Any

from pykbroker.api.handler import Asker, Response, handles
from pykbroker.api.parts import Parts
from pykbroker.coordinator.commands import ListedGroup, ListGroupsCommand
from pykbroker.errors import ErrorCode, KafkaError
from pykbroker.wire.messages.list_groups import ListGroups


@handles(ListGroups, versions="0-5")
async def list_groups(parts: Parts, request: Any, asker: Asker) -> Response:
    """List the groups of all partitions, or none while one of them is being loaded."""
    del asker
    command = ListGroupsCommand(
        states=frozenset(request.states_filter), types=frozenset(request.types_filter)
    )
    try:
        replies = await parts.groups.ask_all(command)
    except KafkaError as refusal:
        return {"error_code": refusal.code}
    return {
        "error_code": ErrorCode.NONE,
        "groups": [_listed(group) for reply in replies for group in _groups(reply)],
    }


def _groups(reply: object) -> tuple[ListedGroup, ...]:
    assert isinstance(reply, tuple)
    return reply


def _listed(group: ListedGroup) -> Response:
    return {
        "group_id": group.group_id,
        "protocol_type": group.protocol_type,
        "group_state": group.group_state,
        "group_type": group.group_type,
    }
