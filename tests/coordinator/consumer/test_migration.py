"""A classic group with members becomes a consumer group when one joins with that protocol."""

from __future__ import annotations

from typing import Any

import pytest

from pykbroker.coordinator import records as r
from pykbroker.coordinator.commands import ConsumerHeartbeatReply, MemberRefused
from pykbroker.coordinator.consumer.metadata_hash import group_hash
from pykbroker.coordinator.group import GroupKind
from pykbroker.coordinator.timers import TimerKey, TimerKind
from pykbroker.errors import ErrorCode, KafkaError
from tests.coordinator.consumer.mixed_groups import (
    CONSUMER_SESSION_MS,
    GROUP,
    REBALANCE_MS,
    SESSION_MS,
    a_broker,
    a_classic_group,
    a_consumer,
    a_join,
    a_sync,
    beat,
    consumed,
    joined,
    metadata,
    share,
    synced,
)
from tests.coordinator.consumer.partitions import held, some
from tests.coordinator.driven import Driven, a_topic

HASH = group_hash(["a"], a_broker().topics)


def a_classic_member(owned: str = "", **fields: Any) -> r.MemberSubscription:
    """Give what a consumer group keeps of a member of `a_classic_group`."""
    defaults: dict[str, Any] = {
        "instance_id": None,
        "rack_id": None,
        "client_id": "classic",
        "client_host": "/127.0.0.1",
        "subscribed_topic_names": ("a",),
        "subscribed_topic_regex": "",
        "rebalance_timeout_ms": REBALANCE_MS,
        "server_assignor": None,
        "classic": r.ClassicMember(SESSION_MS, (("range", metadata("a", owned)),)),
    }
    return r.MemberSubscription(**(defaults | fields))


def a_current(epoch: int, assigned: str, **fields: Any) -> r.CurrentAssignment:
    """Give what a stable member has, all of it since its epoch."""
    defaults: dict[str, Any] = {
        "member_epoch": epoch,
        "previous_member_epoch": epoch,
        "state": r.MemberState.STABLE,
        "assigned": held(assigned, epoch),
        "revoking": {},
    }
    return r.CurrentAssignment(**(defaults | fields))


def kind_of(driven: Driven) -> GroupKind:
    kind: GroupKind = driven.group().kind
    return kind


def test_members_keep_what_they_have_at_the_generation_as_their_epoch() -> None:
    driven = a_broker()
    one, two = a_classic_group(driven, "a0 a1", "a2 a3")
    before = len(driven.log)

    reply = driven.ask(a_consumer("new"))

    assert reply == ConsumerHeartbeatReply("new", 2, heartbeat_interval_ms=5_000, assignment={})
    assert driven.log[before : before + 10] == [
        r.ClassicGroupRecord(GROUP, None),
        r.MemberRecord(GROUP, one, a_classic_member()),
        r.MemberRecord(GROUP, two, a_classic_member()),
        r.GroupEpochRecord(GROUP, r.GroupEpoch(1, HASH)),
        r.TargetRecord(GROUP, one, some("a0 a1")),
        r.TargetRecord(GROUP, two, some("a2 a3")),
        r.TargetEpochRecord(GROUP, r.TargetEpoch(1, 0)),
        r.CurrentRecord(GROUP, one, a_current(1, "a0 a1")),
        r.CurrentRecord(GROUP, two, a_current(1, "a2 a3")),
        driven.log[before + 9],  # the new member: as in any consumer group
    ]
    assert isinstance(driven.log[before + 9], r.MemberRecord)
    assert kind_of(driven) is GroupKind.CONSUMER
    assert driven.group().group_epoch == driven.group().assignment_epoch == 2


def test_members_are_called_to_join_and_come_to_the_targets_epoch() -> None:
    driven = a_broker()
    one, two = a_classic_group(driven, "a0 a1", "a2 a3")
    consumed(driven, "new")

    assert beat(driven, one, 1) is ErrorCode.REBALANCE_IN_PROGRESS
    first, second = joined(driven, one), joined(driven, two)
    shares = [synced(driven, first), synced(driven, second)]

    assert (first.generation_id, second.generation_id) == (2, 2)
    epoch, assignment = consumed(driven, "new", 2, topic_partitions={})
    assert epoch == 2
    together = [f"a{number}" for number in sorted(assignment[driven.topics.by_name["a"].topic_id])]
    assert sorted([*together, *" ".join(shares).split()]) == ["a0", "a1", "a2", "a3"]


def test_who_waits_for_a_join_is_called_again() -> None:
    driven = a_broker()
    one, _ = a_classic_group(driven, "a0 a1", "a2 a3")
    waiting = driven.send(a_join(one))
    assert driven.waits(waiting)

    consumed(driven, "new")

    with pytest.raises(MemberRefused) as refusal:
        driven.take(waiting)
    assert (refusal.value.code, refusal.value.member_id) == (ErrorCode.REBALANCE_IN_PROGRESS, one)
    assert joined(driven, one).generation_id == 2


def test_who_waits_for_an_assignment_is_called_to_join() -> None:
    driven = a_broker()
    one, two = a_classic_group(driven, "a0 a1", "a2 a3")
    joins = [driven.send(a_join(each, "a", "a0")) for each in (one, two)]
    assert not any(driven.waits(token) for token in joins)
    waiting = driven.send(a_sync(two, 2))
    assert driven.waits(waiting)

    consumed(driven, "new")

    with pytest.raises(KafkaError) as refusal:
        driven.take(waiting)
    assert refusal.value.code is ErrorCode.REBALANCE_IN_PROGRESS
    assert joined(driven, two).generation_id == 3


def test_a_member_that_never_had_an_assignment_comes_along_with_nothing() -> None:
    driven = a_broker()
    one, _ = a_classic_group(driven, "a0 a1 a2 a3", "")
    consumed(driven, "new")

    assert driven.group().targets.keys() >= {one}
    assert joined(driven, one, "a", "a0 a1 a2 a3").generation_id == 1


def test_what_a_cooperative_member_reads_while_it_joins_is_given_to_nobody() -> None:
    driven = a_broker()
    (one,) = a_classic_group(driven, "a0 a1 a2 a3")
    driven.send(a_join(one, "a", "a0 a1 a2 a3"))
    driven.send(a_join(knows_member_id_required=False))
    assert driven.group().members[one].assignment == b""

    _, assignment = consumed(driven, "new")

    assert assignment == {}
    assert driven.group().members[one].current.assigned == held("a0 a1 a2 a3", 2)


def test_what_a_cooperative_member_has_not_heard_that_it_lost_is_its_own() -> None:
    driven = a_broker()
    one, two = a_classic_group(driven, "a0 a1 a2 a3", "")
    for member_id, owned in ((one, "a0 a1 a2 a3"), (two, "")):
        driven.send(a_join(member_id, "a", owned))
    driven.send(a_sync(one, 2, {one: share("a0 a1"), two: b""}))

    consumed(driven, "new")

    assert driven.group().members[one].current.assigned == held("a0 a1 a2 a3", 2)


def test_racks_come_along() -> None:
    driven = a_broker()
    (one,) = a_classic_group(driven, "a0", protocols=(("range", metadata(rack_id="north")),))

    consumed(driven, "new")

    assert driven.group().members[one].subscription.rack_id == "north"


def test_a_group_in_its_first_rebalance_is_upgraded_too() -> None:
    driven = a_broker(group_initial_rebalance_delay_ms=3_000)
    waiting = driven.send(a_join(knows_member_id_required=False))

    epoch, assignment = consumed(driven, "new")

    with pytest.raises(MemberRefused) as refusal:
        driven.take(waiting)
    assert refusal.value.code is ErrorCode.REBALANCE_IN_PROGRESS
    assert (epoch, len(assignment)) == (1, 1)
    assert joined(driven, refusal.value.member_id).generation_id == 1


def test_a_pattern_that_upgrades_a_group_in_its_first_rebalance_is_at_epoch_1() -> None:
    driven = a_broker(a_topic("none subscribes to it"), group_initial_rebalance_delay_ms=3_000)
    driven.send(a_join(knows_member_id_required=False))

    epoch, _ = consumed(driven, "new", subscribed_topic_names=(), subscribed_topic_regex="a")

    assert epoch == 1


def test_who_joins_with_protocols_the_generation_has_not_comes_along() -> None:
    driven = a_broker()
    both = (("range", metadata()), ("sticky", metadata()))
    one, _ = a_classic_group(driven, "a0 a1", "a2 a3", protocols=both)
    driven.send(a_join(knows_member_id_required=False, protocols=(("sticky", metadata()),)))

    consumed(driven, "new")

    assert len(driven.group().members) == 4
    assert joined(driven, one, protocols=both).protocol_name == "range"


@pytest.mark.parametrize("policy", ["disabled", "downgrade"])
def test_the_policy_may_forbid_it(policy: str) -> None:
    driven = a_broker(group_consumer_migration_policy=policy)
    one, _ = a_classic_group(driven, "a0 a1", "a2 a3")

    assert driven.refusal(a_consumer("new")) is ErrorCode.GROUP_ID_NOT_FOUND
    assert kind_of(driven) is GroupKind.CLASSIC
    assert beat(driven, one, 1) is ErrorCode.NONE


def test_a_group_larger_than_consumer_groups_may_be_stays_classic() -> None:
    driven = a_broker(group_consumer_max_size=1)
    a_classic_group(driven, "a0 a1", "a2 a3")

    assert driven.refusal(a_consumer("new")) is ErrorCode.GROUP_ID_NOT_FOUND


def test_a_group_of_another_protocol_type_stays_classic() -> None:
    driven = a_broker()
    waiting = driven.send(a_join(knows_member_id_required=False, protocol_type="connect"))
    driven.pass_time(0)
    assert driven.take(waiting).generation_id == 1

    assert driven.refusal(a_consumer("new")) is ErrorCode.GROUP_ID_NOT_FOUND


@pytest.mark.parametrize(
    ("told", "protocols"),
    [
        (share("a0", user_data=b"1"), (("range", metadata()),)),
        (b"\0", (("range", metadata()),)),
        (share("a0"), (("range", b"\0\1"),)),
    ],
    ids=["user data", "a malformed assignment", "malformed metadata"],
)
def test_what_cannot_be_carried_over_keeps_a_group_classic(
    told: bytes, protocols: tuple[tuple[str, bytes], ...]
) -> None:
    driven = a_broker()
    token = driven.send(a_join(knows_member_id_required=False, protocols=protocols))
    driven.pass_time(0)
    member_id = driven.take(token).member_id
    driven.ask(a_sync(member_id, 1, {member_id: told}))

    assert driven.refusal(a_consumer("new")) is ErrorCode.GROUP_ID_NOT_FOUND
    assert beat(driven, member_id, 1) is ErrorCode.NONE


def test_a_partition_given_to_two_members_keeps_a_group_classic() -> None:
    driven = a_broker()
    one, two = a_classic_group(driven, "a0 a1", "a1 a2")

    assert driven.refusal(a_consumer("new")) is ErrorCode.UNKNOWN_SERVER_ERROR
    assert [beat(driven, each, 1) for each in (one, two)] == [ErrorCode.NONE] * 2


def test_who_is_refused_after_all_leaves_a_classic_group_as_it_was() -> None:
    driven = a_broker()
    one, two = a_classic_group(driven, "a0 a1", "a2 a3")
    waiting = driven.send(a_join(one))
    before = len(driven.log)

    refusal = driven.refusal(a_consumer("new", subscribed_topic_regex="("))

    assert refusal is ErrorCode.INVALID_REGULAR_EXPRESSION
    assert (kind_of(driven), len(driven.log)) == (GroupKind.CLASSIC, before)
    assert driven.waits(waiting)
    driven.send(a_join(two))
    assert driven.take(waiting).generation_id == 2
    driven.pass_time(SESSION_MS)
    assert kind_of(driven) is GroupKind.CLASSIC


def test_an_epoch_above_0_finds_no_consumer_group() -> None:
    driven = a_broker()
    a_classic_group(driven, "a0 a1", "a2 a3")

    assert driven.refusal(a_consumer("new", 1)) is ErrorCode.GROUP_ID_NOT_FOUND


def test_a_classic_group_without_members_gives_way_whatever_the_policy() -> None:
    driven = a_broker(group_consumer_migration_policy="disabled")
    driven.send(a_join())
    assert kind_of(driven) is GroupKind.CLASSIC

    assert consumed(driven, "new") == (2, some("a0 a1 a2 a3"))

    assert driven.log[1] == r.ClassicGroupRecord(GROUP, None)
    assert driven.shard.timers.next_due_ms == driven.elapsed_ms + CONSUMER_SESSION_MS


def test_deadlines_of_the_classic_group_are_over_and_members_have_their_sessions() -> None:
    driven = a_broker()
    one, two = a_classic_group(driven, "a0 a1", "a2 a3")
    driven.send(a_join(one))
    rebalance = TimerKey(TimerKind.CLASSIC_REBALANCE, GROUP)
    assert driven.shard.timers.due_ms(rebalance) is not None
    driven.pass_time(1_000)

    consumed(driven, "new")

    timers = driven.shard.timers
    kept = [rebalance, *(TimerKey(TimerKind.CLASSIC_SESSION, GROUP, each) for each in (one, two))]
    assert [timers.due_ms(key) for key in kept] == [None] * 3
    driven.pass_time(SESSION_MS - 1)
    assert driven.group().members.keys() == {one, two, "new"}
    driven.pass_time(1)
    assert driven.group().members.keys() == {"new"}


def test_a_static_member_that_comes_back_as_a_consumer_has_its_share_without_a_new_target() -> None:
    driven = a_broker()
    one, two = a_classic_group(driven, "a0 a1", "a2 a3", instance_ids=("i1", "i2"))

    epoch, assignment = consumed(driven, "new", instance_id="i1")

    assert (epoch, assignment) == (1, some("a0 a1"))
    assert driven.group().members.keys() == {two, "new"}
    assert beat(driven, two, 1, "i2") is ErrorCode.NONE
    assert beat(driven, one, 1, "i1") is ErrorCode.FENCED_INSTANCE_ID
    last = [each for each in driven.log if isinstance(each, r.TargetEpochRecord)]
    assert last == [r.TargetEpochRecord(GROUP, r.TargetEpoch(1, 0))]


def test_one_that_comes_back_in_a_rebalance_brings_a_new_target() -> None:
    driven = a_broker()
    one, two = a_classic_group(driven, "a0 a1 a2 a3", "", instance_ids=("i1", "i2"))
    driven.send(a_join(one, group_instance_id="i1"))

    epoch, _ = consumed(driven, "new", instance_id="i2")

    assert epoch == 2
    assert len(driven.group().targets["new"]) == 1
    assert beat(driven, one, 1, "i1") is ErrorCode.REBALANCE_IN_PROGRESS
    assert two not in driven.group().members


def test_one_that_comes_back_when_partitions_are_nobodys_brings_a_new_target() -> None:
    driven = a_broker()
    a_classic_group(driven, "a0", "a2 a3", instance_ids=("i1", "i2"))

    assert consumed(driven, "new", instance_id="i1") == (2, some("a0 a1"))


def test_classic_members_one_by_one_become_consumers() -> None:
    driven = a_broker(a_topic("a", 2))
    one, two = a_classic_group(driven, "a0", "a1", instance_ids=("i1", "i2"))

    assert consumed(driven, "c1", instance_id="i1") == (1, some("a0"))
    assert consumed(driven, "c2", instance_id="i2") == (1, some("a1"))

    assert driven.group().classic_count == 0
    assert driven.group().members.keys() == {"c1", "c2"}
    assert {one, two}.isdisjoint(driven.group().targets)


@pytest.mark.parametrize("rejoins", [False, True])
def test_a_restart_finds_the_consumer_group_as_it_was(*, rejoins: bool) -> None:
    driven = a_broker()
    one, two = a_classic_group(driven, "a0 a1", "a2 a3")
    consumed(driven, "new")
    if rejoins:
        synced(driven, joined(driven, one, "a", "a0 a1"))
    before = driven.group().description(), dict(driven.group().targets)

    driven.restart()

    assert (driven.group().description(), dict(driven.group().targets)) == before
    assert beat(driven, two, 1) is ErrorCode.REBALANCE_IN_PROGRESS
