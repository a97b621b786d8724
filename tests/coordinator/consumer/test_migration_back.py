"""A consumer group becomes a classic group when only members of that protocol are left."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from pykbroker.coordinator import records as r
from pykbroker.coordinator.commands import LeaveReply, LeftMember
from pykbroker.coordinator.group import GroupKind
from pykbroker.coordinator.timers import TimerKey, TimerKind
from pykbroker.errors import ErrorCode
from tests.coordinator.consumer.mixed_groups import (
    CONSUMER_SESSION_MS,
    GROUP,
    REBALANCE_MS,
    SESSION_MS,
    a_broker,
    a_classic_group,
    a_consumer,
    a_join,
    a_leave,
    a_sync,
    beat,
    consumed,
    in_short,
    joined,
    metadata,
    share,
    synced,
)
from tests.coordinator.driven import Driven


@dataclass
class MixedGroup:
    """A stable consumer group of two classic members and one of the consumer protocol."""

    driven: Driven
    one: str
    two: str
    epoch: int
    shares: dict[str, str]
    """Of all three, in short."""


def a_mixed_group(
    driven: Driven, *, instance_ids: tuple[str | None, ...] = (), consumer: str | None = None
) -> MixedGroup:
    """Let `new` join a classic group of two; `consumer` is its instance id."""
    one, two = a_classic_group(driven, "a0 a1", "a2 a3", instance_ids=instance_ids)
    epoch, _ = consumed(driven, "new", instance_id=consumer)
    shares = {}
    statics = instance_ids or (None, None)
    for member_id, instance_id in zip((one, two), statics, strict=True):
        reply = joined(driven, member_id, group_instance_id=instance_id)
        shares[member_id] = synced(driven, reply, group_instance_id=instance_id)
    _, assignment = consumed(driven, "new", epoch, instance_id=consumer)
    numbers = sorted(assignment[driven.topics.by_name["a"].topic_id])
    shares["new"] = " ".join(f"a{number}" for number in numbers)
    assert driven.group().state_name == "Stable"
    return MixedGroup(driven, one, two, epoch, shares)


def a_stored_member(
    mixed: MixedGroup, member_id: str, instance_id: str | None = None
) -> r.StoredMember:
    """Give what a classic group's record says of a member of `a_mixed_group`."""
    return r.StoredMember(
        member_id=member_id,
        group_instance_id=instance_id,
        client_id="classic",
        client_host="/127.0.0.1",
        rebalance_timeout_ms=REBALANCE_MS,
        session_timeout_ms=SESSION_MS,
        subscription=metadata(),
        assignment=share(mixed.shares[member_id]),
    )


def state_of(driven: Driven) -> tuple[GroupKind, str]:
    group = driven.group()
    return group.kind, group.state_name


PREPARING = (GroupKind.CLASSIC, "PreparingRebalance")


def test_the_last_consumer_that_leaves_lets_the_classic_members_rebalance() -> None:
    mixed = a_mixed_group(a_broker())
    driven, one, two = mixed.driven, mixed.one, mixed.two
    before = len(driven.log)

    driven.ask(a_consumer("new", -1))

    everybody = (one, two, "new")
    assert driven.log[before:] == [
        *(r.CurrentRecord(GROUP, each, None) for each in everybody),
        *(r.TargetRecord(GROUP, each, None) for each in everybody),
        r.TargetEpochRecord(GROUP, None),
        *(r.MemberRecord(GROUP, each, None) for each in everybody),
        r.PartitionMetadataRecord(GROUP),
        r.GroupEpochRecord(GROUP, None),
        r.ClassicGroupRecord(
            GROUP,
            r.StoredGroup(
                protocol_type="consumer",
                generation=2,
                protocol="range",
                leader=None,
                state_timestamp_ms=driven.wall_ms,
                members=(a_stored_member(mixed, one), a_stored_member(mixed, two)),
            ),
        ),
    ]
    assert state_of(driven) == PREPARING
    assert [beat(driven, each, 2) for each in (one, two)] == [ErrorCode.REBALANCE_IN_PROGRESS] * 2


def test_the_classic_members_go_on_among_themselves() -> None:
    mixed = a_mixed_group(a_broker())
    driven, one, two = mixed.driven, mixed.one, mixed.two
    driven.ask(a_consumer("new", -1))

    tokens = [driven.send(a_join(each)) for each in (one, two)]
    replies = [driven.take(token) for token in tokens]

    assert [(each.generation_id, each.leader) for each in replies] == [(3, one), (3, one)]
    told = driven.ask(a_sync(one, 3, {one: share("a0 a1"), two: share("a2 a3")}))
    assert in_short(told.assignment) == "a0 a1"
    assert state_of(driven) == (GroupKind.CLASSIC, "Stable")


@pytest.mark.parametrize("policy", ["disabled", "upgrade"])
def test_the_policy_may_forbid_it(policy: str) -> None:
    mixed = a_mixed_group(a_broker())
    driven = mixed.driven
    driven.properties["group.consumer.migration.policy"] = policy
    driven.restart()

    driven.ask(a_consumer("new", -1))

    assert state_of(driven) == (GroupKind.CONSUMER, "Assigning")
    assert driven.group().members.keys() == {mixed.one, mixed.two}


def test_a_group_larger_than_classic_groups_may_be_stays_a_consumer_group() -> None:
    mixed = a_mixed_group(a_broker())
    driven = mixed.driven
    driven.properties["group.max.size"] = "1"
    driven.restart()

    driven.ask(a_consumer("new", -1))

    assert driven.group().kind is GroupKind.CONSUMER


def test_members_that_leave_together_are_judged_together() -> None:
    mixed = a_mixed_group(a_broker())
    driven = mixed.driven
    other, _ = consumed(driven, "other", instance_id="i")
    assert other == 3

    reply = driven.ask(a_leave(mixed.one, "new", ("", "i"), "new"))

    assert reply == LeaveReply(
        (
            LeftMember(mixed.one, None, ErrorCode.NONE),
            LeftMember("new", None, ErrorCode.NONE),
            LeftMember("", "i", ErrorCode.NONE),
            LeftMember("new", None, ErrorCode.NONE),
        )
    )
    assert state_of(driven) == PREPARING
    assert driven.group().members.keys() == {mixed.two}


def test_departures_since_the_last_target_count_for_the_generation() -> None:
    mixed = a_mixed_group(a_broker())
    driven = mixed.driven
    consumed(driven, "other")
    driven.ask(a_leave("other"))

    driven.ask(a_consumer("new", -1))

    assert driven.group().generation_id == mixed.epoch + 2


def test_a_group_that_nobody_is_left_of_stays_an_empty_consumer_group() -> None:
    mixed = a_mixed_group(a_broker())

    mixed.driven.ask(a_leave(mixed.one, mixed.two, "new"))

    assert state_of(mixed.driven) == (GroupKind.CONSUMER, "Empty")


def test_a_consumer_that_is_silent_is_the_last_one_too() -> None:
    mixed = a_mixed_group(a_broker())
    driven = mixed.driven
    for _ in range(CONSUMER_SESSION_MS // 5_000):
        assert {beat(driven, each, mixed.epoch) for each in (mixed.one, mixed.two)} == {
            ErrorCode.NONE
        }
        driven.pass_time(5_000)

    assert state_of(driven) == PREPARING
    assert driven.group().members.keys() == {mixed.one, mixed.two}


def test_deadlines_of_the_consumer_group_are_over_and_members_have_their_sessions() -> None:
    mixed = a_mixed_group(a_broker())
    driven = mixed.driven
    consumed(driven, "other")
    assert beat(driven, mixed.one, mixed.epoch) is ErrorCode.REBALANCE_IN_PROGRESS
    driven.ask(a_leave("other"))
    driven.pass_time(1_000)
    driven.ask(a_consumer("new", -1))

    due = driven.shard.timers.due_ms
    assert {
        kind
        for kind in TimerKind
        for member_id in ("", mixed.one, mixed.two, "new", "other")
        if due(TimerKey(kind, GROUP, member_id)) is not None
    } == {TimerKind.CLASSIC_SESSION, TimerKind.CLASSIC_REBALANCE}
    driven.pass_time(SESSION_MS)
    assert state_of(driven) == (GroupKind.CLASSIC, "Empty")


def test_a_static_consumer_that_comes_back_as_a_classic_member_keeps_its_share() -> None:
    mixed = a_mixed_group(a_broker(), instance_ids=("i1", "i2"), consumer="i3")
    driven = mixed.driven
    before = len(driven.log)

    reply = driven.ask(a_join(group_instance_id="i3"))

    assert (reply.generation_id, reply.leader, reply.protocol_name) == (2, "", "range")
    assert state_of(driven) == (GroupKind.CLASSIC, "Stable")
    assert synced(driven, reply, group_instance_id="i3") == mixed.shares["new"]
    assert beat(driven, mixed.one, 2, "i1") is ErrorCode.NONE
    stored = driven.log[-1]
    assert isinstance(stored, r.ClassicGroupRecord)
    assert stored.value is not None
    mixed.shares[reply.member_id] = mixed.shares["new"]
    assert stored.value.members == (
        a_stored_member(mixed, mixed.one, "i1"),
        a_stored_member(mixed, mixed.two, "i2"),
        a_stored_member(mixed, reply.member_id, "i3"),
    )
    members = [each.member_id for each in driven.log[before:] if isinstance(each, r.MemberRecord)]
    assert members == ["new", *[reply.member_id] * 2, mixed.one, mixed.two, reply.member_id]


def test_one_that_comes_back_for_other_topics_lets_all_rebalance() -> None:
    mixed = a_mixed_group(a_broker(), instance_ids=("i1", "i2"), consumer="i3")
    driven = mixed.driven

    reply = driven.ask(a_join("", "b", group_instance_id="i3"))

    assert reply.generation_id == 0
    assert state_of(driven) == PREPARING
    assert beat(driven, mixed.one, 2, "i1") is ErrorCode.REBALANCE_IN_PROGRESS
    tokens = [
        driven.send(a_join(member_id, group_instance_id=instance_id))
        for member_id, instance_id in ((mixed.one, "i1"), (mixed.two, "i2"))
    ]
    assert all(driven.waits(token) for token in tokens)
    last = driven.send(a_join(reply.member_id, "b", group_instance_id="i3"))
    assert {driven.take(token).generation_id for token in (*tokens, last)} == {3}


def test_one_that_comes_back_while_another_waits_for_partitions_lets_all_rebalance() -> None:
    driven = a_broker()
    consumed(driven, "new", instance_id="i")
    waiting = joined(driven)
    assert synced(driven, waiting) == ""

    reply = driven.ask(a_join(group_instance_id="i"))

    assert reply.generation_id == waiting.generation_id
    assert state_of(driven) == PREPARING
    heard = beat(driven, waiting.member_id, waiting.generation_id)
    assert heard is ErrorCode.REBALANCE_IN_PROGRESS


def test_other_protocols_of_members_are_not_forgotten() -> None:
    driven = a_broker()
    both = (("range", metadata()), ("sticky", metadata()))
    consumed(driven, "new")
    one = joined(driven, protocols=both)
    driven.ask(a_consumer("new", -1))

    token = driven.send(a_join(knows_member_id_required=False, protocols=(("sticky", metadata()),)))
    again = driven.send(a_join(one.member_id, protocols=both))

    assert driven.take(again).protocol_name == driven.take(token).protocol_name == "sticky"


@pytest.mark.parametrize(("topics", "state"), [("a", "Stable"), ("b", "PreparingRebalance")])
def test_a_restart_finds_the_classic_group_stable_or_about_to_rebalance(
    topics: str, state: str
) -> None:
    mixed = a_mixed_group(a_broker(), instance_ids=("i1", "i2"), consumer="i3")
    driven = mixed.driven
    reply = driven.ask(a_join("", topics, group_instance_id="i3"))

    driven.restart()

    assert state_of(driven) == (GroupKind.CLASSIC, state)
    members = driven.group().members
    assert members.keys() == {mixed.one, mixed.two, reply.member_id}
    assert [in_short(members[each].assignment) for each in (mixed.one, mixed.two)] == [
        mixed.shares[mixed.one],
        mixed.shares[mixed.two],
    ]


def test_a_group_goes_both_ways_time_and_again() -> None:
    mixed = a_mixed_group(a_broker())
    driven, members = mixed.driven, (mixed.one, mixed.two)
    for _ in range(3):
        driven.ask(a_consumer("new", -1))
        tokens = [driven.send(a_join(each)) for each in members]
        generation = driven.take(tokens[0]).generation_id
        shares = {mixed.one: share("a0 a1"), mixed.two: share("a2 a3")}
        driven.ask(a_sync(mixed.one, generation, shares))
        driven.restart()
        epoch, _ = consumed(driven, "new")
        assert epoch == generation + 1
        for each in members:
            synced(driven, joined(driven, each))
        assert consumed(driven, "new", epoch)[0] == epoch
        assert state_of(driven) == (GroupKind.CONSUMER, "Stable")


def test_a_rebalance_that_a_restart_cuts_short_begins_again() -> None:
    mixed = a_mixed_group(a_broker())
    driven, one, two = mixed.driven, mixed.one, mixed.two
    driven.ask(a_consumer("new", -1))

    driven.restart()

    assert [beat(driven, each, 2) for each in (one, two)] == [ErrorCode.REBALANCE_IN_PROGRESS] * 2
    tokens = [driven.send(a_join(each)) for each in (one, two)]
    assert [driven.take(token).leader for token in tokens] == [one, one]


def test_the_record_tells_what_members_have_not_what_they_are_to_have() -> None:
    driven = a_broker()
    consumed(driven, "new")
    one = joined(driven)
    assert synced(driven, one) == ""
    assert driven.group().targets[one.member_id]

    driven.ask(a_consumer("new", -1))

    assert in_short(driven.group().members[one.member_id].assignment) == ""


def test_what_a_member_has_yet_to_give_up_is_given_to_nobody_who_joins_before_it_knows() -> None:
    driven = a_broker()
    (one,) = a_classic_group(driven, "a0 a1 a2 a3")
    consumed(driven, "new")
    driven.ask(a_consumer("new", -1))

    _, assignment = consumed(driven, "newer")

    assert assignment == {}
    assert driven.group().owner_of(driven.topics.by_name["a"].topic_id, 0) == one


def test_one_that_comes_back_with_another_protocol_than_the_others_lets_all_rebalance() -> None:
    driven = a_broker()
    consumed(driven, "new", instance_id="i", subscribed="x")
    one = joined(driven)
    assert synced(driven, one) == "a0 a1 a2 a3"
    consumed(driven, "new", 2, instance_id="i", topic_partitions={})
    both = (("sticky", metadata("x")), ("range", metadata("x")))

    reply = driven.ask(a_join("", "x", group_instance_id="i", protocols=both))

    assert reply.protocol_name == "sticky"
    assert driven.group().protocol_name == "range"
    assert state_of(driven) == PREPARING
