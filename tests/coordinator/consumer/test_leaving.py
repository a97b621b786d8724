"""Members that go: for good, for a while, or for another one of their instance."""

from __future__ import annotations

import pytest

from pykbroker.coordinator.commands import ConsumerHeartbeatReply
from pykbroker.coordinator.consumer.metadata_hash import NO_TOPICS_HASH, group_hash
from pykbroker.coordinator.records import (
    CurrentAssignment,
    CurrentRecord,
    GroupEpoch,
    GroupEpochRecord,
    MemberRecord,
    MemberState,
    TargetRecord,
)
from pykbroker.coordinator.timers import TimerKey, TimerKind
from pykbroker.errors import ErrorCode
from tests.coordinator.consumer.members import (
    GROUP,
    SESSION_MS,
    Consumer,
    a_heartbeat,
    a_join,
    a_shard,
    group_of,
    members,
    settle,
    shares,
)
from tests.coordinator.consumer.partitions import a_topic, held, some, told, told_with_epochs
from tests.coordinator.driven import Driven

SESSION_OF_ALICE = TimerKey(TimerKind.CONSUMER_SESSION, GROUP, "alice")


def a_static_member(driven: Driven, member_id: str = "alice") -> Consumer:
    """Let a member with an instance id come to its share."""
    member = Consumer(driven, member_id, instance_id="one")
    member.join()
    return member


@pytest.mark.row(115)
def test_who_leaves_is_forgotten_and_the_epoch_goes_up() -> None:
    driven = a_shard()
    alice, _ = members(driven, "alice", "bob")
    written = len(driven.log)

    reply = alice.leave()

    assert reply == ConsumerHeartbeatReply("alice", -1)
    assert driven.log[written:] == [
        CurrentRecord(GROUP, "alice", None),
        TargetRecord(GROUP, "alice", None),
        MemberRecord(GROUP, "alice", None),
        GroupEpochRecord(GROUP, GroupEpoch(4, group_hash(["a"], driven.topics))),
    ]
    assert list(group_of(driven).members) == ["bob"]


@pytest.mark.row(115)
def test_the_others_take_over_from_who_left_without_waiting() -> None:
    driven = a_shard()
    alice, bob = members(driven, "alice", "bob")
    alice.leave()

    reply = bob.heartbeat()

    assert (reply.member_epoch, told(reply.assignment)) == (4, "a0 a1 a2")


@pytest.mark.row(115)
def test_a_group_stays_when_its_last_member_leaves() -> None:
    driven = a_shard()
    (alice,) = members(driven, "alice")

    alice.leave()

    group = group_of(driven)
    assert (group.state_name, group.group_epoch, group.metadata_hash) == ("Empty", 3, 0)
    assert NO_TOPICS_HASH == 0
    assert (group.targets, group.topic_counts) == ({}, {})


@pytest.mark.row(115)
def test_nothing_is_due_for_who_left() -> None:
    driven = a_shard()
    (alice,) = members(driven, "alice")

    alice.leave()

    assert driven.shard.timers.due_ms(SESSION_OF_ALICE) is None
    written = len(driven.log)
    driven.pass_time(10 * SESSION_MS)
    assert len(driven.log) == written


@pytest.mark.row(115)
def test_a_static_member_that_leaves_for_a_while_is_kept_with_its_share_at_epoch_0() -> None:
    driven = a_shard()
    alice = a_static_member(driven)
    written = len(driven.log)

    reply = alice.leave(-2)

    away = CurrentAssignment(-2, 0, MemberState.STABLE, held("a0 a1 a2", 0), {})
    assert reply == ConsumerHeartbeatReply("alice", -2)
    assert driven.log[written:] == [CurrentRecord(GROUP, "alice", away)]
    assert group_of(driven).group_epoch == 2


@pytest.mark.row(115)
def test_who_comes_back_for_its_instance_has_its_share_at_the_same_epoch() -> None:
    driven = a_shard()
    a_static_member(driven).leave(-2)
    written = len(driven.log)

    back = a_static_member(driven, "bob")

    assert (back.epoch, back.share) == (2, "a0 a1 a2")
    assert [type(record) for record in driven.log[written:]] == [
        *(CurrentRecord, TargetRecord, MemberRecord),
        *(MemberRecord, TargetRecord, CurrentRecord),
        CurrentRecord,
    ]
    assert shares(driven) == {"bob": "a0 a1 a2"}
    assert told_with_epochs(group_of(driven).members["bob"].current.assigned) == "a0@0 a1@0 a2@0"


@pytest.mark.row(115)
def test_who_comes_back_with_the_same_member_id_takes_its_own_place() -> None:
    driven = a_shard()
    alice = a_static_member(driven)
    alice.leave(-2)

    alice.join()

    assert (alice.epoch, alice.share) == (2, "a0 a1 a2")
    assert list(group_of(driven).members) == ["alice"]


@pytest.mark.row(115)
def test_who_comes_back_with_another_subscription_bumps_the_epoch() -> None:
    driven = a_shard()
    a_static_member(driven).leave(-2)

    back = Consumer(driven, "bob", topics=("a", "b"), instance_id="one")
    back.join()

    assert (back.epoch, back.share) == (3, "a0 a1 a2 b0 b1")


@pytest.mark.row(115)
def test_who_comes_back_keeps_what_it_had_when_a_new_target_is_computed() -> None:
    driven = a_shard(a_topic("a", 6))
    alice, bob = a_static_member(driven), Consumer(driven, "bob")
    bob.join()
    settle([alice, bob])
    had = set((alice.share or "").split())
    alice.leave(-2)
    driven.follow(a_topic("a", 8))

    a_static_member(driven, "carol")

    assert len(had) == 3
    assert had < set((shares(driven)["carol"] or "").split())


@pytest.mark.row(115)
def test_who_does_not_come_back_within_its_session_timeout_is_removed() -> None:
    driven = a_shard()
    alice = a_static_member(driven)
    driven.pass_time(SESSION_MS - 10)
    alice.leave(-2)

    driven.pass_time(9)
    kept = list(group_of(driven).members)
    driven.pass_time(1)

    assert kept == ["alice"]
    assert list(group_of(driven).members) == []


@pytest.mark.row(115)
def test_others_wait_for_the_share_of_who_is_away() -> None:
    driven = a_shard()
    a_static_member(driven).leave(-2)

    bob = Consumer(driven, "bob")
    bob.join()
    settle([bob])

    assert bob.share == ""
    driven.pass_time(SESSION_MS - 1)
    bob.heartbeat()
    driven.pass_time(1)
    settle([bob])
    assert bob.share == "a0 a1 a2"


def test_who_is_away_while_it_should_give_up_has_nothing_left_to_give_up() -> None:
    driven = a_shard(assignors="range")
    alice = a_static_member(driven)
    bob = Consumer(driven, "bob")
    bob.join()
    driven.ask(a_heartbeat("alice", 2, instance_id="one"))

    alice.leave(-2)
    settle([bob])

    current = group_of(driven).members["alice"].current
    assert told(current.revoking) == ""
    assert bob.share == "a2"


def test_who_is_away_while_it_should_give_up_is_kept_beyond_its_rebalance_timeout() -> None:
    driven = a_shard()
    alice = Consumer(driven, "alice", instance_id="one")
    alice.join(rebalance_timeout_ms=10_000)
    bob = Consumer(driven, "bob")
    bob.join()
    driven.ask(a_heartbeat("alice", 2, instance_id="one"))

    alice.leave(-2)
    driven.pass_time(10_000)

    assert set(group_of(driven).members) == {"alice", "bob"}


@pytest.mark.row(115)
def test_a_static_member_that_leaves_for_good_is_forgotten() -> None:
    driven = a_shard()
    alice = a_static_member(driven)

    reply = alice.leave(-1)

    assert reply.member_epoch == -1
    assert group_of(driven).members == {}
    assert group_of(driven).static_members == {}


@pytest.mark.row(115)
def test_who_is_away_cannot_go_on_at_its_old_epoch() -> None:
    driven = a_shard()
    alice = a_static_member(driven)
    alice.leave(-2)

    assert alice.refusal(member_epoch=2) is ErrorCode.FENCED_MEMBER_EPOCH


def test_an_instance_id_may_be_taken_up_by_a_member_that_had_none() -> None:
    driven = a_shard()
    members(driven, "alice")

    driven.ask(a_join("alice", "a", instance_id="one"))

    assert group_of(driven).static_members == {"one": "alice"}


def test_a_member_takes_the_target_of_its_instance_along_when_targets_are_put_off() -> None:
    driven = a_shard(assignment_interval_ms="1000")
    a_static_member(driven).leave(-2)

    back = Consumer(driven, "bob", topics=("a", "b"), instance_id="one")
    reply = back.join()

    assert (reply.member_epoch, told(reply.assignment)) == (2, "a0 a1 a2")
    assert shares(driven) == {"bob": "a0 a1 a2"}
    assert group_of(driven).targets["bob"] == some("a0 a1 a2")
