"""The uniform assignor among members with equal subscriptions: even, and as sticky as can be."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from pykbroker.coordinator.assignors.uniform_assignor import assign_uniformly
from tests.coordinator.assignors.groups import (
    MEMBER_IDS,
    Group,
    a_group,
    a_member,
    a_topic,
    groups,
    moved,
    owners,
    sizes,
)

LAW = settings(max_examples=50, deadline=None)


def test_a_new_group_is_dealt_whole_shares_and_the_last_members_get_one_more() -> None:
    group = a_group(
        a_topic("words", 3),
        a_topic("counts", 2),
        bob=a_member("words", "counts"),
        alice=a_member("words", "counts"),
    )

    assert group.shares(assign_uniformly) == {
        "alice": {"counts": [0, 1]},
        "bob": {"words": [0, 1, 2]},
    }


def test_with_more_members_than_partitions_the_first_members_get_none() -> None:
    group = a_group(
        a_topic("words", 2), alice=a_member("words"), bob=a_member("words"), carol=a_member("words")
    )

    assert group.shares(assign_uniformly) == {
        "alice": {},
        "bob": {"words": [0]},
        "carol": {"words": [1]},
    }


def test_members_above_their_share_give_up_what_is_last() -> None:
    group = a_group(
        a_topic("counts", 3),
        a_topic("words", 3),
        alice=a_member("counts", "words", has={"counts": [0, 1, 2], "words": [0, 2]}),
        bob=a_member("counts", "words", has={"words": [1]}),
    )

    assert group.shares(assign_uniformly) == {
        "alice": {"counts": [0, 1, 2]},
        "bob": {"words": [0, 1, 2]},
    }


def test_who_has_one_more_already_keeps_it() -> None:
    group = a_group(
        a_topic("words", 5),
        alice=a_member("words", has={"words": [0, 3, 4]}),
        bob=a_member("words", has={"words": [1, 2]}),
    )

    assert group.shares(assign_uniformly) == {
        "alice": {"words": [0, 3, 4]},
        "bob": {"words": [1, 2]},
    }


def test_added_partitions_go_to_those_below_their_share() -> None:
    group = a_group(
        a_topic("words", 6),
        alice=a_member("words", has={"words": [0, 1]}),
        bob=a_member("words", has={"words": [2, 3]}),
    )

    assert group.shares(assign_uniformly) == {
        "alice": {"words": [0, 1, 4]},
        "bob": {"words": [2, 3, 5]},
    }


def test_a_topic_that_everybody_leaves_is_taken_from_everybody() -> None:
    group = a_group(
        a_topic("counts", 2),
        a_topic("words", 2),
        alice=a_member("words", has={"words": [0], "counts": [0]}),
        bob=a_member("words", has={"words": [1], "counts": [1]}),
    )

    assert group.shares(assign_uniformly) == {"alice": {"words": [0]}, "bob": {"words": [1]}}


def test_of_two_owners_of_one_partition_the_first_member_keeps_it() -> None:
    group = a_group(
        a_topic("words", 2),
        bob=a_member("words", has={"words": [0]}),
        alice=a_member("words", has={"words": [0]}),
    )

    assert group.shares(assign_uniformly) == {"alice": {"words": [0]}, "bob": {"words": [1]}}


@LAW
@given(groups(alike=True))
def test_shares_differ_by_at_most_one(group: Group) -> None:
    counts = sizes(group.assigned(assign_uniformly)).values()

    assert max(counts) - min(counts) <= 1


@LAW
@given(groups(alike=True, racks=True))
def test_no_even_assignment_moves_fewer_partitions(group: Group) -> None:
    assigned = group.assigned(assign_uniformly)

    before, after = owners(group.current()), owners(assigned)
    held = Counter(before[each] for each in after if each in before)
    quota, longer = divmod(len(after), len(group.members))
    can_stay = sum(min(count, quota) for count in held.values())
    can_stay += min(longer, sum(count > quota for count in held.values()))
    assert len(moved(group, assigned)) == held.total() - can_stay


@LAW
@given(groups(alike=True), st.data())
def test_when_a_member_leaves_only_its_partitions_change_hands(
    group: Group, data: st.DataObject
) -> None:
    settled = group.having(group.assigned(assign_uniformly))
    leaver = data.draw(st.sampled_from(sorted(settled.members)))
    remaining = Group(
        {m: spec for m, spec in settled.members.items() if m != leaver}, settled.topics
    )

    assert not moved(remaining, remaining.assigned(assign_uniformly))


@LAW
@given(groups(alike=True), st.sampled_from(["aaron", "mallory", "zoe"]))
def test_when_a_member_joins_only_it_gets_more_and_no_more_than_the_others(
    group: Group, newcomer: str
) -> None:
    assert newcomer not in MEMBER_IDS
    settled = group.having(group.assigned(assign_uniformly))
    anybody = next(iter(settled.members.values()))
    joined = Group({**settled.members, newcomer: anybody}, settled.topics)
    joined = joined.having({m: spec.assigned for m, spec in settled.members.items()})

    assigned = joined.assigned(assign_uniformly)

    taken = moved(joined, assigned)
    assert set(taken.values()) <= {newcomer}
    assert len(taken) == sizes(assigned)[newcomer]
    assert len(taken) <= -(-len(owners(assigned)) // len(joined.members))
