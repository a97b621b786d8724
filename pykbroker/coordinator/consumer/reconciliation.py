"""Reconciliation: the next step of one member from what it has to what it is to have. Pure.

A member gives up before it is given: partitions that are not in its target are asked back at the
epoch it is at, and only when it no longer reports them does it go on to the target's epoch, with
what others have released by then (Kafka's CurrentAssignmentBuilder). Each partition keeps the epoch
at which the member was given it (KIP-1251).
"""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import dataclass, replace

from pykbroker.coordinator.consumer.member import NOTHING_HELD, Held
from pykbroker.coordinator.records import CurrentAssignment, MemberState, Partitions
from pykbroker.errors import ErrorCode, KafkaError

_NONE: frozenset[int] = frozenset()
_NO_EPOCHS: dict[int, int] = {}


@dataclass(frozen=True, slots=True)
class Goal:
    """What a member is reconciled to."""

    epoch: int
    target: Partitions
    subscribed: Container[bytes]
    """Topics that the member subscribes to now; the target may be older than that."""
    is_taken: Callable[[bytes, int], bool]
    """Whether some member has a partition, or has not given it up yet."""
    is_subscription_changed: bool = False
    """Whether `subscribed` is news."""
    subscribes: bool = True
    """Whether the member subscribes to anything, be it there or not."""


def reconcile(
    current: CurrentAssignment, goal: Goal, owned: Partitions | None
) -> CurrentAssignment:
    """Give what the member has from now on; the same where it cannot go on.

    `owned` is what it reports to have, None when it does not say. Raises FENCED_MEMBER_EPOCH for a
    member in a state that only a newer broker knows, unless it has nothing.
    """
    match current.state:
        case MemberState.STABLE:
            if current.member_epoch != goal.epoch:
                return _advance(current, goal, owned)
            return _fit(current, goal, owned)
        case MemberState.UNREVOKED_PARTITIONS:
            if _still_has(current.revoking, owned):
                return _fit(current, goal, owned)
            return _advance(current, goal, owned)
        case MemberState.UNRELEASED_PARTITIONS:
            return _advance(current, goal, owned)
        case MemberState.UNKNOWN:
            if owned is None or owned:
                raise KafkaError(
                    ErrorCode.FENCED_MEMBER_EPOCH,
                    "the member is in a state unknown here: it must give up everything and join",
                )
            return _advance(current, goal, owned)


def _advance(current: CurrentAssignment, goal: Goal, owned: Partitions | None) -> CurrentAssignment:
    kept: dict[bytes, dict[int, int]] = {}
    revoking: dict[bytes, dict[int, int]] = {}
    given: dict[bytes, list[int]] = {}
    waits = False
    for topic_id in dict.fromkeys((*goal.target, *current.assigned)):
        target = goal.target.get(topic_id, _NONE) if topic_id in goal.subscribed else _NONE
        held = current.assigned.get(topic_id, _NO_EPOCHS)
        _put(kept, topic_id, {p: epoch for p, epoch in held.items() if p in target})
        _put(revoking, topic_id, {p: epoch for p, epoch in held.items() if p not in target})
        own = current.revoking.get(topic_id, _NO_EPOCHS)
        missing = [p for p in target if p not in held]
        # What the member itself has not given up yet is free for it.
        free = [p for p in missing if p in own or not goal.is_taken(topic_id, p)]
        waits = waits or len(free) < len(missing)
        if free:
            given[topic_id] = free
    if revoking and _still_has(revoking, owned):
        return CurrentAssignment(
            member_epoch=current.member_epoch,
            previous_member_epoch=current.member_epoch,
            state=MemberState.UNREVOKED_PARTITIONS,
            assigned=kept,
            revoking=revoking,
        )
    for topic_id, partitions in given.items():
        kept.setdefault(topic_id, {}).update(dict.fromkeys(partitions, goal.epoch))
    return CurrentAssignment(
        member_epoch=goal.epoch,
        previous_member_epoch=current.member_epoch,
        state=MemberState.UNRELEASED_PARTITIONS if waits else MemberState.STABLE,
        assigned=kept,
        revoking=NOTHING_HELD,
    )


def _fit(current: CurrentAssignment, goal: Goal, owned: Partitions | None) -> CurrentAssignment:
    """Take away what the member does not subscribe to any more, and leave the rest as it is."""
    if not goal.is_subscription_changed:
        return current
    dropped = {
        topic_id: epochs
        for topic_id, epochs in current.assigned.items()
        if topic_id not in goal.subscribed
    }
    if not dropped and (goal.subscribes or current.revoking):
        return current
    kept = {
        topic_id: epochs for topic_id, epochs in current.assigned.items() if topic_id not in dropped
    }
    revoking = dict(current.revoking)
    for topic_id, epochs in dropped.items():
        revoking[topic_id] = {**revoking.get(topic_id, {}), **epochs}
    if _still_has(revoking, owned):
        return replace(
            current,
            previous_member_epoch=current.member_epoch,
            state=MemberState.UNREVOKED_PARTITIONS,
            assigned=kept,
            revoking=revoking,
        )
    return replace(current, previous_member_epoch=current.member_epoch, assigned=kept)


def _still_has(revoking: Held, owned: Partitions | None) -> bool:
    """Tell whether a member has any of these, as far as it says; saying nothing, it may."""
    if owned is None:
        return True
    return any(
        not partitions.isdisjoint(revoking.get(topic_id, _NO_EPOCHS))
        for topic_id, partitions in owned.items()
    )


def _put(held: dict[bytes, dict[int, int]], topic_id: bytes, epochs: dict[int, int]) -> None:
    if epochs:
        held[topic_id] = epochs
