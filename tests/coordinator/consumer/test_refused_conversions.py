"""A conversion whose records are too large for the log leaves the group as it was."""

from __future__ import annotations

from pykbroker.coordinator.commands import Command
from pykbroker.coordinator.effects import NOTHING, Effects
from pykbroker.coordinator.group import GroupKind
from pykbroker.coordinator.timers import TimerKey, TimerKind
from pykbroker.errors import ErrorCode
from tests.coordinator.consumer.mixed_groups import (
    CONSUMER_SESSION_MS,
    GROUP,
    SESSION_MS,
    a_broker,
    a_classic_group,
    a_consumer,
    a_join,
    beat,
    consumed,
    joined,
    synced,
)
from tests.coordinator.driven import Driven


def too_large(driven: Driven, command: Command) -> Effects:
    """Let the records that a command comes to be refused; give what it had decided."""
    effects = driven.machine.step(command, "asker", driven.now)
    assert effects.records
    return refused(effects)


def refused(effects: Effects) -> Effects:
    assert effects.otherwise is not None
    assert effects.otherwise() == NOTHING
    return effects


def a_mixed_group() -> tuple[Driven, str]:
    """Give a consumer group of a classic member and a consumer."""
    driven = a_broker()
    consumed(driven, "consumer", subscribed="x")
    reply = joined(driven)
    synced(driven, reply)
    return driven, reply.member_id


def test_a_classic_group_has_answered_all_and_goes_on() -> None:
    driven = a_broker()
    one, two = a_classic_group(driven, "a0 a1", "a2 a3")
    waiting = driven.send(a_join(one))

    effects = too_large(driven, a_consumer("new"))

    assert {token for token, _ in effects.replies} == {waiting, "asker"}
    again = [driven.send(a_join(two))]
    assert driven.waits(again[0])  # for who has heard and is to join again
    again.append(driven.send(a_join(one)))
    assert [driven.take(token).generation_id for token in again] == [2, 2]
    assert driven.waits(waiting)
    assert driven.group().kind is GroupKind.CLASSIC


def test_a_consumer_group_has_its_members_and_deadlines_back() -> None:
    driven, member_id = a_mixed_group()
    driven.pass_time(1_000)
    before = driven.group()
    session = TimerKey(TimerKind.CONSUMER_SESSION, GROUP, member_id)
    due_ms = driven.shard.timers.due_ms(session)

    too_large(driven, a_consumer("consumer", -1))

    assert driven.group() is before
    assert driven.group().members.keys() == {member_id, "consumer"}
    assert driven.shard.timers.due_ms(session) == due_ms
    for key in (
        TimerKey(TimerKind.CLASSIC_SESSION, GROUP, member_id),
        TimerKey(TimerKind.CLASSIC_REBALANCE, GROUP),
    ):
        assert driven.shard.timers.due_ms(key) is None
    assert beat(driven, member_id, 3) is ErrorCode.NONE


def test_a_member_whose_session_is_over_is_judged_again_later() -> None:
    driven, member_id = a_mixed_group()
    while driven.elapsed_ms < CONSUMER_SESSION_MS:
        beat(driven, member_id, 3)
        driven.pass_time(min(SESSION_MS // 2, CONSUMER_SESSION_MS + 999 - driven.elapsed_ms))
    beat(driven, member_id, 3)
    driven.elapsed_ms += 1
    effects = driven.machine.expire(driven.now)
    assert effects is not None
    assert effects.records

    refused(effects)

    assert driven.group().kind is GroupKind.CONSUMER
    session = TimerKey(TimerKind.CONSUMER_SESSION, GROUP, "consumer")
    assert driven.shard.timers.due_ms(session) == driven.elapsed_ms + CONSUMER_SESSION_MS
