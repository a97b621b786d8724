"""What of a classic group the log remembers, and what a coordinator makes of that."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pykbroker.coordinator.classic.group import ClassicGroup, ClassicGroupState, simple_group
from pykbroker.coordinator.classic.members import ClassicMember
from pykbroker.coordinator.classic.storing import created_record, group_record, replay
from pykbroker.coordinator.records import ClassicGroupRecord, StoredGroup, StoredMember
from pykbroker.coordinator.timers import TimerKey, TimerKind
from pykbroker.errors import ErrorCode
from tests.coordinator.classic.groups import (
    GROUP,
    REBALANCE_MS,
    SESSION_MS,
    a_completing_group,
    a_heartbeat,
    a_join,
    a_leave,
    a_partition,
    a_stable_group,
    a_sync,
    joining,
    new_member_id,
    state_of,
    stored,
)


def a_stored_member(member_id: str, instance_id: str | None = None) -> StoredMember:
    return StoredMember(
        member_id=member_id,
        group_instance_id=instance_id,
        client_id="client",
        client_host="/127.0.0.1",
        rebalance_timeout_ms=REBALANCE_MS,
        session_timeout_ms=SESSION_MS,
        subscription=b"of " + member_id.encode(),
        assignment=b"to " + member_id.encode(),
    )


def a_record(*member_ids: str, generation: int = 5, protocol: str = "range") -> ClassicGroupRecord:
    members = tuple(a_stored_member(member_id) for member_id in member_ids)
    value = StoredGroup(
        protocol_type="consumer",
        generation=generation,
        protocol=protocol if members else None,
        leader=member_ids[0] if members else None,
        state_timestamp_ms=42,
        members=members,
    )
    return ClassicGroupRecord(GROUP, value)


def test_a_record_with_members_makes_a_stable_group() -> None:
    shard = a_partition().shard

    replay(shard, a_record("a", "b"))

    group = shard.groups[GROUP]
    assert isinstance(group, ClassicGroup)
    assert group.state is ClassicGroupState.STABLE
    assert (group.generation_id, group.protocol_type, group.protocol_name, group.leader_id) == (
        5,
        "consumer",
        "range",
        "a",
    )
    assert list(group.members.values()) == [
        ClassicMember(
            member_id=member_id,
            group_instance_id=None,
            client_id="client",
            client_host="/127.0.0.1",
            rebalance_timeout_ms=REBALANCE_MS,
            session_timeout_ms=SESSION_MS,
            protocol_type="consumer",
            protocols=(("range", b"of " + member_id.encode()),),
            assignment=b"to " + member_id.encode(),
        )
        for member_id in "ab"
    ]
    assert group_record(group) == a_record("a", "b")


def test_a_record_without_members_makes_an_empty_group() -> None:
    shard = a_partition().shard

    replay(shard, a_record())

    group = shard.groups[GROUP]
    assert isinstance(group, ClassicGroup)
    assert (group.state, group.generation_id, group.state_timestamp_ms) == (
        ClassicGroupState.EMPTY,
        5,
        42,
    )
    assert group_record(group) == a_record()


def test_later_records_replace_all_of_earlier_ones() -> None:
    one, two = a_partition().shard, a_partition().shard
    last = a_record("b", "c", "a", generation=7, protocol="sticky")

    for record in (a_record("a", "b"), a_record(), a_record("a"), last, last):
        replay(one, record)
    replay(two, last)

    first, second = one.groups[GROUP], two.groups[GROUP]
    assert isinstance(first, ClassicGroup)
    assert isinstance(second, ClassicGroup)
    assert list(first.members.values()) == list(second.members.values())
    assert first.supporters == second.supporters == {"sticky": 3}
    assert group_record(first) == group_record(second) == last


def test_instances_are_known_by_the_records_members_alone() -> None:
    shard = a_partition().shard
    record = a_record("a")
    assert record.value is not None
    for members in (
        (a_stored_member("a", "i"), a_stored_member("b", "j")),
        (a_stored_member("c", "i"),),
    ):
        replay(shard, ClassicGroupRecord(GROUP, replace(record.value, members=members)))

    group = shard.groups[GROUP]
    assert isinstance(group, ClassicGroup)
    assert group.static_members == {"i": "c"}


@pytest.mark.parametrize("rebalances", [True, False])
def test_a_tombstone_ends_the_group_and_all_its_deadlines(rebalances: bool) -> None:
    driven = a_partition()
    leader, _ = a_completing_group(driven)
    driven.ask(a_sync(leader))
    new_member_id(driven)
    if rebalances:
        driven.send(a_join(leader))

    replay(driven.shard, ClassicGroupRecord(GROUP, None))

    assert driven.shard.groups == {}
    timers = driven.shard.timers
    assert timers.next_due_ms == timers.due_ms(TimerKey(TimerKind.OFFSET_EXPIRATION))
    replay(driven.shard, ClassicGroupRecord(GROUP, None))
    assert driven.refusal(a_heartbeat(leader)) == ErrorCode.UNKNOWN_MEMBER_ID


def test_a_group_of_another_kind_is_not_ended_by_a_tombstone_but_by_a_record() -> None:
    shard = a_partition().shard
    other = shard.groups[GROUP] = object()  # type: ignore[assignment]

    replay(shard, ClassicGroupRecord(GROUP, None))
    assert shard.groups[GROUP] is other
    replay(shard, a_record("a"))

    assert isinstance(shard.groups[GROUP], ClassicGroup)


def test_the_record_of_a_generation_leaves_members_their_other_protocols() -> None:
    driven = a_partition()
    both = (("range", b"1"), ("sticky", b"2"))
    leader, follower = a_stable_group(driven, protocols=both)

    replay(driven.shard, driven.log[-1])  # type: ignore[arg-type]

    assert driven.group().members[follower].protocols == both
    assert driven.ask(a_join(follower, protocols=both)).generation_id == 1
    assert driven.ask(a_heartbeat(leader))


def test_the_record_of_a_groups_creation_leaves_who_joins_already() -> None:
    driven = a_partition()

    token = driven.send(a_join(knows_member_id_required=False))

    assert state_of(driven) == "PreparingRebalance"
    assert (
        stored(driven)
        == created_record(ClassicGroup(GROUP, state_timestamp_ms=driven.wall_ms)).value
    )
    driven.pass_time(0)
    assert driven.take(token).generation_id == 1


def test_a_group_that_was_stable_goes_on_after_a_restart() -> None:
    driven = a_partition()
    leader, follower = a_stable_group(driven)

    driven.restart()

    assert state_of(driven) == "Stable"
    assert driven.ask(a_heartbeat(follower))
    assert driven.ask(a_sync(follower)).assignment == follower.encode()
    assert driven.ask(a_join(follower)).leader == leader


def test_members_of_an_unfinished_rebalance_begin_anew_after_a_restart() -> None:
    driven = a_partition()
    leader, follower = a_stable_group(driven)
    newcomer, _ = joining(driven)
    driven.send(a_join(leader))
    driven.send(a_join(follower))

    driven.restart()

    assert (state_of(driven), driven.group().generation_id) == ("Stable", 1)
    assert driven.refusal(a_sync(leader, 2)) == ErrorCode.ILLEGAL_GENERATION
    assert driven.refusal(a_sync(newcomer, 2)) == ErrorCode.UNKNOWN_MEMBER_ID


def test_a_generation_whose_assignment_was_never_told_is_forgotten() -> None:
    driven = a_partition()
    a_completing_group(driven)

    driven.restart()

    assert (state_of(driven), driven.group().generation_id) == ("Empty", 0)


@pytest.mark.parametrize("when", ["stable", "empty", "unfinished"])
def test_the_state_has_one_timestamp_before_and_after_a_restart(when: str) -> None:
    driven = a_partition()
    members = a_stable_group(driven)
    driven.pass_time(5_000)
    if when == "empty":
        driven.ask(a_leave(*members))
    elif when == "unfinished":
        new_member_id(driven)
    before = driven.group().state_timestamp_ms

    driven.pass_time(1_000)
    driven.restart()

    assert driven.group().state_timestamp_ms == before


def test_a_simple_group_is_empty_and_was_never_anything_else() -> None:
    group = simple_group("simple")

    assert (group.state_name, group.listed_protocol_type, group.is_empty) == ("Empty", "", True)
    assert tuple(group.tombstones()) == (ClassicGroupRecord("simple", None),)


def test_a_member_joins_a_simple_group_without_a_record_of_its_creation() -> None:
    driven = a_partition()
    driven.shard.groups[GROUP] = simple_group(GROUP)

    _, token = joining(driven)
    driven.pass_time(0)

    assert driven.take(token).generation_id == 1
    assert driven.log == []


def test_deadlines_that_outlive_their_group_do_nothing() -> None:
    driven = a_partition()
    for kind in (
        TimerKind.CLASSIC_SESSION,
        TimerKind.CLASSIC_PENDING_JOIN,
        TimerKind.CLASSIC_REBALANCE,
        TimerKind.CLASSIC_SYNC,
    ):
        driven.shard.timers.set(TimerKey(kind, GROUP, "somebody"), driven.elapsed_ms)
        driven.shard.timers.set(TimerKey(kind, "other", "somebody"), driven.elapsed_ms)
    driven.shard.groups["other"] = ClassicGroup("other")

    driven.pass_time(0)

    assert driven.log == []
    assert driven.group("other").state_name == "Empty"
