"""Patterns: resolved after the heartbeat that brings them, all of a group together."""

from __future__ import annotations

import pytest

from pykbroker.coordinator.consumer.metadata_hash import group_hash
from pykbroker.coordinator.consumer.regexes import PAUSE_MS
from pykbroker.coordinator.records import (
    CurrentRecord,
    GroupEpoch,
    GroupEpochRecord,
    MemberRecord,
    RegexRecord,
    ResolvedRegex,
)
from tests.coordinator.consumer.members import (
    GROUP,
    Consumer,
    a_heartbeat,
    a_join,
    a_shard,
    group_of,
    members,
    settle,
)
from tests.coordinator.consumer.partitions import a_topic, told
from tests.coordinator.driven import START_MS, Driven

BOTH = [a_topic("a", 3), a_topic("b", 2)]


def a_subscriber(driven: Driven, pattern: str, member_id: str = "alice") -> Consumer:
    """Let a member join with a pattern, have it resolved, and come to its share."""
    consumer = Consumer(driven, member_id, topics=())
    consumer.join(subscribed_topic_regex=pattern)
    driven.pass_time(0)
    consumer.heartbeat()
    return consumer


def patterns(driven: Driven) -> dict[str, list[str]]:
    """Tell the topics of each resolved pattern."""
    return {each: sorted(found.topics) for each, found in group_of(driven).regexes.items()}


def test_a_pattern_gives_its_topics_at_the_heartbeat_after_the_one_that_brings_it() -> None:
    driven = a_shard()

    joined = driven.ask(a_join("alice", subscribed_topic_regex="[ab]"))
    driven.pass_time(0)
    then = driven.ask(a_heartbeat("alice", 1, topic_partitions={}))

    assert (joined.member_epoch, told(joined.assignment)) == (1, "")
    assert (then.member_epoch, told(then.assignment)) == (2, "a0 a1 a2 b0 b1")


def test_a_pattern_is_written_resolved_with_one_new_epoch_for_the_group() -> None:
    driven = a_shard()
    driven.ask(a_join("alice", subscribed_topic_regex="[ab]"))
    joined = [type(record) for record in driven.log]

    driven.pass_time(0)

    assert joined == [MemberRecord, CurrentRecord]
    resolved = ResolvedRegex(frozenset("ab"), version=1, timestamp_ms=START_MS)
    assert driven.log[2:] == [
        RegexRecord(GROUP, "[ab]", resolved),
        GroupEpochRecord(GROUP, GroupEpoch(2, group_hash("ab", driven.topics))),
    ]


def test_a_pattern_matches_whole_names_only() -> None:
    driven = a_shard(a_topic("a", 1), a_topic("z", 1))

    a_subscriber(driven, "a.*|")

    assert patterns(driven) == {"a.*|": ["a"]}


def test_a_pattern_that_matches_nothing_bumps_no_epoch() -> None:
    driven = a_shard()

    alice = a_subscriber(driven, "x.*")

    assert (alice.epoch, patterns(driven)) == (1, {"x.*": []})


def test_names_and_a_pattern_are_subscribed_to_together() -> None:
    driven = a_shard()
    alice = Consumer(driven, "alice", topics=("a",))

    alice.join(subscribed_topic_regex="b")
    first = alice.share
    driven.pass_time(0)
    alice.heartbeat()

    assert (first, alice.share) == ("a0 a1 a2", "a0 a1 a2 b0 b1")


def test_who_brings_a_pattern_that_is_resolved_is_at_the_new_epoch_at_once() -> None:
    driven = a_shard(assignors="range")
    a_subscriber(driven, "a")

    reply = driven.ask(a_join("bob", subscribed_topic_regex="a"))

    assert reply.member_epoch == 3
    assert patterns(driven) == {"a": ["a"]}


def test_another_pattern_waits_until_patterns_may_be_resolved_again() -> None:
    driven = a_shard()
    a_subscriber(driven, "a")
    bob = Consumer(driven, "bob", topics=())

    bob.join(subscribed_topic_regex="b")
    driven.pass_time(PAUSE_MS)
    bob.heartbeat()
    driven.pass_time(0)
    early = patterns(driven)
    driven.pass_time(1)
    bob.heartbeat()
    driven.pass_time(0)

    assert early == {"a": ["a"]}
    assert patterns(driven) == {"a": ["a"], "b": ["b"]}


def test_a_clock_that_is_put_back_lets_patterns_be_resolved_again() -> None:
    driven = a_shard()
    a_subscriber(driven, "a")
    driven.wall_ms -= 1

    a_subscriber(driven, "b", "bob")

    assert patterns(driven) == {"a": ["a"], "b": ["b"]}


def test_what_a_pattern_gave_is_given_to_others_when_the_next_one_matches_nothing() -> None:
    driven = a_shard()
    alice = a_subscriber(driven, "a")
    bob = Consumer(driven, "bob")
    bob.join()
    settle((alice, bob))

    alice.heartbeat(subscribed_topic_regex="x")
    alice.heartbeat()
    driven.pass_time(0)
    settle((alice, bob))

    assert (alice.share, bob.share) == ("", "a0 a1 a2")


def test_a_pattern_that_nobody_has_any_more_is_deleted() -> None:
    driven = a_shard()
    alice = a_subscriber(driven, "a")
    bob = a_subscriber(driven, "a", "bob")

    alice.heartbeat(subscribed_topic_regex="")
    kept = patterns(driven)
    written = len(driven.log)
    bob.leave()

    assert kept == {"a": ["a"]}
    assert patterns(driven) == {}
    assert RegexRecord(GROUP, "a", None) in driven.log[written:]
    assert group_of(driven).metadata_hash == 0


def test_a_pattern_that_another_member_has_stays_when_one_leaves() -> None:
    driven = a_shard()
    alice = a_subscriber(driven, "a")
    a_subscriber(driven, "a", "bob")

    alice.leave()

    assert patterns(driven) == {"a": ["a"]}
    assert group_of(driven).metadata_hash == group_hash(["a"], driven.topics)


def test_who_gives_up_a_pattern_that_another_has_leaves_its_topics_to_the_group() -> None:
    driven = a_shard()
    alice = a_subscriber(driven, "a")
    a_subscriber(driven, "a", "bob")

    alice.heartbeat(subscribed_topic_regex="", subscribed_topic_names=("b",))

    assert group_of(driven).metadata_hash == group_hash(["a", "b"], driven.topics)
    assert group_of(driven).topic_counts == {"a": 1, "b": 1}


def test_who_gives_up_its_pattern_is_asked_back_what_it_gave() -> None:
    driven = a_shard()
    alice = a_subscriber(driven, "a")

    reply = alice.heartbeat(subscribed_topic_regex="", subscribed_topic_names=("b",))
    alice.heartbeat()

    assert told(reply.assignment) == ""
    assert (alice.epoch, alice.share) == (3, "b0 b1")


def test_an_unresolved_pattern_in_place_of_another_takes_the_topics_away_at_once() -> None:
    driven = a_shard()
    alice = a_subscriber(driven, "a")

    reply = alice.heartbeat(subscribed_topic_regex="[ab]")

    assert (reply.member_epoch, told(reply.assignment)) == (2, "")


@pytest.mark.parametrize("pause_ms", [PAUSE_MS, PAUSE_MS + 1])
def test_new_topics_are_matched_by_the_first_heartbeat_after_the_pause(pause_ms: int) -> None:
    driven = a_shard()
    alice = a_subscriber(driven, "a|c")
    driven.follow(*BOTH, a_topic("c", 1))

    driven.pass_time(pause_ms)
    alice.heartbeat()
    driven.pass_time(0)
    alice.heartbeat()

    found = ["a", "c"] if pause_ms > PAUSE_MS else ["a"]
    assert patterns(driven) == {"a|c": found}
    assert alice.share == "a0 a1 a2" + (" c0" if pause_ms > PAUSE_MS else "")


def test_without_new_topics_patterns_rest_until_the_refresh_interval_is_over() -> None:
    driven = a_shard(session_timeout_ms="60000", regex_refresh_interval_ms="30000")
    alice = a_subscriber(driven, "[ab]")
    driven.follow(a_topic("a", 3))

    def refreshed_after(ms: int) -> dict[str, list[str]]:
        driven.pass_time(ms)
        alice.heartbeat()
        driven.pass_time(0)
        return patterns(driven)

    assert refreshed_after(30_000) == {"[ab]": ["a", "b"]}
    assert refreshed_after(1) == {"[ab]": ["a"]}


def test_a_deleted_topic_is_taken_away_before_its_pattern_is_matched_again() -> None:
    driven = a_shard()
    alice = a_subscriber(driven, "[ab]")

    driven.follow(a_topic("a", 3))
    told_back = alice.heartbeat()
    alice.heartbeat()

    assert told(told_back.assignment) == "a0 a1 a2"
    assert alice.epoch == 3
    assert patterns(driven) == {"[ab]": ["a", "b"]}


def test_patterns_are_matched_again_after_a_restart_with_newer_topics() -> None:
    driven = a_shard()
    alice = a_subscriber(driven, "a|c")
    driven.follow(*BOTH, a_topic("c", 1))
    driven.restart()

    driven.pass_time(PAUSE_MS + 1)
    alice.heartbeat()
    driven.pass_time(0)

    assert patterns(driven) == {"a|c": ["a", "c"]}


def test_a_pattern_in_a_group_without_patterns_is_not_kept_waiting() -> None:
    driven = a_shard()
    alice, bob = members(driven, "alice", "bob")

    alice.heartbeat(subscribed_topic_names=(), subscribed_topic_regex="b")
    driven.pass_time(0)
    bob.heartbeat()

    assert patterns(driven) == {"b": ["b"]}
