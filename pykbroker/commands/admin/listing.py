"""The groups of a cluster: every broker knows those that it coordinates."""

from __future__ import annotations

from typing import Any

from pykbroker.commands.admin.cluster import COORDINATOR_PASSING, Cluster
from pykbroker.commands.admin.failure import CommandFailedError, refusal
from pykbroker.errors import ErrorCode
from pykbroker.wire.messages.list_groups import ListGroups

_STATES_SINCE, _TYPES_SINCE = 4, 5
"""The first versions of ListGroups that choose by state (KIP-518) and by type (KIP-848)."""


def listed_groups(
    cluster: Cluster, *, states: tuple[str, ...] = (), types: tuple[str, ...] = ()
) -> list[dict[str, str]]:
    """Ask every broker for its groups. Raises CommandFailedError."""
    request = {"states_filter": states, "types_filter": types}
    least = _TYPES_SINCE if types else _STATES_SINCE if states else 0
    found: dict[str, dict[str, str]] = {}
    left = sorted(cluster.brokers())
    code = int(ErrorCode.NONE)
    for _ in cluster.attempts():
        for node_id in tuple(left):
            answer = cluster.call(ListGroups, request, node_id=node_id, least=least)
            code = answer.error_code
            if code in COORDINATOR_PASSING:
                continue
            if code:
                raise CommandFailedError(refusal(f"broker {node_id} did not list groups", code))
            left.remove(node_id)
            found |= {each.group_id: _row(each) for each in answer.groups}
        if not left:
            return [found[group] for group in sorted(found)]
    raise CommandFailedError(refusal(f"broker {left[0]} did not list groups", code))


def _row(listed: Any) -> dict[str, str]:
    return {
        "group": listed.group_id,
        "type": listed.group_type.lower(),
        "state": listed.group_state,
        "protocol": listed.protocol_type,
    }
