"""Bugs to be found: each breaks one rule of the real machine, and says what then goes wrong.

A model test that finds none of these would find nothing. Each is planted by patching the function
that keeps the rule, for as long as the patch lasts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random
from typing import Any

import pytest

from pykbroker.coordinator import commands as c
from pykbroker.coordinator import machine
from pykbroker.coordinator import records as r
from pykbroker.coordinator.classic import deadlines, rebalancing, storing, syncing
from pykbroker.coordinator.classic.group import ClassicGroup
from pykbroker.coordinator.consumer import leaving, migration, remembering, target
from pykbroker.coordinator.consumer.group import ConsumerGroup
from pykbroker.coordinator.effects import NOTHING, Effects, Now
from pykbroker.coordinator.offsets import Offsets
from pykbroker.coordinator.timers import TimerKind
from tests.coordinator.driven import START_MS
from tests.coordinator.model.history import a_history
from tests.coordinator.model.running import Outcome, run

Patch = pytest.MonkeyPatch


@dataclass(frozen=True, slots=True)
class SeededBug:
    """One bug."""

    name: str
    what: str
    plant: Callable[[Patch], None]
    first_seed: int = 0
    """Not long before the first history that shows it, where that is a long way off."""


def _given_too_early(patch: Patch) -> None:
    patch.setattr(ConsumerGroup, "owner_of", lambda *_: None)


def _same_generation(patch: Patch) -> None:
    begin = ClassicGroup.begin_generation

    def begin_again(group: ClassicGroup, now_ms: int) -> None:
        begin(group, now_ms)
        group.generation_id = max(group.generation_id - 1, 1)

    patch.setattr(ClassicGroup, "begin_generation", begin_again)


def _fenced_goes_on(patch: Patch) -> None:
    def known(group: ConsumerGroup, instance_id: str, member_id: str) -> Any:
        return group.static_member(instance_id) or group.member(member_id)

    patch.setattr(leaving, "known_static_member", known)


def _wall_clock(patch: Patch) -> None:
    start = deadlines.start_session

    def start_by_wall(shard: Any, group: Any, member: Any, now: Now, **fields: Any) -> None:
        by_wall = Now(now.wall_ms, now.wall_ms - START_MS + 1_000)
        start(shard, group, member, by_wall, **fields)

    patch.setattr(deadlines, "start_session", start_by_wall)


def _any_epoch_commits(patch: Patch) -> None:
    patch.setattr(ConsumerGroup, "check_commit", lambda *_, **__: None)


def _any_generation_commits(patch: Patch) -> None:
    patch.setattr(ClassicGroup, "check_commit", lambda *_, **__: None)


def _without(patch: Patch, owner: Any, name: str, kind: type) -> None:
    decide = getattr(owner, name)

    def decide_less(*args: Any, **fields: Any) -> Any:
        effects = decide(*args, **fields)
        return replace(effects, records=tuple(e for e in effects.records if type(e) is not kind))

    patch.setattr(owner, name, decide_less)


def _departure_unnoticed(patch: Patch) -> None:
    _without(patch, leaving, "fence", r.GroupEpochRecord)


def _assignment_forgotten(patch: Patch) -> None:
    restored = storing._restored

    def restored_without(member: Any, stored: Any, group: Any) -> Any:
        made = restored(member, stored, group)
        if member is None:
            made.assignment = b""
        return made

    patch.setattr(storing, "_restored", restored_without)


def _sync_never_answered(patch: Patch) -> None:
    recall = rebalancing._recall
    patch.setattr(rebalancing, "_recall", lambda *args: replace(recall(*args), replies=()))


def _epoch_not_stored(patch: Patch) -> None:
    heartbeat = machine.RULES[c.ConsumerHeartbeatCommand]

    def heartbeat_unstored(*args: Any) -> Effects:
        effects = heartbeat(*args)
        kept = (e for e in effects.records if not _is_step(e))
        return replace(effects, records=tuple(kept))

    patch.setitem(machine.RULES, c.ConsumerHeartbeatCommand, heartbeat_unstored)


def _is_step(record: r.Record) -> bool:
    """Whether a member goes on from one epoch to another."""
    return isinstance(record, r.CurrentRecord) and bool(
        record.value and record.value.previous_member_epoch > 0
    )


def _first_offset_stays(patch: Patch) -> None:
    replay = Offsets.replay

    def replay_first(offsets: Offsets, record: r.OffsetRecord) -> None:
        known = offsets.get(record.group_id, record.topic, record.partition)
        if known is None or record.value is None:
            replay(offsets, record)

    patch.setattr(Offsets, "replay", replay_first)


def _shares_mixed_up(patch: Patch) -> None:
    assign = syncing._assign

    def assign_others(shard: Any, group: Any, assignments: dict[str, bytes], now: Now) -> Effects:
        names = sorted(assignments)
        others = dict(
            zip(names, (assignments[name] for name in names[1:] + names[:1]), strict=True)
        )
        return assign(shard, group, others, now)

    patch.setattr(syncing, "_assign", assign_others)


def _revoking_for_ever(patch: Patch) -> None:
    patch.setitem(machine.DUE, TimerKind.CONSUMER_REBALANCE, lambda *_: NOTHING)


def _no_sessions_after_restart(patch: Patch) -> None:
    patch.setattr(remembering, "loaded", lambda *_: NOTHING)
    patch.setattr(rebalancing, "loaded", lambda *_: NOTHING)


def _upgrade_forgets(patch: Patch) -> None:
    patch.setattr(migration, "held_at", lambda *_: {})


def _downgrade_is_quiet(patch: Patch) -> None:
    become = migration._become

    def become_stable(*args: Any, **fields: Any) -> Effects:
        return become(*args, **(fields | {"rebalances": False}))

    patch.setattr(migration, "_become", become_stable)


def _growth_unnoticed(patch: Patch) -> None:
    patch.setattr(remembering, "topics_changed", lambda *_: None)


def _removed_in_memory_only(patch: Patch) -> None:
    fence = leaving.fence

    def fence_quietly(shard: Any, group: Any, members: Any, now: Now) -> Effects:
        effects = fence(shard, group, members, now)
        gone = {each.member_id for each in members}
        for member_id in gone & group.members.keys():
            group.remove_member(member_id)
        records = (e for e in effects.records if getattr(e, "member_id", None) not in gone)
        return replace(effects, records=tuple(records))

    patch.setattr(leaving, "fence", fence_quietly)


def _target_of_the_past(patch: Patch) -> None:
    specs = target._specs

    def specs_without_newcomer(group: Any, member: Any, topics: Any) -> Any:
        known = specs(group, member, topics)
        return {key: each for key, each in known.items() if key in group.members} or known

    patch.setattr(target, "_specs", specs_without_newcomer)


BUGS = (
    SeededBug(
        "given-too-early",
        "a partition is given to its new owner before the old one has given it up",
        _given_too_early,
    ),
    SeededBug("same-generation", "a rebalance does not bump the generation", _same_generation),
    SeededBug(
        "fenced-goes-on",
        "a static member that was replaced is still accepted",
        _fenced_goes_on,
        100,
    ),
    SeededBug("wall-clock", "sessions of classic members go by the wall clock", _wall_clock),
    SeededBug(
        "any-epoch-commits",
        "offsets are accepted whatever the member's epoch",
        _any_epoch_commits,
        62,
    ),
    SeededBug(
        "any-generation-commits",
        "offsets are accepted whatever the member and its generation",
        _any_generation_commits,
    ),
    SeededBug(
        "departure-unnoticed", "no target is computed when a member goes", _departure_unnoticed
    ),
    SeededBug(
        "assignment-forgotten",
        "after a restart no classic member has an assignment",
        _assignment_forgotten,
    ),
    SeededBug(
        "sync-never-answered",
        "who waits for its assignment when another rebalance begins waits for ever",
        _sync_never_answered,
        first_seed=37,
    ),
    SeededBug(
        "epoch-not-stored", "an epoch that a member comes to is told, not stored", _epoch_not_stored
    ),
    SeededBug("first-offset-stays", "of two commits the first one counts", _first_offset_stays),
    SeededBug("shares-mixed-up", "members are told each other's assignment", _shares_mixed_up),
    SeededBug(
        "revoking-for-ever",
        "a member that heartbeats need never give up partitions",
        _revoking_for_ever,
        first_seed=14,
    ),
    SeededBug(
        "no-sessions-after-restart",
        "members that are silent after a restart stay for ever",
        _no_sessions_after_restart,
    ),
    SeededBug(
        "upgrade-forgets",
        "a classic group that becomes a consumer group forgets who has what",
        _upgrade_forgets,
        first_seed=55,
    ),
    SeededBug(
        "downgrade-is-quiet",
        "the classic members do not rebalance when the last consumer goes",
        _downgrade_is_quiet,
        first_seed=46,
    ),
    SeededBug(
        "growth-unnoticed", "new partitions of a topic are given to nobody", _growth_unnoticed, 17
    ),
    SeededBug(
        "removed-in-memory-only",
        "the departure of a member is not written to the log",
        _removed_in_memory_only,
    ),
    SeededBug(
        "newcomer-left-out", "a new target leaves out who has just joined", _target_of_the_past, 116
    ),
)


def found_at(bug: SeededBug, first_seed: int, count: int) -> tuple[Outcome | None, int]:
    """Plant a bug; give the first outcome that shows it, with its seed."""
    with pytest.MonkeyPatch.context() as patch:
        bug.plant(patch)
        for seed in range(first_seed, first_seed + count):
            outcome = run(a_history(Random(seed)))
            if outcome.rule is not None:
                return outcome, seed
    return None, first_seed + count
