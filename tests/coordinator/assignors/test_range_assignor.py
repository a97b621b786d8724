"""The range assignor: runs of neighbours, in the order of instance ids and member ids."""

from __future__ import annotations

from hypothesis import given, settings

from pykbroker.coordinator.assignors.range_assignor import assign_ranges
from tests.coordinator.assignors.groups import Group, a_group, a_member, a_topic, groups

LAW = settings(max_examples=50, deadline=None)


def test_members_get_neighbouring_partitions_and_the_first_ones_get_the_longer_runs() -> None:
    group = a_group(
        a_topic("words", 8),
        alice=a_member("words"),
        bob=a_member("words"),
        carol=a_member("words"),
    )

    assert group.shares(assign_ranges) == {
        "alice": {"words": [0, 1, 2]},
        "bob": {"words": [3, 4, 5]},
        "carol": {"words": [6, 7]},
    }


def test_topics_of_equal_size_are_co_partitioned() -> None:
    group = a_group(
        a_topic("words", 3),
        a_topic("counts", 3),
        alice=a_member("words", "counts"),
        bob=a_member("words", "counts"),
    )

    assert group.shares(assign_ranges) == {
        "alice": {"counts": [0, 1], "words": [0, 1]},
        "bob": {"counts": [2], "words": [2]},
    }


def test_a_topic_is_dealt_out_among_its_own_subscribers() -> None:
    group = a_group(
        a_topic("words", 3),
        a_topic("counts", 3),
        a_topic("lines", 2),
        alice=a_member("words", "counts"),
        bob=a_member("lines"),
        carol=a_member("counts", "lines"),
    )

    assert group.shares(assign_ranges) == {
        "alice": {"counts": [0, 1], "words": [0, 1, 2]},
        "bob": {"lines": [0]},
        "carol": {"counts": [2], "lines": [1]},
    }


def test_with_more_members_than_partitions_the_last_members_get_none() -> None:
    group = a_group(
        a_topic("words", 1), alice=a_member("words"), bob=a_member("words"), carol=a_member()
    )

    assert group.shares(assign_ranges) == {"alice": {"words": [0]}, "bob": {}, "carol": {}}


def test_static_members_come_first_by_instance_id_whatever_their_member_ids() -> None:
    group = a_group(
        a_topic("words", 3),
        alice=a_member("words"),
        bob=a_member("words", instance_id="two"),
        carol=a_member("words", instance_id="one"),
    )

    assert group.shares(assign_ranges) == {
        "carol": {"words": [0]},
        "bob": {"words": [1]},
        "alice": {"words": [2]},
    }


def test_a_static_member_that_returns_under_another_member_id_keeps_its_range() -> None:
    bob = a_member("words")
    before = a_group(
        a_topic("words", 4), alice=a_member("words", instance_id="one"), bob=bob
    ).shares(assign_ranges)
    after = a_group(a_topic("words", 4), zoe=a_member("words", instance_id="one"), bob=bob).shares(
        assign_ranges
    )

    assert after == {"zoe": before["alice"], "bob": before["bob"]}


def test_member_ids_are_ordered_as_java_orders_strings() -> None:
    # U+FF21 has the smaller code point, but U+1F600 begins with the unit D83D.
    group = Group(
        {"\uff21": a_member("words"), "\U0001f600": a_member("words"), "B": a_member("words")},
        {topic.topic_id: topic for topic in [a_topic("words", 3)]},
    )

    assert group.shares(assign_ranges) == {
        "B": {"words": [0]},
        "\U0001f600": {"words": [1]},
        "\uff21": {"words": [2]},
    }


def test_what_members_had_before_counts_for_nothing() -> None:
    group = a_group(
        a_topic("words", 2),
        alice=a_member("words", has={"words": [1]}),
        bob=a_member("words", has={"words": [0]}),
    )

    assert group.shares(assign_ranges) == {"alice": {"words": [0]}, "bob": {"words": [1]}}


@LAW
@given(groups(racks=True))
def test_subscribers_of_a_topic_get_runs_that_differ_by_at_most_one(group: Group) -> None:
    assigned = group.assigned(assign_ranges)

    for each in group.topics:
        runs = [
            sorted(assigned[member_id].get(each, ()))
            for member_id, spec in group.members.items()
            if each in spec.subscribed
        ]
        assert all(run == list(range(run[0], run[-1] + 1)) for run in runs if run)
        assert not runs or max(map(len, runs)) - min(map(len, runs)) <= 1


@LAW
@given(groups())
def test_topics_alike_in_size_and_subscribers_are_co_partitioned(group: Group) -> None:
    assigned = group.assigned(assign_ranges)

    shapes: dict[object, list[bytes]] = {}
    for each, topic in group.topics.items():
        subscribers = [m for m, spec in group.members.items() if each in spec.subscribed]
        shapes.setdefault((topic.partitions, *subscribers), []).append(each)
    for alike in shapes.values():
        for share in assigned.values():
            assert len({share.get(each) for each in alike}) == 1
