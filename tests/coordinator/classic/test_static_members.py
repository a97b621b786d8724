"""Static members: they come back under another id and find their place (KIP-345, KIP-814)."""

from __future__ import annotations

import pytest

from pykbroker.coordinator.classic.storing import group_record
from pykbroker.coordinator.commands import JoinedMember, JoinReply
from pykbroker.coordinator.effects import NOTHING
from pykbroker.coordinator.timers import TimerKey, TimerKind
from pykbroker.errors import ErrorCode, KafkaError
from tests.coordinator.classic.groups import (
    GROUP,
    REBALANCE_MS,
    SESSION_MS,
    a_heartbeat,
    a_join,
    a_leave,
    a_partition,
    a_static_group,
    a_sync,
    joining,
    keep_alive,
    left,
    refused,
    state_of,
    stored,
    synced,
)

A, B = "instance-a", "instance-b"
BOTH = (("range", b"1"), ("sticky", b"2"))


@pytest.mark.row(93)
def test_the_old_id_of_an_instance_is_fenced_wherever_it_asks() -> None:
    driven = a_partition()
    old, other = a_static_group(driven, A, B)

    new = driven.ask(a_join(group_instance_id=A)).member_id

    fenced = ErrorCode.FENCED_INSTANCE_ID
    assert refused(driven, driven.send(a_join(old, group_instance_id=A))) == (fenced, old)
    assert driven.refusal(a_sync(old, group_instance_id=A)) == fenced
    assert driven.refusal(a_heartbeat(old, group_instance_id=A)) == fenced
    assert left(driven.ask(a_leave((old, A)))) == [fenced]
    assert driven.refusal(a_heartbeat(old)) == ErrorCode.UNKNOWN_MEMBER_ID
    assert driven.ask(a_heartbeat(new, group_instance_id=A))
    assert driven.ask(a_heartbeat(other, group_instance_id=B))


@pytest.mark.row(93)
def test_a_member_id_under_an_instance_that_is_another_members_is_fenced() -> None:
    driven = a_partition()
    first, second = a_static_group(driven, A, B)

    assert driven.refusal(a_heartbeat(first, group_instance_id=B)) == ErrorCode.FENCED_INSTANCE_ID
    assert driven.refusal(a_heartbeat(second, group_instance_id="?")) == ErrorCode.UNKNOWN_MEMBER_ID


def test_a_follower_that_returns_to_a_stable_group_keeps_its_share_without_a_rebalance() -> None:
    driven = a_partition()
    leader, old = a_static_group(driven, A, B)

    reply = driven.ask(a_join(group_instance_id=B))

    new = reply.member_id
    assert reply == JoinReply(new, 1, "consumer", "range", leader)
    assert (new != old, state_of(driven)) == (True, "Stable")
    assert driven.ask(a_sync(new, group_instance_id=B)).assignment == old.encode()
    assert driven.ask(a_heartbeat(leader))


def test_a_leader_that_returns_is_told_who_is_there_and_not_to_assign() -> None:
    driven = a_partition()
    _, follower = a_static_group(driven, A, B)

    reply = driven.ask(a_join(group_instance_id=A))

    new = reply.member_id
    assert reply.members == (
        JoinedMember(new, A, b"metadata"),
        JoinedMember(follower, B, b"metadata"),
    )
    assert (reply.leader, reply.skip_assignment) == (new, True)
    assert driven.group().leader_id == new


def test_a_leader_that_knows_nothing_of_that_is_told_that_its_former_self_leads() -> None:
    driven = a_partition()
    old, _ = a_static_group(driven, A, B)

    reply = driven.ask(a_join(group_instance_id=A, knows_skip_assignment=False))

    assert reply == JoinReply(reply.member_id, 1, "consumer", "range", old)
    assert driven.group().leader_id == reply.member_id


def test_a_return_to_a_stable_group_is_remembered() -> None:
    driven = a_partition()
    leader, old = a_static_group(driven, A, B)
    before = stored(driven)

    new = driven.ask(a_join(group_instance_id=B, session_timeout_ms=20_000)).member_id

    value = stored(driven)
    assert before is not None
    assert value is not None
    assert value.generation == before.generation
    assert [(each.member_id, each.assignment) for each in value.members] == [
        (leader, leader.encode()),
        (new, old.encode()),
    ]
    assert value.members[1].session_timeout_ms == 20_000
    driven.restart()
    assert driven.ask(a_sync(new, group_instance_id=B)).assignment == old.encode()


def test_a_return_with_other_metadata_but_the_same_protocol_needs_no_rebalance() -> None:
    driven = a_partition()
    a_static_group(driven, A, B)

    reply = driven.ask(a_join(group_instance_id=B, protocols=(("range", b"other"),)))

    assert (reply.generation_id, state_of(driven)) == (1, "Stable")
    value = stored(driven)
    assert value is not None
    assert value.members[1].subscription == b"other"


def test_a_return_that_changes_the_protocol_begins_a_rebalance() -> None:
    driven = a_partition()
    a_static_group(driven, A, protocols=BOTH)

    reply = driven.ask(a_join(group_instance_id=A, protocols=BOTH[1:]))

    assert (reply.generation_id, reply.protocol_name) == (2, "sticky")
    assert (reply.leader, reply.skip_assignment) == (reply.member_id, False)


def test_a_return_before_the_leader_has_assigned_begins_a_rebalance() -> None:
    driven = a_partition()
    tokens = [driven.send(a_join(group_instance_id=each)) for each in (A, B)]
    driven.pass_time(0)
    leader, follower = (driven.take(token).member_id for token in tokens)
    parked = driven.send(a_sync(follower))

    back = driven.send(a_join(group_instance_id=A))

    with pytest.raises(KafkaError) as raised:
        driven.take(parked)
    assert raised.value.code == ErrorCode.REBALANCE_IN_PROGRESS
    assert (driven.waits(back), state_of(driven)) == (True, "PreparingRebalance")
    driven.send(a_join(follower, group_instance_id=B))
    reply = driven.take(back)
    assert (reply.generation_id, reply.leader, reply.member_id != leader) == (
        2,
        reply.member_id,
        True,
    )


@pytest.mark.row(93)
def test_what_is_parked_of_the_old_self_is_fenced_at_once() -> None:
    driven = a_partition()
    tokens = [driven.send(a_join(group_instance_id=each)) for each in (A, B)]
    driven.pass_time(0)
    _, follower = (driven.take(token).member_id for token in tokens)
    parked_sync = driven.send(a_sync(follower))
    parked_join = driven.send(a_join(group_instance_id=A))
    assert driven.waits(parked_join)
    in_between = driven.group().static_members[A]

    driven.send(a_join(group_instance_id=A))

    assert refused(driven, parked_join) == (ErrorCode.FENCED_INSTANCE_ID, in_between)
    with pytest.raises(KafkaError):
        driven.take(parked_sync)


def test_an_instance_that_replaced_its_waiting_self_needs_no_heartbeats() -> None:
    driven = a_partition(group_initial_rebalance_delay_ms=3 * SESSION_MS)
    driven.send(a_join(group_instance_id=A))

    token = driven.send(a_join(group_instance_id=A))
    driven.pass_time(3 * SESSION_MS)

    assert driven.take(token).generation_id == 1


def test_a_sync_that_is_parked_of_the_old_self_is_fenced() -> None:
    driven = a_partition()
    tokens = [driven.send(a_join(group_instance_id=each)) for each in (A, B)]
    driven.pass_time(0)
    _, follower = (driven.take(token).member_id for token in tokens)
    parked = driven.send(a_sync(follower, group_instance_id=B))

    driven.send(a_join(group_instance_id=B))

    with pytest.raises(KafkaError) as raised:
        driven.take(parked)
    assert raised.value.code == ErrorCode.FENCED_INSTANCE_ID


def test_a_static_member_that_does_not_join_again_keeps_its_place_until_its_session_ends() -> None:
    driven = a_partition()
    first, second = a_static_group(
        driven, A, B, session_timeout_ms=25_000, rebalance_timeout_ms=9_000
    )
    token = driven.send(a_join(first, session_timeout_ms=25_000, rebalance_timeout_ms=9_000))

    driven.pass_time(9_000)

    reply = driven.take(token)
    assert [each.member_id for each in reply.members] == [first, second]
    assert (reply.leader, reply.generation_id) == (first, 2)
    synced(driven, [first, second], 2)
    assert driven.ask(a_heartbeat(second, 2))


def test_another_member_leads_while_a_static_leader_is_away() -> None:
    driven = a_partition()
    times = {"session_timeout_ms": 25_000, "rebalance_timeout_ms": 9_000}
    first, second = a_static_group(driven, A, B, **times)
    token = driven.send(a_join(second, protocols=(("range", b"other"),), **times))

    driven.pass_time(9_000)

    reply = driven.take(token)
    assert reply.leader == second
    assert [each.member_id for each in reply.members] == [first, second]


def test_a_static_member_that_stays_away_goes_with_its_session() -> None:
    driven = a_partition()
    first, second = a_static_group(driven, A, B)

    keep_alive(driven, [first], SESSION_MS)

    assert second not in driven.group().members
    assert state_of(driven) == "PreparingRebalance"
    assert left(driven.ask(a_leave(("", B)))) == [ErrorCode.UNKNOWN_MEMBER_ID]


def test_the_session_of_the_old_self_ends_nothing() -> None:
    driven = a_partition()
    _, other = a_static_group(driven, A, B)
    driven.pass_time(SESSION_MS // 2)
    new = driven.ask(a_join(group_instance_id=A)).member_id
    driven.ask(a_heartbeat(other))

    driven.pass_time(SESSION_MS // 2 + 1)

    assert driven.ask(a_heartbeat(new)), driven.ask(a_heartbeat(other))


def test_a_member_that_returns_and_falls_silent_goes() -> None:
    driven = a_partition()
    old, other = a_static_group(driven, A, B)
    new = driven.ask(a_join(group_instance_id=A)).member_id
    session = TimerKey(TimerKind.CLASSIC_SESSION, GROUP, old)
    assert driven.shard.timers.due_ms(session) is None

    keep_alive(driven, [other], SESSION_MS - 1)
    assert new in driven.group().members
    driven.pass_time(1)

    assert driven.group().members.keys() == {other}


def test_who_returns_before_it_has_synced_still_has_to() -> None:
    driven = a_partition()
    tokens = [driven.send(a_join(group_instance_id=each)) for each in (A, B)]
    driven.pass_time(0)
    leader, follower = (driven.take(token).member_id for token in tokens)
    driven.ask(a_sync(leader, 1, {follower: b"share"}))

    new = driven.ask(a_join(group_instance_id=B)).member_id
    assert driven.group().pending_syncs == {new}
    driven.ask(a_sync(new))

    keep_alive(driven, [leader, new], REBALANCE_MS)
    assert state_of(driven) == "Stable"


def test_a_return_that_the_log_cannot_take_did_not_happen() -> None:
    driven = a_partition()
    old, other = a_static_group(driven, A, B, protocols=BOTH)
    before = group_record(driven.group())
    command = a_join(group_instance_id=A, protocols=BOTH[:1], session_timeout_ms=20_000)

    effects = driven.machine.step(command, "token", driven.now)
    assert effects.otherwise is not None
    assert effects.otherwise() == NOTHING

    assert group_record(driven.group()) == before
    assert driven.group().members[old].told == (BOTH, REBALANCE_MS, SESSION_MS)
    assert driven.group().leader_id == old
    assert driven.group().supporters == {"range": 2, "sticky": 2}
    driven.pass_time(SESSION_MS - 1)
    assert driven.ask(a_heartbeat(old, group_instance_id=A))
    assert driven.ask(a_heartbeat(other))


def test_dynamic_and_static_members_share_a_group() -> None:
    driven = a_partition()
    (static,) = a_static_group(driven, A)
    dynamic, token = joining(driven)

    again = driven.send(a_join(static, group_instance_id=A))

    members = {each.member_id: each.group_instance_id for each in driven.take(again).members}
    assert members == {static: A, dynamic: None}
    assert driven.take(token).members == ()
