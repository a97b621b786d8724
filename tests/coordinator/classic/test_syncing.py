"""Collecting assignments: the leader's word for all, and who does not ask for it."""

from __future__ import annotations

from typing import Any

import pytest

from pykbroker.coordinator.classic.group import ClassicGroup, ClassicGroupState
from pykbroker.coordinator.commands import SyncReply
from pykbroker.coordinator.effects import NOTHING
from pykbroker.coordinator.records import StoredMember
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
    a_subscription,
    a_sync,
    joining,
    keep_alive,
    new_member_id,
    state_of,
    stored,
)
from tests.coordinator.driven import Driven


@pytest.mark.row(87)
def test_the_empty_group_id_is_refused() -> None:
    assert a_partition().refusal(a_sync("a", group_id="")) == ErrorCode.INVALID_GROUP_ID


@pytest.mark.row(96)
def test_an_unknown_group_and_one_without_members_know_no_member() -> None:
    driven = a_partition()

    assert driven.refusal(a_sync("somebody")) == ErrorCode.UNKNOWN_MEMBER_ID
    pending = new_member_id(driven)
    assert driven.refusal(a_sync(pending, 0)) == ErrorCode.UNKNOWN_MEMBER_ID


@pytest.mark.row(96)
@pytest.mark.parametrize("generation_id", [-1, 0, 2])
def test_another_generation_is_refused(generation_id: int) -> None:
    driven = a_partition()
    leader, follower = a_completing_group(driven)

    assert driven.refusal(a_sync(leader, generation_id)) == ErrorCode.ILLEGAL_GENERATION
    assert driven.refusal(a_sync(follower, generation_id)) == ErrorCode.ILLEGAL_GENERATION
    assert state_of(driven) == "CompletingRebalance"


@pytest.mark.row(96)
@pytest.mark.parametrize(
    "fields", [{"protocol_type": "connect"}, {"protocol_name": "sticky"}, {"protocol_name": ""}]
)
def test_another_protocol_than_the_generations_is_refused(fields: dict[str, Any]) -> None:
    driven = a_partition()
    leader, _ = a_completing_group(driven)

    refusal = driven.refusal(a_sync(leader, 1, **fields))

    assert refusal == ErrorCode.INCONSISTENT_GROUP_PROTOCOL


@pytest.mark.row(96)
def test_who_was_told_another_protocol_before_a_rebalance_is_called_to_it() -> None:
    driven = a_partition()
    leader, _ = a_stable_group(driven)
    driven.send(a_join(leader))

    refusal = driven.refusal(a_sync(leader, 1, protocol_name="sticky"))

    assert refusal == ErrorCode.REBALANCE_IN_PROGRESS


@pytest.mark.row(96)
def test_who_knows_no_protocol_names_is_not_asked_for_them() -> None:
    driven = a_partition()
    leader, _ = a_completing_group(driven)

    reply = driven.ask(a_sync(leader, protocol_type=None, protocol_name=None))

    assert reply == SyncReply("consumer", "range", b"")


@pytest.mark.row(96)
def test_a_generation_that_is_over_calls_to_join_again() -> None:
    driven = a_partition()
    leader, follower = a_stable_group(driven)
    driven.send(a_join(leader))

    assert driven.refusal(a_sync(follower)) == ErrorCode.REBALANCE_IN_PROGRESS
    assert driven.refusal(a_sync(follower, 2)) == ErrorCode.ILLEGAL_GENERATION


@pytest.mark.row(96)
def test_an_unknown_member_is_refused_before_its_generation_is() -> None:
    driven = a_partition()
    a_stable_group(driven)

    assert driven.refusal(a_sync("somebody", 7)) == ErrorCode.UNKNOWN_MEMBER_ID


@pytest.mark.row(96)
def test_a_dead_group_sends_its_members_to_look_for_the_coordinator() -> None:
    driven = a_partition()
    driven.shard.groups[GROUP] = ClassicGroup(GROUP, ClassicGroupState.DEAD)

    assert driven.refusal(a_sync("somebody")) == ErrorCode.COORDINATOR_NOT_AVAILABLE


def test_followers_wait_for_the_leader_and_all_are_told_their_shares() -> None:
    driven = a_partition()
    leader, early, late = a_completing_group(driven, 3)
    waiting = driven.send(a_sync(early))
    assert driven.waits(waiting)

    reply = driven.ask(a_sync(leader, 1, {leader: b"1", early: b"2", late: b"3"}))

    assert reply == SyncReply("consumer", "range", b"1")
    assert driven.take(waiting) == SyncReply("consumer", "range", b"2")
    syncs = TimerKey(TimerKind.CLASSIC_SYNC, GROUP)
    assert driven.shard.timers.due_ms(syncs) is not None
    assert driven.ask(a_sync(late)) == SyncReply("consumer", "range", b"3")
    assert driven.shard.timers.due_ms(syncs) is None
    assert state_of(driven) == "Stable"


def test_the_assignments_are_remembered_with_their_generation() -> None:
    driven = a_partition()
    leader, follower = a_completing_group(driven)

    driven.ask(a_sync(leader, 1, {leader: b"1", follower: b"2"}))

    value = stored(driven)
    assert value is not None
    assert (value.protocol_type, value.generation, value.protocol, value.leader) == (
        "consumer",
        1,
        "range",
        leader,
    )
    shares = {leader: b"1", follower: b"2"}
    assert value.members == tuple(
        StoredMember(
            member_id=member_id,
            group_instance_id=None,
            client_id="client",
            client_host="/127.0.0.1",
            rebalance_timeout_ms=REBALANCE_MS,
            session_timeout_ms=SESSION_MS,
            subscription=b"metadata",
            assignment=shares[member_id],
        )
        for member_id in driven.group().members
    )


@pytest.mark.row(97)
def test_members_that_the_leader_does_not_name_are_assigned_nothing() -> None:
    driven = a_partition()
    leader, follower = a_completing_group(driven)

    driven.ask(a_sync(leader, 1, {leader: b"1", "somebody else": b"2"}))

    assert driven.ask(a_sync(follower)) == SyncReply("consumer", "range", b"")
    value = stored(driven)
    assert value is not None
    assert {each.member_id: each.assignment for each in value.members} == {
        leader: b"1",
        follower: b"",
    }


@pytest.mark.row(97)
def test_of_two_shares_for_a_member_the_last_one_counts() -> None:
    driven = a_partition()
    leader, _ = a_completing_group(driven)

    reply = driven.ask(a_sync(leader, assignments=((leader, b"1"), (leader, b"2"))))

    assert reply.assignment == b"2"


def test_what_a_follower_assigns_is_ignored() -> None:
    driven = a_partition()
    leader, follower = a_completing_group(driven)
    token = driven.send(a_sync(follower, 1, {follower: b"all"}))

    driven.ask(a_sync(leader, 1, {follower: b"little"}))

    assert driven.take(token).assignment == b"little"


def test_a_leader_that_assigns_twice_changes_nothing() -> None:
    driven = a_partition()
    leader, _ = a_stable_group(driven)
    records = len(driven.log)

    reply = driven.ask(a_sync(leader, 1, {leader: b"more"}))

    assert reply.assignment == leader.encode()
    assert len(driven.log) == records


def test_of_two_requests_of_a_member_the_later_one_is_answered() -> None:
    driven = a_partition()
    leader, follower = a_completing_group(driven)
    first = driven.send(a_sync(follower))

    second = driven.send(a_sync(follower))

    driven.ask(a_sync(leader, 1, {follower: b"share"}))
    assert driven.take(second).assignment == b"share"
    assert driven.waits(first)


@pytest.mark.row(98)
def test_members_that_never_sync_go_and_the_others_rebalance() -> None:
    driven = a_partition()
    leader, present, absent = a_completing_group(driven, 3)
    driven.ask(a_sync(leader))
    driven.ask(a_sync(present))

    keep_alive(driven, [leader, present, absent], REBALANCE_MS - 1)
    assert state_of(driven) == "Stable"
    driven.pass_time(1)

    assert state_of(driven) == "PreparingRebalance"
    assert driven.refusal(a_heartbeat(absent)) == ErrorCode.UNKNOWN_MEMBER_ID
    assert driven.refusal(a_heartbeat(present)) == ErrorCode.REBALANCE_IN_PROGRESS


@pytest.mark.row(98)
def test_a_leader_that_never_assigns_goes_and_those_who_wait_join_again() -> None:
    driven = a_partition()
    leader, follower = a_completing_group(driven)
    token = driven.send(a_sync(follower))

    keep_alive(driven, [leader], REBALANCE_MS)

    assert driven.replies.pop(token).code == ErrorCode.REBALANCE_IN_PROGRESS
    assert driven.group().members.keys() == {follower}
    assert driven.ask(a_join(follower)).leader == follower


@pytest.mark.row(98)
def test_when_nobody_syncs_the_group_is_empty() -> None:
    driven = a_partition()
    members = a_completing_group(driven, 2)

    keep_alive(driven, members, REBALANCE_MS)

    assert (state_of(driven), driven.group().generation_id) == ("Empty", 2)
    value = stored(driven)
    assert value is not None
    assert (value.generation, value.members) == (2, ())


@pytest.mark.row(98)
def test_who_left_need_not_sync() -> None:
    driven = a_partition()
    leader, follower = a_completing_group(driven)
    driven.ask(a_leave(follower))
    reply = driven.ask(a_join(leader))
    driven.ask(a_sync(leader, reply.generation_id))

    keep_alive(driven, [leader], 2 * REBALANCE_MS, reply.generation_id)

    assert state_of(driven) == "Stable"


@pytest.mark.row(98)
def test_a_rebalance_gives_everybody_the_whole_time_to_sync_again() -> None:
    driven = a_partition()
    leader, follower = a_completing_group(driven)
    driven.ask(a_sync(leader))
    keep_alive(driven, [leader, follower], REBALANCE_MS // 2)
    tokens = [driven.send(a_join(leader)), driven.send(a_join(follower))]
    assert driven.take(tokens[0]).generation_id == 2
    driven.ask(a_sync(leader, 2))

    keep_alive(driven, [leader, follower], REBALANCE_MS - 1, 2)

    assert state_of(driven) == "Stable"
    driven.pass_time(1)
    assert state_of(driven) == "PreparingRebalance"


def test_the_session_begins_anew_with_the_assignment() -> None:
    driven = a_partition()
    leader, follower = a_completing_group(driven)
    driven.send(a_sync(follower))
    keep_alive(driven, [leader], 3 * SESSION_MS)

    driven.ask(a_sync(leader))

    driven.pass_time(SESSION_MS - 1)
    assert driven.ask(a_heartbeat(follower))


def test_assignments_that_the_log_cannot_take_begin_another_rebalance() -> None:
    driven = a_partition()
    leader, follower = a_completing_group(driven)
    driven.send(a_sync(follower))

    effects = driven.machine.step(a_sync(leader), "token", driven.now)
    assert len(effects.replies) == 2
    assert effects.otherwise is not None
    assert effects.otherwise() == NOTHING

    assert state_of(driven) == "PreparingRebalance"
    assert driven.ask(a_leave(leader))
    assert driven.ask(a_join(follower)).generation_id == 2


def a_completing_group_reading(driven: Driven, topic: str) -> None:
    _, token = joining(driven, protocols=(("range", a_subscription(topic)),))
    driven.pass_time(0)
    driven.take(token)


def test_topics_count_as_read_as_soon_as_the_generation_begins() -> None:
    driven = a_partition()
    for topic in ("one", "two"):
        members = driven.group().members if driven.shard.groups else ()
        driven.ask(a_leave(*members))
        a_completing_group_reading(driven, topic)

        group = driven.group()
        assert [group.is_subscribed_to(name) for name in ("one", "two")] == [
            topic == "one",
            topic == "two",
        ]


def test_a_newcomer_waits_while_the_others_sync() -> None:
    driven = a_partition()
    leader, follower = a_stable_group(driven)

    _, token = joining(driven)

    assert driven.waits(token)
    assert driven.refusal(a_sync(leader)) == ErrorCode.REBALANCE_IN_PROGRESS
    assert driven.group().members[follower].assignment == follower.encode()
