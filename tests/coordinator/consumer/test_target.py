"""Targets: when one is computed, by which assignor, for whom, and what of it is written."""

from __future__ import annotations

import pytest

from pykbroker.coordinator.consumer.target import may_compute
from pykbroker.coordinator.records import TargetEpoch, TargetEpochRecord, TargetRecord
from tests.coordinator.consumer.members import (
    GROUP,
    Consumer,
    a_heartbeat,
    a_join,
    a_shard,
    group_of,
    members,
    settle,
    shares,
)
from tests.coordinator.consumer.partitions import a_topic, some
from tests.coordinator.driven import START_MS

TWO_TOPICS = (a_topic("a", 3), a_topic("b", 3))


@pytest.mark.parametrize(
    ("computed_ms", "interval_ms", "now_ms", "may"),
    [
        (1_000, 500, 1_499, False),
        (1_000, 500, 1_500, True),
        (1_000, 500, 1_000, False),
        (1_000, 500, 999, True),
        (1_000, 0, 1_000, True),
        (0, 500, 1, True),
    ],
)
def test_a_target_is_computed_when_the_last_one_is_old_enough_or_unknown_or_of_the_future(
    computed_ms: int, interval_ms: int, now_ms: int, *, may: bool
) -> None:
    assert may_compute(computed_ms, interval_ms=interval_ms, now_ms=now_ms) is may


def test_only_targets_that_changed_are_written() -> None:
    driven = a_shard(a_topic("a", 2), assignors="range")
    members(driven, "alice", "bob")
    written = len(driven.log)

    driven.ask(a_join("carol", "a"))

    targets = [record for record in driven.log[written:] if isinstance(record, TargetRecord)]
    assert targets == [TargetRecord(GROUP, "carol", {})]
    assert TargetEpochRecord(GROUP, TargetEpoch(4, START_MS)) in driven.log[written:]


def test_the_first_assignor_configured_counts_where_nobody_asks_for_one() -> None:
    uniform = a_shard(*TWO_TOPICS, assignors="uniform,range")
    by_range = a_shard(*TWO_TOPICS, assignors="range,uniform")

    for driven in (uniform, by_range):
        members(driven, "alice", "bob", topics=("a", "b"))

    assert shares(by_range) == {"alice": "a0 a1 b0 b1", "bob": "a2 b2"}
    assert sorted(len(share or "") for share in shares(uniform).values()) == [8, 8]
    assert group_of(by_range).description("range").assignor_name == "range"


@pytest.mark.parametrize(
    ("votes", "chosen"),
    [
        (("range", None, None), "range"),
        (("range", "uniform", "range"), "range"),
        (("range", "uniform", None), "uniform"),
    ],
)
def test_the_assignor_that_most_members_ask_for_is_taken_and_uniform_of_equals(
    votes: tuple[str | None, ...], chosen: str
) -> None:
    driven = a_shard(*TWO_TOPICS)

    for member_id, vote in zip(("alice", "bob", "carol"), votes, strict=True):
        driven.ask(a_join(member_id, "a", "b", server_assignor=vote))

    assert group_of(driven).description().assignor_name == chosen
    spread = sorted(len((share or "").split()) for share in shares(driven).values())
    assert spread == [2, 2, 2]
    by_range = {"alice": "a0 b0", "bob": "a1 b1", "carol": "a2 b2"}
    assert (shares(driven) == by_range) is (chosen == "range")


def test_the_vote_of_who_left_does_not_count() -> None:
    driven = a_shard(*TWO_TOPICS)
    driven.ask(a_join("alice", "a", server_assignor="range"))
    Consumer(driven, "alice").leave()

    driven.ask(a_join("bob", "a"))

    assert group_of(driven).description("uniform").assignor_name == "uniform"


def test_a_member_that_votes_anew_takes_its_first_vote_back() -> None:
    driven = a_shard(*TWO_TOPICS)
    driven.ask(a_join("alice", "a", "b"))
    driven.ask(a_join("bob", "a", server_assignor="uniform"))

    vote = {"subscribed_topic_names": ("a", "b"), "server_assignor": "range"}
    driven.ask(a_heartbeat("bob", 3, **vote))

    assert shares(driven) == {"alice": "a0 a1 b0 b1", "bob": "a2 b2"}


def test_a_vote_alone_bumps_no_epoch() -> None:
    driven = a_shard(*TWO_TOPICS)
    (alice,) = members(driven, "alice")

    alice.heartbeat(server_assignor="range")

    assert group_of(driven).group_epoch == 2
    assert group_of(driven).assignor_counts == {"range": 1}


def test_racks_of_members_and_partitions_reach_the_assignor() -> None:
    driven = a_shard(a_topic("b", 1))
    driven.ask(a_join("alice", "a", rack_id="y"))
    driven.ask(a_join("bob", "a", rack_id="x"))

    driven.follow(a_topic("a", 2, "x", "y"))
    driven.ask(a_heartbeat("alice", 2))

    assert shares(driven) == {"alice": "a1", "bob": "a0"}


def test_members_are_given_only_what_they_subscribe_to() -> None:
    driven = a_shard(*TWO_TOPICS)
    alice, bob = Consumer(driven, "alice", ("a",)), Consumer(driven, "bob", ("b",))
    alice.join()
    bob.join()

    settle([alice, bob])

    assert shares(driven) == {"alice": "a0 a1 a2", "bob": "b0 b1 b2"}
    assert group_of(driven).targets["bob"] == some("b0 b1 b2")
