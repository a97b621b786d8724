"""Topics change: groups that subscribe to them look again at their next heartbeat."""

from __future__ import annotations

from dataclasses import replace

from pykbroker.coordinator.consumer.metadata_hash import group_hash
from pykbroker.coordinator.records import GroupEpoch, GroupEpochRecord, Record
from tests.coordinator.consumer.members import (
    GROUP,
    a_shard,
    group_of,
    members,
    settle,
)
from tests.coordinator.consumer.partitions import a_topic
from tests.coordinator.driven import Driven, topics_of

A, B = a_topic("a", 3), a_topic("b", 2)


def epochs_since(driven: Driven, written: int) -> list[Record]:
    """Give the group's epochs that were written since."""
    return [record for record in driven.log[written:] if isinstance(record, GroupEpochRecord)]


def test_new_partitions_are_given_out_at_the_next_heartbeat() -> None:
    driven = a_shard(A, B)
    (alice,) = members(driven, "alice")
    written = len(driven.log)

    driven.follow(a_topic("a", 5), B)
    nothing_yet = epochs_since(driven, written)
    alice.heartbeat()

    assert nothing_yet == []
    assert epochs_since(driven, written) == [
        GroupEpochRecord(GROUP, GroupEpoch(3, group_hash(["a"], driven.topics)))
    ]
    assert (alice.epoch, alice.share) == (3, "a0 a1 a2 a3 a4")


def test_a_topic_that_was_waited_for_is_given_out_once_it_exists() -> None:
    driven = a_shard(A)
    (alice,) = members(driven, "alice", topics=("a", "b"))

    driven.follow(A, B)
    alice.heartbeat()

    assert (alice.epoch, alice.share) == (3, "a0 a1 a2 b0 b1")


def test_a_deleted_topic_is_asked_back() -> None:
    driven = a_shard(A, B)
    (alice,) = members(driven, "alice", topics=("a", "b"))

    driven.follow(A)
    alice.heartbeat()
    settle([alice])

    assert (alice.epoch, alice.share) == (3, "a0 a1 a2")


def test_a_topic_that_is_made_anew_is_another_one() -> None:
    driven = a_shard(A, B)
    (alice,) = members(driven, "alice")
    anew = replace(A, topic_id=b"another id".ljust(16))

    driven.follow(anew, B)
    alice.heartbeat()
    settle([alice])

    assert alice.epoch == 3
    assert alice.has == {anew.topic_id: frozenset({0, 1, 2})}


def test_topics_that_nobody_subscribes_to_are_of_no_concern() -> None:
    driven = a_shard(A, B)
    (alice,) = members(driven, "alice")
    written = len(driven.log)

    driven.follow(A, a_topic("b", 7), a_topic("c", 1))
    alice.heartbeat()

    assert driven.log[written:] == []
    assert group_of(driven).metadata_is_checked


def test_other_racks_of_a_topic_are_news() -> None:
    driven = a_shard(A, B)
    (alice,) = members(driven, "alice")
    written = len(driven.log)

    driven.follow(a_topic("a", 3, "x", "y", "z"), B)
    alice.heartbeat()

    assert len(epochs_since(driven, written)) == 1
    assert (alice.epoch, alice.share) == (3, "a0 a1 a2")


def test_topics_that_changed_while_nobody_coordinated_are_noticed_after_a_restart() -> None:
    driven = a_shard(A, B)
    (alice,) = members(driven, "alice")
    driven.topics = topics_of([a_topic("a", 4), B], revision=2)

    driven.restart()
    alice.heartbeat()

    assert (alice.epoch, alice.share) == (3, "a0 a1 a2 a3")


def test_a_member_that_leaves_takes_the_news_of_a_topic_along() -> None:
    driven = a_shard(A, B)
    alice, bob = members(driven, "alice", "bob")
    driven.follow(a_topic("a", 4), B)
    bob.leave()
    written = len(driven.log)

    settle([alice])

    assert epochs_since(driven, written) == []
    assert (alice.epoch, alice.share) == (4, "a0 a1 a2 a3")
