"""Signs of life of the members of classic groups."""

from __future__ import annotations

import pytest

from pykbroker.coordinator.classic.group import ClassicGroup, ClassicGroupState
from pykbroker.coordinator.classic.heartbeats import touch
from pykbroker.coordinator.commands import DONE
from pykbroker.errors import ErrorCode
from tests.coordinator.classic.groups import (
    GROUP,
    SESSION_MS,
    a_completing_group,
    a_heartbeat,
    a_join,
    a_partition,
    a_stable_group,
    keep_alive,
    new_member_id,
    state_of,
)


@pytest.mark.row(87)
def test_the_empty_group_id_is_refused() -> None:
    assert a_partition().refusal(a_heartbeat("a", group_id="")) == ErrorCode.INVALID_GROUP_ID


@pytest.mark.row(99)
def test_an_unknown_group_an_empty_one_and_a_stranger_are_unknown() -> None:
    driven = a_partition()

    assert driven.refusal(a_heartbeat("somebody")) == ErrorCode.UNKNOWN_MEMBER_ID
    pending = new_member_id(driven)
    assert driven.refusal(a_heartbeat(pending, 0)) == ErrorCode.UNKNOWN_MEMBER_ID
    a_stable_group(driven, 1)
    assert driven.refusal(a_heartbeat("somebody")) == ErrorCode.UNKNOWN_MEMBER_ID


@pytest.mark.row(99)
@pytest.mark.parametrize("generation_id", [-1, 0, 2])
def test_another_generation_is_refused(generation_id: int) -> None:
    driven = a_partition()
    leader, _ = a_stable_group(driven)

    refusal = driven.refusal(a_heartbeat(leader, generation_id))

    assert refusal == ErrorCode.ILLEGAL_GENERATION


@pytest.mark.row(99)
def test_members_of_a_generation_that_begins_or_is_stable_are_fine() -> None:
    driven = a_partition()
    leader, follower = a_completing_group(driven)
    assert driven.ask(a_heartbeat(follower)) is DONE

    assert driven.ask(a_heartbeat(leader)) is DONE
    assert state_of(driven) == "CompletingRebalance"


@pytest.mark.row(99)
def test_a_rebalance_calls_members_and_keeps_them() -> None:
    driven = a_partition()
    leader, follower = a_stable_group(driven)
    driven.send(a_join(leader))

    for _ in range(3):
        driven.pass_time(SESSION_MS - 1)
        assert driven.refusal(a_heartbeat(follower)) == ErrorCode.REBALANCE_IN_PROGRESS

    assert follower in driven.group().members


@pytest.mark.row(99)
def test_a_dead_group_sends_its_members_to_look_for_the_coordinator() -> None:
    driven = a_partition()
    driven.shard.groups[GROUP] = ClassicGroup(GROUP, ClassicGroupState.DEAD)

    assert driven.refusal(a_heartbeat("somebody")) == ErrorCode.COORDINATOR_NOT_AVAILABLE


def test_a_silent_member_goes_after_its_session_timeout_and_the_others_rebalance() -> None:
    driven = a_partition()
    leader, silent = a_stable_group(driven)
    driven.pass_time(SESSION_MS - 1)
    driven.ask(a_heartbeat(leader))
    assert state_of(driven) == "Stable"

    driven.pass_time(1)

    assert state_of(driven) == "PreparingRebalance"
    assert driven.refusal(a_heartbeat(silent)) == ErrorCode.UNKNOWN_MEMBER_ID
    assert driven.ask(a_join(leader)).generation_id == 2


def test_when_the_last_member_falls_silent_the_group_is_empty() -> None:
    driven = a_partition()
    a_stable_group(driven, 2)

    driven.pass_time(SESSION_MS)

    assert (state_of(driven), driven.group().generation_id) == ("Empty", 2)


def test_a_silent_member_ends_the_rebalance_that_waited_for_it() -> None:
    driven = a_partition()
    leader, _ = a_stable_group(driven)
    token = driven.send(a_join(leader))

    driven.pass_time(SESSION_MS)

    reply = driven.take(token)
    assert (reply.generation_id, len(reply.members)) == (2, 1)


def test_each_member_has_its_own_session_timeout() -> None:
    driven = a_partition()
    tokens = [
        driven.send(a_join(knows_member_id_required=False, session_timeout_ms=ms))
        for ms in (20_000, 30_000)
    ]
    driven.pass_time(0)
    short, long = (driven.take(token).member_id for token in tokens)

    driven.pass_time(20_000)

    assert driven.group().members.keys() == {long}
    assert driven.refusal(a_heartbeat(short)) == ErrorCode.UNKNOWN_MEMBER_ID


def test_a_commit_is_a_sign_of_life() -> None:
    driven = a_partition()
    leader, follower = a_stable_group(driven)
    driven.pass_time(SESSION_MS - 1)

    for member_id in (leader, follower, "somebody"):
        touch(driven.shard, driven.group(), member_id, driven.now)

    driven.pass_time(SESSION_MS - 1)
    assert state_of(driven) == "Stable"
    driven.pass_time(1)
    assert state_of(driven) == "Empty"


def test_a_commit_before_the_leader_has_assigned_is_no_sign_of_life() -> None:
    driven = a_partition()
    leader, _ = a_completing_group(driven)
    driven.pass_time(SESSION_MS - 1)

    touch(driven.shard, driven.group(), leader, driven.now)

    driven.pass_time(1)
    assert leader not in driven.group().members


def test_after_a_restart_every_member_has_its_whole_session_timeout() -> None:
    driven = a_partition()
    leader, follower = a_stable_group(driven)
    driven.pass_time(SESSION_MS - 1)

    driven.restart()

    driven.pass_time(SESSION_MS - 1)
    assert driven.ask(a_heartbeat(leader)) is DONE
    driven.pass_time(1)
    assert driven.group().members.keys() == {leader}
    keep_alive(driven, [leader], SESSION_MS)
    assert follower not in driven.group().members
