"""Offsets expire when nobody needs them any more, and groups go with their last one (KIP-211)."""

from __future__ import annotations

from typing import Any

import pytest

from pykbroker.coordinator import expiration
from pykbroker.coordinator.classic.states import ClassicGroupState
from pykbroker.coordinator.offsets import Offsets
from pykbroker.coordinator.record_codec import encode
from pykbroker.coordinator.records import OffsetRecord, Record
from pykbroker.coordinator.timers import TimerKey, TimerKind
from tests.coordinator.driven import START_MS, Driven
from tests.coordinator.made_groups import (
    a_classic_group,
    a_consumer_group,
    committed,
    having,
    offset,
)

MINUTE_MS = 60_000
CHECK_MS = 10 * MINUTE_MS
WEEK_MS = 7 * 24 * 60 * MINUTE_MS
KEPT = {("topic", 0): 5}
OFFSET = offset("topic")


def after(ms: int, *records: Record, since_ms: int = START_MS, **options: Any) -> Driven:
    """Give a machine with records at the first check that is `ms` or later after `since_ms`."""
    driven = having(Driven(**options), *records)
    driven.wall_ms = since_ms + ms - CHECK_MS
    driven.pass_time(CHECK_MS)
    return driven


def is_left(driven: Driven) -> bool:
    return "group" in driven.shard.groups


@pytest.mark.row(110)
def test_offsets_of_a_simple_group_expire_a_week_after_their_commit() -> None:
    early = offset("topic", 0, commit_timestamp_ms=START_MS)
    late = offset("topic", 1, 6, commit_timestamp_ms=START_MS + 1)

    driven = after(WEEK_MS, early, late)

    assert committed(driven) == {("topic", 1): 6}
    assert is_left(driven)


@pytest.mark.row(110)
def test_offsets_of_an_empty_group_expire_a_week_after_it_became_empty() -> None:
    group = a_classic_group(state_timestamp_ms=START_MS)
    long_ago = offset("topic", 0, commit_timestamp_ms=START_MS - WEEK_MS)

    assert committed(after(WEEK_MS - 1, group, long_ago)) == KEPT
    assert committed(after(WEEK_MS, group, long_ago)) == {}


@pytest.mark.row(110)
def test_where_nobody_knows_when_a_group_became_empty_the_commit_counts() -> None:
    group = a_classic_group(state_timestamp_ms=-1)

    assert committed(after(WEEK_MS - 1, group, OFFSET)) == KEPT
    assert committed(after(WEEK_MS, group, OFFSET)) == {}


@pytest.mark.row(110)
@pytest.mark.parametrize("members", [(a_classic_group("alice"),), a_consumer_group("alice")])
def test_a_group_with_members_keeps_offsets_of_topics_that_it_reads(members: Any) -> None:
    driven = having(Driven(), *members, OFFSET, offset("other"))
    driven.wall_ms += 2 * WEEK_MS
    effects = expiration.expire(driven.shard, TimerKey(TimerKind.OFFSET_EXPIRATION), driven.now)

    assert effects.records == (OffsetRecord("group", "other", 0, None),)


@pytest.mark.row(110)
@pytest.mark.parametrize(
    "state", [ClassicGroupState.PREPARING_REBALANCE, ClassicGroupState.COMPLETING_REBALANCE]
)
def test_a_group_that_is_about_to_change_what_it_reads_keeps_all_offsets(
    state: ClassicGroupState,
) -> None:
    driven = having(Driven(), a_classic_group("alice"), offset("other"))
    driven.group().state = state

    driven.wall_ms += 2 * WEEK_MS
    effects = expiration.expire(driven.shard, TimerKey(TimerKind.OFFSET_EXPIRATION), driven.now)

    assert effects.records == ()


@pytest.mark.row(110)
@pytest.mark.parametrize(
    "group",
    [
        a_classic_group("alice", protocol_type="connect"),
        a_classic_group("alice", subscription=b"?"),
    ],
    ids=["of another type", "that says what nobody can read"],
)
def test_a_group_of_whom_nobody_knows_what_it_reads_keeps_all_offsets(group: Record) -> None:
    driven = having(Driven(), group, offset("other"))
    driven.wall_ms += 2 * WEEK_MS
    effects = expiration.expire(driven.shard, TimerKey(TimerKind.OFFSET_EXPIRATION), driven.now)

    assert effects.records == ()


@pytest.mark.row(110)
def test_offsets_of_a_consumer_group_without_members_expire_by_their_commit() -> None:
    assert committed(after(WEEK_MS - 1, *a_consumer_group(), OFFSET)) == KEPT
    assert committed(after(WEEK_MS, *a_consumer_group(), OFFSET)) == {}


@pytest.mark.row(110)
@pytest.mark.parametrize("group", [(), (a_classic_group(),), a_consumer_group()], ids=len)
def test_an_offset_with_a_time_of_its_own_goes_by_that(group: Any) -> None:
    soon = offset("topic", expire_timestamp_ms=START_MS + 1000, topic_id=bytes(16))
    late = offset("topic", 1, 6, expire_timestamp_ms=START_MS + 2 * WEEK_MS, topic_id=bytes(16))

    assert committed(after(1000, *group, soon, late)) == {("topic", 1): 6}
    assert committed(after(999, *group, soon)) == KEPT
    assert committed(after(WEEK_MS, *group, late)) == {("topic", 1): 6}


@pytest.mark.row(110)
def test_the_broker_says_how_long_offsets_are_kept() -> None:
    kept = {"offsets.retention.minutes": "20"}

    assert committed(after(20 * MINUTE_MS - 1, OFFSET, properties=kept)) == KEPT
    assert committed(after(20 * MINUTE_MS, OFFSET, properties=kept)) == {}


# -- groups ------------------------------------------------------------------------------------


@pytest.mark.row(110)
@pytest.mark.parametrize("group", [(), (a_classic_group(),), a_consumer_group()], ids=len)
def test_a_group_goes_with_its_last_offset(group: Any) -> None:
    driven = after(WEEK_MS, *group, OFFSET)

    assert not is_left(driven)
    driven.restart()
    assert not is_left(driven)


@pytest.mark.row(110)
@pytest.mark.parametrize("group", [(a_classic_group(),), a_consumer_group()], ids=len)
def test_an_empty_group_that_never_committed_goes_at_the_next_check(group: Any) -> None:
    driven = having(Driven(), *group)

    driven.pass_time(CHECK_MS - 1)
    assert is_left(driven)
    driven.pass_time(1)
    assert not is_left(driven)


@pytest.mark.row(110)
@pytest.mark.parametrize("group", [(a_classic_group("alice"),), a_consumer_group("alice")])
def test_a_group_with_members_stays_without_any_offset(group: Any) -> None:
    driven = having(Driven(), *group, offset("other"))
    driven.wall_ms += WEEK_MS
    key = TimerKey(TimerKind.OFFSET_EXPIRATION)

    effects = expiration.expire(driven.shard, key, driven.now)

    assert effects.records == (OffsetRecord("group", "other", 0, None),)


class InTransaction(Offsets):
    """Offsets that transactions may change."""

    def has_pending(self, group_id: str, topic: str, partition: int) -> bool:
        return True


def test_what_a_transaction_may_change_does_not_expire() -> None:
    driven = Driven()
    driven.shard.offsets = InTransaction()
    having(driven, OFFSET)
    driven.wall_ms += 2 * WEEK_MS

    driven.pass_time(CHECK_MS)

    assert committed(driven) == KEPT


# -- when --------------------------------------------------------------------------------------


def test_offsets_are_looked_through_again_and_again() -> None:
    driven = Driven({"offsets.retention.check.interval.ms": "1000"})

    for number in range(3):
        having(driven, offset("topic", 0, expire_timestamp_ms=driven.wall_ms + 1))
        driven.pass_time(999)
        assert is_left(driven), number
        driven.pass_time(1)
        assert not is_left(driven), number


def test_a_clock_that_jumps_ahead_changes_nothing_before_the_next_check() -> None:
    driven = having(Driven(), OFFSET)

    driven.wall_ms += 2 * WEEK_MS

    assert committed(driven) == KEPT


def test_many_groups_are_looked_through_some_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expiration, "GROUPS_AT_ONCE", 2)
    group_ids = ["e", "", "c", "a", "d", "b"]
    driven = having(Driven(), *(offset("topic", group_id=each) for each in group_ids))
    driven.wall_ms += WEEK_MS

    left: list[list[Any]] = []
    for _ in range(4):
        driven.pass_time(CHECK_MS if not left else expiration.PAUSE_MS)
        left.append(sorted(driven.shard.groups))

    assert left == [["b", "c", "d", "e"], ["d", "e"], [], []]


def test_many_offsets_are_forgotten_some_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expiration, "BYTES_AT_ONCE", 3 * 320)
    sizes = {"": 7, "b": 1}
    driven = having(
        Driven(), *(offset("topic", n, group_id=each) for each in sizes for n in range(sizes[each]))
    )
    driven.wall_ms += WEEK_MS

    left: list[list[Any]] = []
    for _ in range(4):
        driven.pass_time(CHECK_MS if not left else expiration.PAUSE_MS)
        left.append([len(committed(driven, each)) for each in sizes])

    assert left == [[4, 1], [1, 1], [0, 0], [0, 0]]
    assert driven.shard.groups == {}


def test_tombstones_of_a_group_with_a_long_id_fit_into_a_batch_too() -> None:
    group_id = "\N{EURO SIGN}" * 10_000
    driven = having(Driven(), *(offset("topic", n, group_id=group_id) for n in range(50)))
    driven.wall_ms += WEEK_MS
    key, sizes = TimerKey(TimerKind.OFFSET_EXPIRATION), []

    while group_id in driven.shard.groups:
        records = expiration.expire(driven.shard, key, driven.now).records
        sizes.append(sum(len(encode(record)[0]) for record in records))
        having(driven, *records)

    assert max(sizes) < 600_000
    assert sum(sizes) > 50 * 30_000


def test_groups_that_keep_their_offsets_do_not_stop_a_look_through(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(expiration, "GROUPS_AT_ONCE", 1)
    driven = having(
        Driven(), offset("topic", group_id="a", commit_timestamp_ms=START_MS + WEEK_MS), OFFSET
    )
    driven.wall_ms += WEEK_MS

    driven.pass_time(CHECK_MS + expiration.PAUSE_MS)

    assert list(driven.shard.groups) == ["a"]
    assert driven.shard.timers.next_due_ms == 1_000 + 2 * CHECK_MS
