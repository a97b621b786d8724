"""DeleteGroups: end groups without members, and forget their offsets (KIP-229)."""

from __future__ import annotations

from typing import Any

from pykbroker.api.handler import Asker, Response, answer, handles
from pykbroker.api.parts import Parts
from pykbroker.coordinator.commands import DeleteGroupCommand
from pykbroker.wire.messages.delete_groups import DeleteGroups


@handles(DeleteGroups, versions="0-2")
async def delete_groups(parts: Parts, request: Any, asker: Asker) -> Response:
    """Delete each group for itself; one that is named twice, once."""
    del asker

    async def delete(group_id: str) -> Response:
        await parts.groups.ask(DeleteGroupCommand(group_id))
        return {}

    return {
        "results": [
            {"group_id": group_id} | await answer(delete(group_id))
            for group_id in dict.fromkeys(request.groups_names)
        ]
    }
