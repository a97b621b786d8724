"""Members of the classic protocol in a consumer group: assignments and signs of life."""

from __future__ import annotations

from typing import Any

import pytest

from pykbroker.coordinator.commands import (
    HeartbeatCommand,
    SyncCommand,
    SyncReply,
)
from pykbroker.coordinator.timers import TimerKey, TimerKind
from pykbroker.errors import ErrorCode
from tests.coordinator.consumer.mixed_groups import (
    GROUP,
    REBALANCE_MS,
    SESSION_MS,
    a_broker,
    a_consumer,
    a_heartbeat,
    a_join,
    a_leave,
    a_mixed_group,
    a_newcomer,
    a_sync,
    beat,
    consumed,
    joined,
    keep_alive,
    metadata,
    share,
    synced,
)
from tests.coordinator.driven import a_topic

# -- assignments -------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [0, 1, 2, 3])
def test_an_assignment_has_the_version_of_the_members_metadata(version: int) -> None:
    driven = a_broker()
    consumed(driven, "consumer", subscribed="x")
    reply = joined(driven, protocols=(("range", metadata(version=version)),))

    told = driven.ask(a_sync(reply.member_id, reply.generation_id))

    assert told == SyncReply("consumer", "range", share("a0 a1 a2 a3", version=version))


def test_who_does_not_name_a_protocol_is_told_none() -> None:
    driven, reply = a_mixed_group()
    command = a_sync(reply.member_id, 3, protocol_type=None, protocol_name=None)

    assert driven.ask(command) == SyncReply(None, None, share("a0 a1 a2 a3"))


def test_who_was_told_another_of_its_protocols_by_a_classic_group_is_not_refused() -> None:
    driven = a_broker()
    both = (("sticky", metadata()), ("range", metadata()))
    consumed(driven, "consumer", subscribed="x")
    reply = joined(driven, protocols=both)

    told = driven.ask(a_sync(reply.member_id, reply.generation_id, protocol_name="range"))

    assert told == SyncReply("consumer", "range", share("a0 a1 a2 a3"))


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"member_id": "other"}, ErrorCode.UNKNOWN_MEMBER_ID),
        ({"member_id": "consumer", "generation_id": 2}, ErrorCode.UNKNOWN_MEMBER_ID),
        ({"group_instance_id": "j"}, ErrorCode.UNKNOWN_MEMBER_ID),
        ({"member_id": "other", "group_instance_id": "i"}, ErrorCode.FENCED_INSTANCE_ID),
        ({"generation_id": 2}, ErrorCode.ILLEGAL_GENERATION),
        ({"generation_id": 4}, ErrorCode.ILLEGAL_GENERATION),
        ({"protocol_type": "connect"}, ErrorCode.INCONSISTENT_GROUP_PROTOCOL),
        ({"protocol_name": "sticky"}, ErrorCode.INCONSISTENT_GROUP_PROTOCOL),
    ],
)
def test_no_assignment_is_told_to_others(fields: dict[str, Any], code: ErrorCode) -> None:
    driven, reply = a_mixed_group(group_instance_id="i")
    command: SyncCommand = a_sync(reply.member_id, 3, group_instance_id="i")
    driven.ask(command)
    changed = {"group_instance_id": None} | fields if "member_id" in fields else fields

    assert driven.refusal(command._replace(**changed)) is code


def test_an_assignment_that_is_old_is_not_told_but_calls_to_join() -> None:
    driven, reply = a_mixed_group()
    a_newcomer(driven)

    refusal = driven.refusal(a_sync(reply.member_id, reply.generation_id))

    assert refusal is ErrorCode.REBALANCE_IN_PROGRESS
    deadline = TimerKey(TimerKind.CONSUMER_CLASSIC_JOIN, GROUP, reply.member_id)
    assert driven.shard.timers.due_ms(deadline) == driven.elapsed_ms + REBALANCE_MS
    assert driven.ask(a_join(reply.member_id)).generation_id == reply.generation_id + 1
    assert driven.shard.timers.due_ms(deadline) is None


def test_who_is_to_give_up_partitions_is_told_what_it_may_keep() -> None:
    driven, reply = a_mixed_group()
    a_newcomer(driven)

    kept = joined(driven, reply.member_id, "a", "a0 a1 a2 a3")

    assert kept.generation_id == reply.generation_id < driven.group().assignment_epoch
    assert len(synced(driven, kept).split()) == 2


# -- signs of life -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"member_id": "other"}, ErrorCode.UNKNOWN_MEMBER_ID),
        ({"member_id": "consumer", "generation_id": 2}, ErrorCode.UNKNOWN_MEMBER_ID),
        ({"group_instance_id": "j"}, ErrorCode.UNKNOWN_MEMBER_ID),
        ({"member_id": "other", "group_instance_id": "i"}, ErrorCode.FENCED_INSTANCE_ID),
        ({"generation_id": 2}, ErrorCode.ILLEGAL_GENERATION),
        ({"generation_id": 4}, ErrorCode.ILLEGAL_GENERATION),
    ],
)
def test_nobody_else_lives_by_a_heartbeat(fields: dict[str, Any], code: ErrorCode) -> None:
    driven, reply = a_mixed_group(group_instance_id="i")
    command: HeartbeatCommand = a_heartbeat(reply.member_id, 3, "i")
    driven.ask(command)
    driven.pass_time(SESSION_MS - 1)
    changed = {"group_instance_id": None} | fields if "member_id" in fields else fields

    assert driven.refusal(command._replace(**changed)) is code
    driven.pass_time(1)
    assert reply.member_id not in driven.group().members


def test_a_session_lasts_from_the_last_sign_of_life() -> None:
    driven, reply = a_mixed_group()
    for _ in range(2):
        driven.pass_time(SESSION_MS - 1)
        assert beat(driven, reply.member_id, 3) is ErrorCode.NONE
    driven.pass_time(SESSION_MS - 1)
    synced(driven, reply)
    driven.pass_time(SESSION_MS - 1)
    assert reply.member_id in driven.group().members

    driven.pass_time(1)

    assert driven.group().members.keys() == {"consumer"}
    assert beat(driven, reply.member_id, 3) is ErrorCode.UNKNOWN_MEMBER_ID


def test_who_joins_and_is_silent_then_is_gone_after_its_session() -> None:
    driven, _ = a_mixed_group()
    two = a_newcomer(driven, session_timeout_ms=7_000)

    driven.pass_time(6_999)
    assert two.member_id in driven.group().members
    driven.pass_time(1)

    assert two.member_id not in driven.group().members


def test_a_heartbeat_that_calls_to_join_lets_the_session_last_too() -> None:
    driven, reply = a_mixed_group()
    a_newcomer(driven)
    for _ in range(3):
        driven.pass_time(SESSION_MS - 1)
        assert beat(driven, reply.member_id, 3) is ErrorCode.REBALANCE_IN_PROGRESS

    assert reply.member_id in driven.group().members


def test_who_has_to_give_up_what_it_unsubscribed_is_called_though_no_target_is_newer() -> None:
    driven, reply = a_mixed_group()
    driven.overrides[GROUP] = {"consumer.assignment.interval.ms": "5000"}
    again = joined(driven, reply.member_id, "b", "a0 a1 a2 a3")
    assert again.generation_id == reply.generation_id == driven.group().assignment_epoch

    heard = [beat(driven, again.member_id, again.generation_id)]
    joined(driven, reply.member_id, "b")
    heard.append(beat(driven, again.member_id, again.generation_id))

    assert heard == [ErrorCode.REBALANCE_IN_PROGRESS, ErrorCode.NONE]


def test_who_waits_for_others_is_called_when_they_are_through() -> None:
    driven, one = a_mixed_group()
    two = a_newcomer(driven)
    assert synced(driven, two) == ""
    assert beat(driven, two.member_id, two.generation_id) is ErrorCode.NONE

    joined(driven, one.member_id)

    assert beat(driven, two.member_id, two.generation_id) is ErrorCode.REBALANCE_IN_PROGRESS
    again = joined(driven, two.member_id)
    assert again.generation_id == two.generation_id
    assert len(synced(driven, again).split()) == 2
    assert beat(driven, two.member_id, two.generation_id) is ErrorCode.NONE


def test_who_waits_for_two_is_called_when_both_are_through() -> None:
    driven = a_broker(a_topic("a", 6))
    consumed(driven, "consumer", subscribed="x")
    joined(driven, "one")
    joined(driven, "two")
    joined(driven, "one")
    assert len(synced(driven, joined(driven, "two")).split()) == 3
    three = a_newcomer(driven)
    heard = []

    for each in ("one", "two"):
        heard.append(beat(driven, three.member_id, three.generation_id))
        joined(driven, each)
    heard.append(beat(driven, three.member_id, three.generation_id))

    assert heard == [ErrorCode.NONE, ErrorCode.NONE, ErrorCode.REBALANCE_IN_PROGRESS]
    assert len(synced(driven, joined(driven, three.member_id)).split()) == 2


# -- deadlines ---------------------------------------------------------------------------------


def test_classic_members_among_themselves_are_called_to_compute_what_consumers_would() -> None:
    driven = a_broker(group_consumer_migration_policy="upgrade")
    consumed(driven, "consumer", subscribed="x")
    one = joined(driven)
    assert synced(driven, one) == "a0 a1 a2 a3"
    two = joined(driven)
    driven.ask(a_consumer("consumer", -1))
    one = joined(driven, one.member_id)
    assert synced(driven, one) == "a0 a1"

    driven.ask(a_leave(two.member_id))

    assert beat(driven, one.member_id, one.generation_id) is ErrorCode.REBALANCE_IN_PROGRESS
    assert synced(driven, joined(driven, one.member_id)) == "a0 a1 a2 a3"


def test_they_are_called_when_their_topics_grow_and_not_when_others_do() -> None:
    driven = a_broker(a_topic("a", 1), group_consumer_migration_policy="upgrade")
    consumed(driven, "consumer")
    one = joined(driven)
    driven.ask(a_consumer("consumer", -1))
    one = joined(driven, one.member_id)
    assert synced(driven, one) == "a0"

    driven.follow(a_topic("a", 1), a_topic("b", 1))
    of_others = beat(driven, one.member_id, one.generation_id)
    driven.follow(a_topic("a", 2), a_topic("b", 1))
    of_theirs = beat(driven, one.member_id, one.generation_id)

    assert (of_others, of_theirs) == (ErrorCode.NONE, ErrorCode.REBALANCE_IN_PROGRESS)
    assert synced(driven, joined(driven, one.member_id)) == "a0 a1"


def test_they_are_not_called_before_a_target_may_be_computed() -> None:
    driven = a_broker(
        group_consumer_migration_policy="upgrade", group_consumer_assignment_interval_ms=1_000
    )
    consumed(driven, "consumer", subscribed="x")
    driven.pass_time(1_000)
    one = joined(driven)
    driven.ask(a_consumer("consumer", -1))

    early = beat(driven, one.member_id, one.generation_id)
    driven.pass_time(1_000)

    assert early is ErrorCode.NONE
    assert beat(driven, one.member_id, one.generation_id) is ErrorCode.REBALANCE_IN_PROGRESS


def test_who_is_called_to_join_must_come_within_its_rebalance_timeout() -> None:
    driven, one = a_mixed_group()
    two = a_newcomer(driven)
    synced(driven, two)

    heard = keep_alive(driven, REBALANCE_MS - 1, one, two)

    assert set(heard[::2]) == {ErrorCode.REBALANCE_IN_PROGRESS}
    assert driven.group().members.keys() == {"consumer", one.member_id, two.member_id}
    driven.pass_time(1)
    assert driven.group().members.keys() == {"consumer", two.member_id}


def test_who_joins_must_ask_for_its_assignment_within_its_rebalance_timeout() -> None:
    driven, one = a_mixed_group()
    joined(driven, one.member_id)

    heard = keep_alive(driven, REBALANCE_MS - 1, one)

    assert set(heard) == {ErrorCode.NONE}
    assert driven.group().members.keys() == {"consumer", one.member_id}
    driven.pass_time(1)
    assert driven.group().members.keys() == {"consumer"}


def test_who_joins_and_asks_in_time_stays() -> None:
    driven, one = a_mixed_group()
    two = a_newcomer(driven)
    assert beat(driven, one.member_id, 3) is ErrorCode.REBALANCE_IN_PROGRESS
    again = [joined(driven, each.member_id) for each in (one, two)]
    for each in again:
        synced(driven, each)

    assert set(keep_alive(driven, 2 * REBALANCE_MS, *again)) == {ErrorCode.NONE}
