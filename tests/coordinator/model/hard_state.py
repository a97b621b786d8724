"""What of a machine must be as its log says, as values that can be compared.

Left out is what may be lost: deadlines, what is parked, and a classic rebalance that goes on.
"""

from __future__ import annotations

from typing import Any

from pykbroker.coordinator.classic.group import ClassicGroup
from pykbroker.coordinator.classic.states import ClassicGroupState
from pykbroker.coordinator.classic.storing import group_record
from pykbroker.coordinator.consumer.group import ConsumerGroup
from pykbroker.coordinator.shard import Shard

_SOFT = ("metadata_is_checked", "new_topics_revision")
_SETTLED = (ClassicGroupState.STABLE, ClassicGroupState.EMPTY)

REBALANCES = "a classic group that rebalances"


def differences(live: Shard, logged: Shard) -> list[str]:
    """Tell where a machine is not as its log says."""
    told = []
    if live.offsets != logged.offsets:
        told.append("offsets")
    if live.groups.keys() != logged.groups.keys():
        told.append(f"groups {sorted(live.groups)}, in the log {sorted(logged.groups)}")
        return told
    for group_id, group in live.groups.items():
        is_now, is_logged = _state_of(group), _state_of(logged.groups[group_id])
        if is_now == REBALANCES and isinstance(logged.groups[group_id], ClassicGroup):
            continue
        if is_now != is_logged:
            told.append(f"group {group_id} is {is_now}, in the log {is_logged}")
    return told


def _state_of(group: Any) -> Any:
    if isinstance(group, ConsumerGroup):
        return {name: value for name, value in vars(group).items() if name not in _SOFT}
    assert isinstance(group, ClassicGroup)
    if group.state not in _SETTLED:
        return REBALANCES
    stored = group_record(group).value
    members = () if stored is None else stored.members
    return (
        group.state,
        group.generation_id,
        group.protocol_type,
        group.protocol_name,
        group.leader_id,
        group.state_timestamp_ms,
        frozenset(members),
        group.static_members,
        group.subscribed_topics,
    )
