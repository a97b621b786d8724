"""Rebalances of classic groups: how long they last, and who is in the next generation."""

from __future__ import annotations

from typing import Any

import pytest

from pykbroker.coordinator.classic.rebalancing import prepare_rebalance
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
    a_static_group,
    a_sync,
    joining,
    keep_alive,
    new_member_id,
    refused,
    state_of,
    stored,
    synced,
)
from tests.coordinator.driven import Driven


@pytest.mark.row(94)
def test_the_first_member_waits_for_the_initial_delay() -> None:
    driven = a_partition(group_initial_rebalance_delay_ms=3_000)
    _, token = joining(driven)

    driven.pass_time(2_999)
    assert driven.waits(token)
    driven.pass_time(1)

    assert driven.take(token).generation_id == 1


@pytest.mark.row(94)
def test_each_new_member_lets_the_others_wait_once_more() -> None:
    driven = a_partition(group_initial_rebalance_delay_ms=3_000)
    _, first = joining(driven)
    driven.pass_time(1_000)
    _, second = joining(driven)

    driven.pass_time(2_000 + 2_999)
    assert driven.waits(first), driven.waits(second)
    driven.pass_time(1)

    assert {len(driven.take(first).members), len(driven.take(second).members)} == {2, 0}


@pytest.mark.row(94)
@pytest.mark.parametrize("rebalance_timeout_ms", [5_000, 6_000, 7_000, 60_000])
def test_however_many_come_the_first_rebalance_is_over_with_the_rebalance_timeout(
    rebalance_timeout_ms: int,
) -> None:
    driven = a_partition(group_initial_rebalance_delay_ms=3_000)
    _, token = joining(driven, rebalance_timeout_ms=rebalance_timeout_ms)
    began_ms = driven.elapsed_ms

    while driven.waits(token):
        joining(driven, rebalance_timeout_ms=rebalance_timeout_ms)
        driven.pass_time(500)

    assert driven.elapsed_ms - began_ms <= rebalance_timeout_ms
    assert driven.elapsed_ms - began_ms >= rebalance_timeout_ms // 3_000 * 3_000


@pytest.mark.row(94)
def test_a_rebalance_timeout_below_the_initial_delay_does_not_shorten_it() -> None:
    driven = a_partition(group_initial_rebalance_delay_ms=3_000)
    _, token = joining(driven, rebalance_timeout_ms=1_000)
    joining(driven, rebalance_timeout_ms=1_000)

    driven.pass_time(2_999)
    assert driven.waits(token)
    driven.pass_time(1)

    assert not driven.waits(token)


@pytest.mark.row(94)
def test_a_member_that_asks_again_does_not_prolong_the_first_rebalance() -> None:
    driven = a_partition(group_initial_rebalance_delay_ms=3_000)
    member_id, _ = joining(driven)
    driven.pass_time(1_000)
    token = driven.send(a_join(member_id))

    driven.pass_time(2_000)

    assert driven.take(token).generation_id == 1


def test_later_rebalances_wait_for_nobody_new() -> None:
    driven = a_partition(group_initial_rebalance_delay_ms=3_000)
    _, token = joining(driven)
    driven.pass_time(3_000)
    leader = driven.take(token).member_id
    driven.ask(a_sync(leader))

    _, newcomer = joining(driven)
    again = driven.send(a_join(leader))

    assert driven.take(again).generation_id == driven.take(newcomer).generation_id == 2


@pytest.mark.row(94)
def test_a_group_that_became_empty_waits_for_the_initial_delay_again() -> None:
    driven = a_partition(group_initial_rebalance_delay_ms=3_000)
    _, first = joining(driven)
    driven.pass_time(3_000)
    driven.ask(a_leave(driven.take(first).member_id))
    _, token = joining(driven)

    driven.pass_time(2_999)
    assert driven.waits(token)
    driven.pass_time(1)

    assert driven.take(token).generation_id == 3


def test_members_that_do_not_join_again_within_the_rebalance_timeout_go() -> None:
    driven = a_partition()
    leader, present, absent = a_stable_group(driven, 3)
    tokens = [driven.send(a_join(leader)), driven.send(a_join(present))]

    keep_alive(driven, [absent], REBALANCE_MS - 1)
    assert driven.waits(tokens[0])
    driven.pass_time(1)

    assert {each.member_id for each in driven.take(tokens[0]).members} == {leader, present}
    assert driven.take(tokens[1]).leader == leader
    assert driven.refusal(a_heartbeat(absent, 2)) == ErrorCode.UNKNOWN_MEMBER_ID


def test_the_slowest_member_decides_how_long_a_rebalance_lasts() -> None:
    driven = a_partition()
    came = [joining(driven, rebalance_timeout_ms=ms) for ms in (20_000, 30_000, 10_000)]
    driven.pass_time(0)
    replies = [driven.take(token) for _, token in came]
    leader = replies[0].leader
    driven.ask(a_sync(leader))
    others = [member_id for member_id, _ in came if member_id != leader]
    for member_id in others:
        driven.ask(a_sync(member_id))
    rebalance_ms = {20_000, 30_000, 10_000}
    token = driven.send(a_join(leader, rebalance_timeout_ms=20_000))

    keep_alive(driven, others, max(rebalance_ms) - 1)
    assert driven.waits(token)
    driven.pass_time(1)

    assert driven.take(token).generation_id == 2


def test_a_member_that_joins_again_may_ask_for_more_time() -> None:
    driven = a_partition()
    leader, follower = a_stable_group(driven)
    token = driven.send(a_join(leader, rebalance_timeout_ms=2 * REBALANCE_MS))
    driven.send(a_join(follower))
    driven.take(token)
    synced(driven, [leader, follower], 2)
    token = driven.send(a_join(follower, protocols=(("range", b"other"),)))

    keep_alive(driven, [leader], 2 * REBALANCE_MS - 1, 2)
    assert driven.waits(token)
    driven.pass_time(1)

    assert driven.take(token).generation_id == 3


def test_a_rebalance_still_waits_for_the_others_when_one_that_had_joined_leaves() -> None:
    driven = a_partition()
    leader, second, third = a_stable_group(driven, 3)
    token = driven.send(a_join(leader))
    waiting = driven.send(a_join(second))

    driven.ask(a_leave(leader))
    assert refused(driven, token) == (ErrorCode.UNKNOWN_MEMBER_ID, "")
    assert driven.waits(waiting)

    driven.send(a_join(third))
    assert driven.take(waiting).generation_id == 2


def test_another_member_leads_when_the_leader_does_not_join_again() -> None:
    driven = a_partition()
    leader, follower = a_stable_group(driven)
    token = driven.send(a_join(follower, protocols=(("range", b"other"),)))

    keep_alive(driven, [leader], REBALANCE_MS)

    reply = driven.take(token)
    assert (reply.leader, reply.generation_id) == (follower, 2)
    assert [each.member_id for each in reply.members] == [follower]


def test_a_rebalance_ends_at_once_when_the_last_one_joins() -> None:
    driven = a_partition()
    leader, follower = a_stable_group(driven)
    token = driven.send(a_join(leader))

    driven.send(a_join(follower))

    assert driven.take(token).generation_id == 2
    assert state_of(driven) == "CompletingRebalance"


def test_a_rebalance_waits_for_who_was_told_its_id() -> None:
    driven = a_partition()
    (leader,) = a_stable_group(driven, 1)
    new_member_id(driven)

    token = driven.send(a_join(leader))

    assert driven.waits(token)
    driven.pass_time(SESSION_MS)
    assert driven.take(token).generation_id == 2


def a_loaded_static_group(driven: Driven, **fields: Any) -> list[str]:
    """Let a restarted coordinator find a group of two static members that is to rebalance."""
    members = a_static_group(driven, "a", "b", **fields)
    tokens = [driven.send(a_join(member_id, **fields)) for member_id in members]
    driven.take(tokens[0])
    synced(driven, members, 2)
    driven.properties["group.max.size"] = "1"
    driven.restart()
    assert state_of(driven) == "PreparingRebalance"
    return members


def test_a_rebalance_to_which_nobody_came_is_put_off_by_the_rebalance_timeout() -> None:
    driven = a_partition()
    times = {"session_timeout_ms": 25_000, "rebalance_timeout_ms": 2_000}
    first, second = a_loaded_static_group(driven, **times)

    driven.pass_time(3_000)
    token = driven.send(a_join(second, **times))
    driven.pass_time(999)
    assert driven.waits(token)
    driven.pass_time(1)

    reply = driven.take(token)
    assert (reply.leader, reply.generation_id) == (second, 3)
    assert [each.member_id for each in reply.members] == [first, second]


def test_a_rebalance_to_which_nobody_came_is_not_tried_all_the_time() -> None:
    driven = a_partition()
    a_static_group(driven, "a", "b")
    for member in driven.group().members.values():
        member.rebalance_timeout_ms = 0
    key = TimerKey(TimerKind.CLASSIC_REBALANCE, GROUP)
    prepare_rebalance(driven.shard, driven.group(), driven.now)

    driven.pass_time(0)

    due_ms = driven.shard.timers.due_ms(key)
    assert due_ms == driven.elapsed_ms + 100


def test_a_new_member_that_waits_too_long_for_its_first_generation_goes() -> None:
    driven = a_partition()
    (leader,) = a_stable_group(driven, 1, rebalance_timeout_ms=400_000)
    member_id, token = joining(driven)

    keep_alive(driven, [leader], 299_999)
    assert driven.waits(token)
    driven.pass_time(1)

    assert refused(driven, token) == (ErrorCode.UNKNOWN_MEMBER_ID, "")
    assert member_id not in driven.group().members


def test_a_member_that_waits_for_the_next_generation_needs_no_heartbeats() -> None:
    driven = a_partition()
    leader, follower = a_stable_group(driven)
    token = driven.send(a_join(leader))

    keep_alive(driven, [follower], 5 * SESSION_MS)
    driven.send(a_join(follower))

    assert driven.take(token).generation_id == 2
    driven.pass_time(SESSION_MS - 1)
    assert driven.ask(a_heartbeat(leader, 2))


def test_a_generation_that_nobody_is_in_is_remembered_as_empty() -> None:
    driven = a_partition()
    (leader,) = a_stable_group(driven, 1)
    driven.pass_time(5_000)

    driven.ask(a_leave(leader))

    value = stored(driven)
    assert value is not None
    assert (value.protocol_type, value.generation, value.protocol, value.leader, value.members) == (
        "consumer",
        2,
        None,
        None,
        (),
    )
    assert value.state_timestamp_ms == driven.wall_ms


def test_members_of_a_completing_generation_are_called_back_by_a_newcomer() -> None:
    driven = a_partition()
    leader, follower = a_completing_group(driven)
    parked = driven.send(a_sync(follower))

    joining(driven)

    assert driven.replies.pop(parked).code == ErrorCode.REBALANCE_IN_PROGRESS
    assert driven.refusal(a_sync(leader)) == ErrorCode.REBALANCE_IN_PROGRESS
    assert driven.refusal(a_heartbeat(follower)) == ErrorCode.REBALANCE_IN_PROGRESS


def test_who_is_called_back_from_waiting_for_its_assignment_has_a_session_again() -> None:
    driven = a_partition()
    leader, follower = a_completing_group(driven)
    driven.send(a_sync(follower))
    keep_alive(driven, [leader], 3 * SESSION_MS)
    joining(driven)

    driven.pass_time(SESSION_MS - 1)
    assert driven.group().members.keys() >= {follower}
    driven.pass_time(1)

    assert follower not in driven.group().members


def test_who_is_called_back_has_no_assignment() -> None:
    driven = a_partition()
    leader, follower = a_stable_group(driven)
    token = driven.send(a_join(leader))
    driven.send(a_join(follower))
    driven.take(token)
    assert driven.group().members[follower].assignment == follower.encode()

    driven.send(a_join(leader, protocols=(("range", b"other"),)))

    assert driven.group().members[follower].assignment == b""
