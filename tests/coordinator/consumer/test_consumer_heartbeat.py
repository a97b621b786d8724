"""Members of the consumer protocol join and heartbeat: what they are told, and what is written."""

from __future__ import annotations

import pytest

from pykbroker.coordinator.commands import ConsumerHeartbeatReply
from pykbroker.coordinator.consumer.metadata_hash import group_hash
from pykbroker.coordinator.records import (
    ClassicGroupRecord,
    CurrentAssignment,
    CurrentRecord,
    GroupEpoch,
    GroupEpochRecord,
    MemberRecord,
    MemberState,
    MemberSubscription,
    StoredGroup,
    TargetEpoch,
    TargetEpochRecord,
    TargetRecord,
)
from pykbroker.coordinator.timers import TimerKey, TimerKind
from pykbroker.errors import ErrorCode
from tests.coordinator.consumer.members import (
    GROUP,
    REBALANCE_MS,
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
from tests.coordinator.consumer.partitions import held, some, told
from tests.coordinator.driven import START_MS

REBALANCE_OF_ALICE = TimerKey(TimerKind.CONSUMER_REBALANCE, GROUP, "alice")
SUBSCRIBED_TO_A = MemberSubscription(
    instance_id=None,
    rack_id=None,
    client_id="client",
    client_host="/127.0.0.1",
    subscribed_topic_names=("a",),
    subscribed_topic_regex="",
    rebalance_timeout_ms=REBALANCE_MS,
    server_assignor=None,
)


def test_the_first_member_is_given_everything_at_epoch_2() -> None:
    driven = a_shard()

    reply = driven.ask(a_join("alice", "a"))

    assert reply == ConsumerHeartbeatReply(
        "alice", 2, heartbeat_interval_ms=5000, assignment=some("a0 a1 a2")
    )
    assert driven.log == [
        MemberRecord(GROUP, "alice", SUBSCRIBED_TO_A),
        GroupEpochRecord(GROUP, GroupEpoch(2, group_hash(["a"], driven.topics))),
        TargetRecord(GROUP, "alice", some("a0 a1 a2")),
        TargetEpochRecord(GROUP, TargetEpoch(2, START_MS)),
        CurrentRecord(
            GROUP,
            "alice",
            CurrentAssignment(2, 0, MemberState.STABLE, held("a0 a1 a2", 2), held("")),
        ),
    ]


def test_a_member_that_subscribes_to_nothing_comes_to_epoch_1_and_leaves_the_group_s_as_it_is() -> (
    None
):
    driven = a_shard()

    reply = driven.ask(a_join("alice"))

    assert (reply.member_epoch, reply.assignment) == (1, {})
    assert [type(record) for record in driven.log] == [MemberRecord, CurrentRecord]


def test_a_heartbeat_without_news_writes_nothing_and_tells_no_assignment() -> None:
    driven = a_shard()
    (alice,) = members(driven, "alice")
    written = len(driven.log)

    said_nothing = driven.ask(a_heartbeat("alice", alice.epoch))
    said_what_it_has = alice.heartbeat()

    assert said_nothing == said_what_it_has == ConsumerHeartbeatReply("alice", 2, 5000)
    assert len(driven.log) == written


def test_who_says_everything_of_itself_is_told_its_assignment_again() -> None:
    driven = a_shard()
    (alice,) = members(driven, "alice")

    reply = alice.heartbeat(rebalance_timeout_ms=REBALANCE_MS, subscribed_topic_names=("a",))

    assert told(reply.assignment) == "a0 a1 a2"


def test_a_second_member_waits_at_its_epoch_until_the_first_has_given_up_its_share() -> None:
    driven = a_shard(assignors="range")
    (alice,) = members(driven, "alice")
    bob = Consumer(driven, "bob")

    def step(reply: ConsumerHeartbeatReply) -> tuple[int, str | None]:
        return reply.member_epoch, told(reply.assignment)

    assert step(bob.join()) == (3, "")
    assert step(bob.heartbeat()) == (3, None)
    assert step(driven.ask(a_heartbeat("alice", 2))) == (2, "a0 a1")
    assert step(bob.heartbeat()) == (3, None)
    alice.has = some("a0 a1")
    assert step(alice.heartbeat()) == (3, None)
    assert step(bob.heartbeat()) == (3, "a2")
    assert step(alice.heartbeat()) == (3, None)


def test_three_members_share_two_topics_and_none_is_left_out() -> None:
    driven = a_shard()

    consumers = members(driven, "alice", "bob", "carol", topics=("a", "b"))

    owned = " ".join(consumer.share or "" for consumer in consumers)
    assert sorted(owned.split()) == ["a0", "a1", "a2", "b0", "b1"]
    assert {consumer.epoch for consumer in consumers} == {4}
    assert group_of(driven).state_name == "Stable"


def test_what_a_silent_member_had_goes_to_the_others_after_its_session_timeout() -> None:
    driven = a_shard()
    alice, bob = members(driven, "alice", "bob")
    driven.pass_time(SESSION_MS - 1)
    bob.heartbeat()

    driven.pass_time(1)
    settle([bob])

    assert bob.share == "a0 a1 a2"
    assert bob.epoch == 4
    assert alice.refusal() is ErrorCode.UNKNOWN_MEMBER_ID


def test_each_heartbeat_begins_the_session_anew() -> None:
    driven = a_shard()
    (alice,) = members(driven, "alice")

    for _ in range(3):
        driven.pass_time(SESSION_MS - 1)
        alice.heartbeat()

    assert list(group_of(driven).members) == ["alice"]


def test_a_member_that_does_not_give_up_within_its_rebalance_timeout_is_removed() -> None:
    driven = a_shard()
    alice, bob = Consumer(driven, "alice"), Consumer(driven, "bob")
    alice.join(rebalance_timeout_ms=10_000)
    bob.join()
    driven.ask(a_heartbeat("alice", 2))

    driven.pass_time(9_999)
    before = set(group_of(driven).members)
    driven.ask(a_heartbeat("alice", 2))
    driven.pass_time(1)

    assert before == {"alice", "bob"}
    assert set(group_of(driven).members) == {"bob"}
    assert alice.refusal() is ErrorCode.UNKNOWN_MEMBER_ID


def test_who_gives_up_in_time_is_let_off_its_rebalance_timeout() -> None:
    driven = a_shard()
    alice, bob = Consumer(driven, "alice"), Consumer(driven, "bob")
    alice.join(rebalance_timeout_ms=10_000)
    bob.join()
    alice.heartbeat(topic_partitions=None)

    driven.pass_time(9_999)
    settle([alice, bob])

    assert driven.shard.timers.due_ms(REBALANCE_OF_ALICE) is None
    driven.pass_time(10_000)
    assert set(group_of(driven).members) == {"alice", "bob"}


def test_a_rebalance_timeout_of_who_has_given_up_removes_nobody() -> None:
    driven = a_shard()
    members(driven, "alice")

    driven.shard.timers.set(REBALANCE_OF_ALICE, driven.elapsed_ms)
    driven.pass_time(0)

    assert list(group_of(driven).members) == ["alice"]


def test_a_member_that_loses_its_memory_joins_again_and_keeps_its_share() -> None:
    driven = a_shard()
    alice, bob = members(driven, "alice", "bob")
    share = alice.share

    reply = alice.join()

    assert (reply.member_epoch, told(reply.assignment)) == (3, share)
    assert bob.heartbeat().assignment is None


def test_a_new_client_address_is_written_and_changes_no_epoch() -> None:
    driven = a_shard()
    (alice,) = members(driven, "alice")
    written = len(driven.log)

    alice.heartbeat(client_host="/10.0.0.1")

    assert [type(record) for record in driven.log[written:]] == [MemberRecord]
    assert group_of(driven).group_epoch == 2


def test_another_subscription_bumps_the_epoch_and_is_asked_back_at_once() -> None:
    driven = a_shard()
    (alice,) = members(driven, "alice")

    reply = alice.heartbeat(subscribed_topic_names=("b",))

    assert (reply.member_epoch, told(reply.assignment)) == (2, "")
    settle([alice])
    assert (alice.epoch, alice.share) == (3, "b0 b1")


def test_topics_named_twice_or_in_another_order_are_no_other_subscription() -> None:
    driven = a_shard()
    (alice,) = members(driven, "alice", topics=("a", "b"))
    written = len(driven.log)

    alice.heartbeat(subscribed_topic_names=("b", "a", "b"))

    assert len(driven.log) == written


def test_a_target_follows_the_one_before_no_sooner_than_the_assignment_interval() -> None:
    driven = a_shard(assignment_interval_ms="1000")
    alice, bob = Consumer(driven, "alice"), Consumer(driven, "bob")
    alice.join()
    driven.pass_time(999)

    early = bob.join()
    driven.pass_time(1)
    settle([alice, bob])

    assert (early.member_epoch, told(early.assignment)) == (2, "")
    assert sorted(f"{alice.share} {bob.share}".split()) == ["a0", "a1", "a2"]
    assert alice.epoch == bob.epoch == 3


def test_a_member_of_an_old_client_is_given_an_id() -> None:
    driven = a_shard()

    reply = driven.ask(a_join("", "a", makes_member_id=False))

    assert len(reply.member_id) == 22
    assert list(group_of(driven).members) == [reply.member_id]


def test_an_empty_classic_group_gives_way_to_the_first_member() -> None:
    driven = a_shard()
    nobody = StoredGroup("consumer", 3, None, None, START_MS, ())
    driven.machine.replay(ClassicGroupRecord(GROUP, nobody))

    reply = driven.ask(a_join("alice", "a"))

    assert reply.member_epoch == 2
    assert driven.log[0] == ClassicGroupRecord(GROUP, None)
    assert shares(driven) == {"alice": "a0 a1 a2"}


def test_a_group_that_all_have_left_is_joined_at_a_later_epoch() -> None:
    driven = a_shard()
    (alice,) = members(driven, "alice")
    alice.leave()

    reply = Consumer(driven, "bob").join()

    assert (reply.member_epoch, told(reply.assignment)) == (4, "a0 a1 a2")


@pytest.mark.parametrize("topics", [("missing",), ("missing", "a")])
def test_topics_that_do_not_exist_are_subscribed_to_and_give_nothing(
    topics: tuple[str, ...],
) -> None:
    driven = a_shard()

    (alice,) = members(driven, "alice", topics=topics)

    assert (alice.epoch, alice.share) == (2, "a0 a1 a2" if "a" in topics else "")
