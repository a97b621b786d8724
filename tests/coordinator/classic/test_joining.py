"""Coming to a classic group: what it asks of members, and what it answers."""

from __future__ import annotations

from typing import Any

import pytest

from pykbroker.coordinator.classic.group import ClassicGroup, ClassicGroupState
from pykbroker.coordinator.commands import JoinedMember, JoinReply
from pykbroker.coordinator.timers import TimerKey, TimerKind
from pykbroker.errors import ErrorCode
from tests.coordinator.classic.groups import (
    GROUP,
    RANGE,
    SESSION_MS,
    a_completing_group,
    a_heartbeat,
    a_join,
    a_partition,
    a_stable_group,
    a_sync,
    joining,
    new_member_id,
    refused,
    state_of,
    stored,
    synced,
)


@pytest.mark.row(87)
@pytest.mark.parametrize("member_id", ["", "somebody"])
def test_the_empty_group_id_is_refused_with_the_id_that_was_sent(member_id: str) -> None:
    driven = a_partition()

    token = driven.send(a_join(member_id, group_id="", session_timeout_ms=0))

    assert refused(driven, token) == (ErrorCode.INVALID_GROUP_ID, member_id)
    assert driven.shard.groups == {}


@pytest.mark.row(88)
@pytest.mark.parametrize("timeout_ms", [-1, 0, 5_999, 30_001])
def test_a_session_timeout_out_of_bounds_is_refused(timeout_ms: int) -> None:
    driven = a_partition(group_max_session_timeout_ms=30_000)

    token = driven.send(a_join("somebody", session_timeout_ms=timeout_ms))

    assert refused(driven, token) == (ErrorCode.INVALID_SESSION_TIMEOUT, "somebody")
    assert driven.shard.groups == {}


@pytest.mark.row(88)
@pytest.mark.parametrize("timeout_ms", [6_000, 30_000])
def test_a_session_timeout_at_the_bounds_is_accepted(timeout_ms: int) -> None:
    driven = a_partition(group_max_session_timeout_ms=30_000)

    assert new_member_id(driven, session_timeout_ms=timeout_ms)


@pytest.mark.row(89)
@pytest.mark.parametrize("fields", [{"protocols": ()}, {"protocol_type": ""}])
def test_a_new_group_needs_a_protocol_of_some_type(fields: dict[str, Any]) -> None:
    driven = a_partition()

    token = driven.send(a_join(**fields))

    assert refused(driven, token) == (ErrorCode.INCONSISTENT_GROUP_PROTOCOL, "")
    assert state_of(driven) == "Empty"
    assert len(driven.log) == 1


@pytest.mark.row(89)
@pytest.mark.parametrize(
    "fields",
    [
        {"protocol_type": "connect"},
        {"protocol_type": ""},
        {"protocols": ()},
        {"protocols": (("sticky", b""),)},
        {"protocols": (("roundrobin", b""), ("sticky", b""))},
    ],
)
def test_who_shares_no_protocol_with_all_members_is_refused(fields: dict[str, Any]) -> None:
    driven = a_partition()
    first, _ = joining(driven, protocols=(("range", b""), ("roundrobin", b"")))
    joining(driven, protocols=(("range", b""),))
    driven.pass_time(0)

    new, again = driven.send(a_join(**fields)), driven.send(a_join(first, **fields))

    assert refused(driven, new) == (ErrorCode.INCONSISTENT_GROUP_PROTOCOL, "")
    assert refused(driven, again) == (ErrorCode.INCONSISTENT_GROUP_PROTOCOL, first)
    assert state_of(driven) == "CompletingRebalance"


@pytest.mark.row(89)
def test_an_empty_group_takes_another_protocol_type() -> None:
    driven = a_partition()
    (member_id,) = a_stable_group(driven, 1)
    driven.pass_time(SESSION_MS)
    assert (state_of(driven), driven.group().protocol_type) == ("Empty", "consumer")

    _, token = joining(driven, protocol_type="connect", protocols=(("eager", b""),))
    driven.pass_time(0)

    reply = driven.take(token)
    assert (reply.protocol_type, reply.protocol_name) == ("connect", "eager")
    assert (reply.generation_id, reply.member_id != member_id) == (3, True)


@pytest.mark.row(90)
def test_a_new_member_is_told_its_id_and_joins_with_it() -> None:
    driven = a_partition()

    member_id = new_member_id(driven, client_id="app-1")
    assert state_of(driven) == "Empty"
    token = driven.send(a_join(member_id, client_id="app-1"))
    driven.pass_time(0)

    assert member_id.startswith("app-1-")
    assert len(member_id) == len("app-1-") + 36
    assert driven.take(token) == JoinReply(
        member_id=member_id,
        generation_id=1,
        protocol_type="consumer",
        protocol_name="range",
        leader=member_id,
        members=(JoinedMember(member_id, None, b"metadata"),),
    )


@pytest.mark.row(90)
def test_old_clients_join_without_knowing_their_id() -> None:
    driven = a_partition()

    token = driven.send(a_join(knows_member_id_required=False))
    driven.pass_time(0)

    assert driven.take(token).member_id.startswith("client-")


@pytest.mark.row(90)
def test_a_static_member_joins_directly_under_its_instances_name() -> None:
    driven = a_partition()

    token = driven.send(a_join(group_instance_id="instance"))
    driven.pass_time(0)

    reply = driven.take(token)
    assert reply.member_id.startswith("instance-")
    assert reply.members == (JoinedMember(reply.member_id, "instance", b"metadata"),)


@pytest.mark.row(90)
def test_an_id_nobody_comes_with_is_forgotten_after_the_session_timeout() -> None:
    driven = a_partition()
    member_id = new_member_id(driven)

    driven.pass_time(SESSION_MS - 1)
    assert driven.group().pending_joins == {member_id}
    driven.pass_time(1)

    token = driven.send(a_join(member_id))
    assert refused(driven, token) == (ErrorCode.UNKNOWN_MEMBER_ID, member_id)


@pytest.mark.row(90)
def test_who_came_with_its_id_is_not_forgotten_with_it() -> None:
    driven = a_partition()
    member_id, token = joining(driven)
    driven.pass_time(0)
    driven.take(token)

    pending = TimerKey(TimerKind.CLASSIC_PENDING_JOIN, GROUP, member_id)
    assert driven.shard.timers.due_ms(pending) is None
    driven.pass_time(SESSION_MS - 1)

    assert driven.ask(a_heartbeat(member_id))


@pytest.mark.row(90)
def test_a_pending_member_is_no_static_one() -> None:
    driven = a_partition()
    member_id = new_member_id(driven)

    token = driven.send(a_join(member_id, group_instance_id="instance"))

    assert refused(driven, token) == (ErrorCode.UNKNOWN_SERVER_ERROR, "")


@pytest.mark.row(91)
def test_a_member_id_in_an_unknown_group_is_refused_and_makes_no_group() -> None:
    driven = a_partition()

    token = driven.send(a_join("somebody"))

    assert refused(driven, token) == (ErrorCode.UNKNOWN_MEMBER_ID, "somebody")
    assert (driven.shard.groups, driven.log) == ({}, [])


@pytest.mark.row(91)
@pytest.mark.parametrize("instance_id", [None, "instance"])
def test_an_unknown_member_of_a_known_group_is_refused(instance_id: str | None) -> None:
    driven = a_partition()
    a_stable_group(driven)

    token = driven.send(a_join("somebody", group_instance_id=instance_id))

    assert refused(driven, token) == (ErrorCode.UNKNOWN_MEMBER_ID, "somebody")
    assert state_of(driven) == "Stable"


@pytest.mark.row(95)
def test_the_leader_that_joins_again_begins_a_rebalance() -> None:
    driven = a_partition()
    leader, follower = a_stable_group(driven)

    token = driven.send(a_join(leader))

    assert (driven.waits(token), state_of(driven)) == (True, "PreparingRebalance")
    other = driven.send(a_join(follower))
    assert driven.take(token).generation_id == 2
    assert driven.take(other) == JoinReply(follower, 2, "consumer", "range", leader)


@pytest.mark.row(95)
def test_a_follower_that_joins_again_with_the_same_metadata_is_told_its_generation() -> None:
    driven = a_partition()
    leader, follower = a_stable_group(driven)

    reply = driven.ask(a_join(follower))

    assert reply == JoinReply(follower, 1, "consumer", "range", leader)
    assert state_of(driven) == "Stable"
    assert driven.ask(a_sync(follower)).assignment == follower.encode()


@pytest.mark.row(95)
@pytest.mark.parametrize(
    "protocols", [(("range", b"other"),), (*RANGE, ("sticky", b"")), (("sticky", b""), *RANGE)]
)
@pytest.mark.parametrize("is_stable", [True, False])
def test_a_follower_with_other_metadata_begins_a_rebalance(
    protocols: tuple[tuple[str, bytes], ...], is_stable: bool
) -> None:
    driven = a_partition()
    leader, follower = a_completing_group(driven)
    if is_stable:
        synced(driven, [leader, follower])

    token = driven.send(a_join(follower, protocols=protocols))

    assert (driven.waits(token), state_of(driven)) == (True, "PreparingRebalance")
    told = driven.ask(a_join(leader)).members
    assert {each.member_id: each.metadata for each in told} == {
        leader: b"metadata",
        follower: dict(protocols)["range"],
    }


@pytest.mark.parametrize("asker", [0, 1])
def test_who_joins_again_before_the_leader_has_assigned_is_told_the_generation(asker: int) -> None:
    driven = a_partition()
    members = a_completing_group(driven)

    reply = driven.ask(a_join(members[asker]))

    metadata = [JoinedMember(each, None, b"metadata") for each in driven.group().members]
    assert reply == JoinReply(
        members[asker], 1, "consumer", "range", members[0], () if asker else tuple(metadata)
    )
    assert state_of(driven) == "CompletingRebalance"


def test_of_two_requests_of_a_member_the_later_one_is_answered() -> None:
    driven = a_partition()
    leader, follower = a_stable_group(driven)
    first = driven.send(a_join(leader))

    second = driven.send(a_join(leader))

    driven.send(a_join(follower))
    assert driven.take(second).generation_id == 2
    assert driven.waits(first)


def test_a_group_is_remembered_as_soon_as_somebody_asks_to_join() -> None:
    driven = a_partition()

    new_member_id(driven)
    new_member_id(driven)

    value = stored(driven)
    assert value is not None
    assert (value.generation, value.protocol_type, value.members) == (0, "", ())
    assert value.state_timestamp_ms == driven.wall_ms
    assert len(driven.log) == 1


def test_a_protocol_that_is_offered_twice_counts_once() -> None:
    driven = a_partition()
    _, token = joining(driven, protocols=(("range", b"first"), ("range", b"second")))

    driven.pass_time(0)

    (member,) = driven.take(token).members
    assert member.metadata == b"first"


@pytest.mark.parametrize(
    ("offers", "chosen"),
    [
        (["ab", "ba", "ba"], "b"),
        (["abc", "cab", "cb"], "c"),
        (["a", "ba", "ba"], "a"),
    ],
)
def test_the_protocol_is_the_one_most_members_prefer_of_those_all_support(
    offers: list[str], chosen: str
) -> None:
    driven = a_partition()

    tokens = [joining(driven, protocols=tuple((n, b"") for n in offer))[1] for offer in offers]
    driven.pass_time(0)

    assert {driven.take(token).protocol_name for token in tokens} == {chosen}


def test_a_dead_group_sends_its_members_to_look_for_the_coordinator() -> None:
    driven = a_partition()
    driven.shard.groups[GROUP] = ClassicGroup(GROUP, ClassicGroupState.DEAD)

    new, known = driven.send(a_join()), driven.send(a_join("somebody"))

    assert refused(driven, new) == (ErrorCode.COORDINATOR_NOT_AVAILABLE, "")
    assert refused(driven, known) == (ErrorCode.COORDINATOR_NOT_AVAILABLE, "somebody")
