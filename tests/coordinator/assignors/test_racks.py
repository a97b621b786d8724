"""Racks in the uniform assignor: they decide which partition, never how many or how many move."""

from __future__ import annotations

from hypothesis import given, settings

from pykbroker.coordinator.assignors.uniform_assignor import assign_uniformly
from tests.coordinator.assignors.groups import (
    Group,
    a_group,
    a_member,
    a_topic,
    groups,
    moved,
    near,
    sizes,
)

LAW = settings(max_examples=50, deadline=None)


def test_members_get_partitions_with_a_replica_in_their_rack() -> None:
    group = a_group(
        a_topic("counts", 2, "b", "c"),
        a_topic("words", 4, "b", "a", "c", "a"),
        alice=a_member("counts", "words", rack="a"),
        bob=a_member("counts", "words", rack="b"),
        carol=a_member("counts", "words", rack="c"),
    )

    assert group.shares(assign_uniformly) == {
        "alice": {"words": [1, 3]},
        "bob": {"counts": [0], "words": [0]},
        "carol": {"counts": [1], "words": [2]},
    }


def test_a_partition_in_few_racks_is_taken_before_one_that_suits_others_too() -> None:
    group = a_group(
        a_topic("words", 2, "ab", "a"),
        alice=a_member("words", rack="a"),
        bob=a_member("words", rack="b"),
    )

    assert group.shares(assign_uniformly) == {"alice": {"words": [1]}, "bob": {"words": [0]}}


def test_members_without_a_rack_leave_what_is_near_to_others() -> None:
    group = a_group(
        a_topic("words", 3, "b", "", "a"),
        alice=a_member("words"),
        bob=a_member("words", rack="b"),
        carol=a_member("words", rack="x"),
    )

    assert group.shares(assign_uniformly) == {
        "alice": {"words": [1]},
        "bob": {"words": [0]},
        "carol": {"words": [2]},
    }


def test_nothing_moves_to_be_nearer() -> None:
    group = a_group(
        a_topic("words", 2, "a", "b"),
        alice=a_member("words", rack="a", has={"words": [1]}),
        bob=a_member("words", rack="b", has={"words": [0]}),
    )

    assert group.shares(assign_uniformly) == {"alice": {"words": [1]}, "bob": {"words": [0]}}


def test_under_unlike_subscriptions_a_partition_stays_among_its_subscribers() -> None:
    group = a_group(
        a_topic("counts", 2, "b", "a"),
        a_topic("words", 2, "a", "a"),
        alice=a_member("counts", rack="a"),
        bob=a_member("counts", rack="b"),
        carol=a_member("words", rack="b"),
    )

    assert group.shares(assign_uniformly) == {
        "alice": {"counts": [1]},
        "bob": {"counts": [0]},
        "carol": {"words": [0, 1]},
    }


def test_partitions_stay_as_dealt_when_an_exchange_brings_none_nearer() -> None:
    group = a_group(
        a_topic("words", 2, "b", "b"), alice=a_member("words"), bob=a_member("words", rack="b")
    )

    assert group.shares(assign_uniformly) == {"alice": {"words": [0]}, "bob": {"words": [1]}}


def test_partitions_stay_as_dealt_when_an_exchange_takes_some_farther() -> None:
    group = a_group(
        a_topic("words", 4, "acd", "ab", "c", "d"),
        alice=a_member("words", rack="a"),
        bob=a_member("words", rack="b"),
        carol=a_member("words", rack="c"),
        dave=a_member("words", rack="d"),
    )

    assert group.shares(assign_uniformly) == {
        "alice": {"words": [0]},
        "bob": {"words": [1]},
        "carol": {"words": [2]},
        "dave": {"words": [3]},
    }


def test_partitions_whose_racks_are_not_told_are_near_to_nobody() -> None:
    group = a_group(
        a_topic("words", 3, "b"),
        alice=a_member("words", rack="a"),
        bob=a_member("words", rack="b"),
        carol=a_member("words"),
    )

    assert group.shares(assign_uniformly) == {
        "alice": {"words": [1]},
        "bob": {"words": [0]},
        "carol": {"words": [2]},
    }


@LAW
@given(groups(racks=True))
def test_racks_cost_neither_balance_nor_moves_and_bring_nothing_farther(group: Group) -> None:
    assigned = group.assigned(assign_uniformly)
    without = group.without_racks().assigned(assign_uniformly)

    assert sizes(assigned) == sizes(without)
    assert len(moved(group, assigned)) <= len(moved(group, without))
    assert near(group, assigned) >= near(group, without)


@LAW
@given(groups(racks=True))
def test_racks_of_one_side_alone_change_nothing(group: Group) -> None:
    blind = group.without_racks()

    expected = blind.assigned(assign_uniformly)

    assert Group(group.members, blind.topics).assigned(assign_uniformly) == expected
    assert Group(blind.members, group.topics).assigned(assign_uniformly) == expected
