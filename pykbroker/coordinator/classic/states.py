"""The states of a classic group, and from where each can be reached (Kafka's ClassicGroupState)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum


class ClassicGroupState(Enum):
    """Where a group is between two generations; the value is Kafka's name for it."""

    EMPTY = "Empty"
    """Without members: has offsets only, or lingers until those have expired.

    Answers: JoinGroup of a new member; SyncGroup, Heartbeat, LeaveGroup: UNKNOWN_MEMBER_ID;
    OffsetCommit without a generation.
    Transitions: a member joins → PREPARING_REBALANCE; deleted or expired → gone.
    """
    PREPARING_REBALANCE = "PreparingRebalance"
    """Members are to join the next generation.

    Answers: JoinGroup waits; SyncGroup, Heartbeat: REBALANCE_IN_PROGRESS; OffsetCommit of the last
    generation is accepted, so that members can commit before they give partitions up.
    Transitions: all have joined, or the rebalance timeout is over → COMPLETING_REBALANCE; nobody is
    left → EMPTY.
    """
    COMPLETING_REBALANCE = "CompletingRebalance"
    """Members know their generation; the leader is to tell the assignment.

    Answers: SyncGroup waits for the leader's; Heartbeat is fine; OffsetCommit:
    REBALANCE_IN_PROGRESS; JoinGroup with the same metadata: the generation.
    Transitions: the leader syncs → STABLE; a member joins, leaves, fails or changes its metadata →
    PREPARING_REBALANCE.
    """
    STABLE = "Stable"
    """Members have their assignments.

    Answers: SyncGroup: the assignment; Heartbeat is fine; JoinGroup of a follower with the same
    metadata: the generation; OffsetCommit of this generation.
    Transitions: the leader joins, another member joins, leaves, fails, does not collect its
    assignment or changes its metadata → PREPARING_REBALANCE.
    """
    DEAD = "Dead"
    """Given up; whoever still finds it is to look for the coordinator again.

    Answers: COORDINATOR_NOT_AVAILABLE, GROUP_ID_NOT_FOUND to administration. Transitions: none.
    """


_EMPTY = ClassicGroupState.EMPTY
_PREPARING = ClassicGroupState.PREPARING_REBALANCE
_COMPLETING = ClassicGroupState.COMPLETING_REBALANCE
_STABLE = ClassicGroupState.STABLE
_DEAD = ClassicGroupState.DEAD

PREVIOUS_STATES: Mapping[ClassicGroupState, frozenset[ClassicGroupState]] = {
    _EMPTY: frozenset({_PREPARING}),
    _PREPARING: frozenset({_STABLE, _COMPLETING, _EMPTY}),
    _COMPLETING: frozenset({_PREPARING}),
    _STABLE: frozenset({_COMPLETING}),
    _DEAD: frozenset({_STABLE, _PREPARING, _COMPLETING, _EMPTY, _DEAD}),
}
"""By state: the states out of which a group may come to it."""
