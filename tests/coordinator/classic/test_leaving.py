"""Leaving a classic group, alone or together."""

from __future__ import annotations

import pytest

from pykbroker.coordinator.classic.group import ClassicGroup, ClassicGroupState
from pykbroker.coordinator.commands import LeaveReply, LeftMember
from pykbroker.coordinator.timers import TimerKey, TimerKind
from pykbroker.errors import ErrorCode
from tests.coordinator.classic.groups import (
    GROUP,
    SESSION_MS,
    a_completing_group,
    a_heartbeat,
    a_join,
    a_leave,
    a_partition,
    a_stable_group,
    a_static_group,
    a_sync,
    joining,
    left,
    new_member_id,
    refused,
    state_of,
    stored,
)

NONE, UNKNOWN = ErrorCode.NONE, ErrorCode.UNKNOWN_MEMBER_ID


@pytest.mark.row(87)
def test_the_empty_group_id_is_refused() -> None:
    assert a_partition().refusal(a_leave("a", group_id="")) == ErrorCode.INVALID_GROUP_ID


@pytest.mark.row(100)
def test_an_unknown_group_knows_none_of_them() -> None:
    reply = a_partition().ask(a_leave("a", ("", "instance")))

    assert reply == LeaveReply(
        (LeftMember("a", None, UNKNOWN), LeftMember("", "instance", UNKNOWN))
    )


@pytest.mark.row(100)
def test_strangers_are_refused_each_for_itself() -> None:
    driven = a_partition()
    leader, follower = a_stable_group(driven)

    reply = driven.ask(a_leave("a", follower, follower, "", ("", "instance"), ("a", "instance")))

    assert left(reply) == [UNKNOWN, NONE, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN]
    assert driven.group().members.keys() == {leader}


@pytest.mark.row(100)
def test_strangers_alone_begin_no_rebalance() -> None:
    driven = a_partition()
    a_stable_group(driven)

    driven.ask(a_leave("a", "b"))

    assert state_of(driven) == "Stable"


@pytest.mark.row(100)
@pytest.mark.parametrize("is_stable", [True, False])
def test_when_one_leaves_the_others_rebalance(is_stable: bool) -> None:
    driven = a_partition()
    leader, follower = (a_stable_group if is_stable else a_completing_group)(driven)

    assert left(driven.ask(a_leave(leader))) == [NONE]

    assert state_of(driven) == "PreparingRebalance"
    assert driven.refusal(a_heartbeat(follower)) == ErrorCode.REBALANCE_IN_PROGRESS
    reply = driven.ask(a_join(follower))
    assert (reply.leader, reply.generation_id) == (follower, 2)


@pytest.mark.row(100)
@pytest.mark.parametrize("is_stable", [True, False])
def test_when_all_leave_the_group_is_empty_in_a_generation_of_its_own(is_stable: bool) -> None:
    driven = a_partition()
    members = (a_stable_group if is_stable else a_completing_group)(driven)

    assert left(driven.ask(a_leave(*members))) == [NONE, NONE]

    group = driven.group()
    assert (group.state_name, group.generation_id) == ("Empty", 2)
    assert (group.protocol_type, group.protocol_name, group.leader_id) == ("consumer", None, None)
    value = stored(driven)
    assert value is not None
    assert (value.protocol_type, value.generation, value.protocol) == ("consumer", 2, None)


@pytest.mark.row(100)
def test_who_leaves_while_a_rebalance_waits_for_it_ends_it() -> None:
    driven = a_partition()
    leader, follower = a_stable_group(driven)
    token = driven.send(a_join(leader))

    driven.ask(a_leave(follower))

    assert driven.take(token).generation_id == 2


@pytest.mark.row(100)
def test_a_first_rebalance_goes_on_whoever_leaves() -> None:
    driven = a_partition(group_initial_rebalance_delay_ms=3_000)
    member_id, token = joining(driven)

    assert left(driven.ask(a_leave(member_id))) == [NONE]

    assert refused(driven, token) == (UNKNOWN, "")
    assert (state_of(driven), driven.group().generation_id) == ("PreparingRebalance", 0)
    driven.pass_time(3_000)
    assert (state_of(driven), driven.group().generation_id) == ("Empty", 1)


@pytest.mark.row(100)
def test_an_id_that_nobody_came_with_can_leave() -> None:
    driven = a_partition()
    (leader,) = a_stable_group(driven, 1)
    pending = new_member_id(driven)
    token = driven.send(a_join(leader))
    assert driven.waits(token)

    assert left(driven.ask(a_leave(pending))) == [NONE]

    assert driven.take(token).generation_id == 2
    assert refused(driven, driven.send(a_join(pending))) == (UNKNOWN, pending)


@pytest.mark.row(100)
def test_an_id_that_leaves_a_stable_group_begins_a_rebalance_all_the_same() -> None:
    driven = a_partition()
    a_stable_group(driven)
    pending = new_member_id(driven)

    assert left(driven.ask(a_leave(pending))) == [NONE]

    assert state_of(driven) == "PreparingRebalance"


@pytest.mark.row(100)
def test_an_instance_is_sent_away_without_its_member_id() -> None:
    driven = a_partition()
    first, second = a_static_group(driven, "a", "b")

    reply = driven.ask(a_leave(("", "b")))

    assert reply == LeaveReply((LeftMember("", "b", NONE),))
    assert driven.group().members.keys() == {first}
    assert driven.refusal(a_heartbeat(second)) == UNKNOWN


@pytest.mark.row(93)
def test_an_instance_leaves_under_its_own_member_id_only() -> None:
    driven = a_partition()
    first, second = a_static_group(driven, "a", "b")

    reply = driven.ask(a_leave((first, "b"), (second, "b")))

    assert left(reply) == [ErrorCode.FENCED_INSTANCE_ID, NONE]


def test_what_is_parked_of_who_leaves_is_refused() -> None:
    driven = a_partition()
    leader, follower = a_completing_group(driven)
    syncing = driven.send(a_sync(follower))

    driven.ask(a_leave(follower))

    assert driven.replies.pop(syncing).code == UNKNOWN
    token = driven.send(a_join(leader))
    assert driven.take(token).generation_id == 2


def test_when_all_have_left_nothing_is_waited_for() -> None:
    driven = a_partition()
    leader, second, third = a_completing_group(driven, 3)
    driven.ask(a_sync(leader))
    new_member_id(driven)
    driven.ask(a_leave(second))
    assert state_of(driven) == "PreparingRebalance"

    driven.ask(a_leave(leader, third, *driven.group().pending_joins))

    assert state_of(driven) == "Empty"
    timers = driven.shard.timers
    assert timers.next_due_ms == timers.due_ms(TimerKey(TimerKind.OFFSET_EXPIRATION))


def test_nobody_waits_for_the_session_of_who_left() -> None:
    driven = a_partition()
    leader, follower = a_stable_group(driven)
    driven.ask(a_leave(follower))
    driven.ask(a_join(leader))
    driven.ask(a_sync(leader, 2))
    driven.pass_time(SESSION_MS - 1)
    driven.ask(a_heartbeat(leader, 2))

    driven.pass_time(1)

    assert state_of(driven) == "Stable"


def test_a_dead_group_sends_its_members_to_look_for_the_coordinator() -> None:
    driven = a_partition()
    driven.shard.groups[GROUP] = ClassicGroup(GROUP, ClassicGroupState.DEAD)

    assert driven.refusal(a_leave("somebody")) == ErrorCode.COORDINATOR_NOT_AVAILABLE
