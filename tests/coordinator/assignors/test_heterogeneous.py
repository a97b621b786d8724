"""The uniform assignor among members with unlike subscriptions: as even as these allow."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from pykbroker.coordinator.assignors.uniform_assignor import assign_uniformly
from tests.coordinator.assignors.groups import (
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


def test_partitions_go_round_the_least_loaded_subscribers() -> None:
    group = a_group(
        a_topic("words", 3),
        a_topic("counts", 6),
        alice=a_member("words", "counts"),
        bob=a_member("counts"),
    )

    assert group.shares(assign_uniformly) == {
        "alice": {"counts": [4], "words": [0, 1, 2]},
        "bob": {"counts": [0, 1, 2, 3, 5]},
    }


def test_a_topic_of_one_subscriber_is_all_its_own() -> None:
    group = a_group(
        a_topic("lines", 1),
        a_topic("words", 2),
        alice=a_member("lines"),
        bob=a_member("lines"),
        carol=a_member("words"),
        dave=a_member(),
    )

    assert group.shares(assign_uniformly) == {
        "alice": {"lines": [0]},
        "bob": {},
        "carol": {"words": [0, 1]},
        "dave": {},
    }


def test_the_most_loaded_give_to_the_least_loaded_until_they_are_even() -> None:
    # As in Kafka's own example of an unbalanced group.
    group = a_group(
        a_topic("counts", 4),
        a_topic("lines", 4),
        a_topic("words", 6),
        alice=a_member("words", has={"words": [0, 1, 2]}),
        bob=a_member("words", "counts", has={"words": [3], "counts": [0]}),
        carol=a_member(
            "words",
            "counts",
            "lines",
            has={"words": [4, 5], "counts": [1, 2, 3], "lines": [0, 1, 2, 3]},
        ),
    )

    assert group.shares(assign_uniformly) == {
        "alice": {"words": [0, 1, 2, 5]},
        "bob": {"counts": [0, 1, 2, 3], "words": [3]},
        "carol": {"lines": [0, 1, 2, 3], "words": [4]},
    }


def test_giving_ends_when_the_topic_has_nothing_left_and_goes_on_with_the_next() -> None:
    everything = {"counts": [0, 1], "lines": [0, 1], "words": [0, 1]}
    group = a_group(
        *(a_topic(name, 2) for name in everything),
        a_topic("apart", 0),
        alice=a_member(*everything, has=everything),
        bob=a_member(*everything, "apart"),
    )

    assert group.shares(assign_uniformly) == {
        "alice": {"lines": [0], "words": [0, 1]},
        "bob": {"counts": [0, 1], "lines": [1]},
    }


def test_what_one_topic_brings_a_member_another_topic_passes_on() -> None:
    group = a_group(
        a_topic("counts", 8),
        a_topic("words", 8),
        alice=a_member("counts", has={"counts": range(4)}),
        bob=a_member("counts", "words", has={"counts": range(4, 8)}),
        carol=a_member("words", has={"words": range(8)}),
    )

    assert group.shares(assign_uniformly) == {
        "alice": {"counts": [0, 1, 2, 3, 7]},
        "bob": {"counts": [4, 5, 6], "words": [6, 7]},
        "carol": {"words": [0, 1, 2, 3, 4, 5]},
    }


def test_a_topic_no_longer_subscribed_goes_to_those_who_still_do() -> None:
    group = a_group(
        a_topic("counts", 2),
        a_topic("words", 2),
        alice=a_member("words", has={"words": [0], "counts": [0]}),
        bob=a_member("words", "counts", has={"words": [1], "counts": [1]}),
    )

    assert group.shares(assign_uniformly) == {
        "alice": {"words": [0, 1]},
        "bob": {"counts": [0, 1]},
    }


def test_topics_with_more_partitions_for_each_subscriber_are_dealt_out_first() -> None:
    group = a_group(
        a_topic("few", 2),
        a_topic("many", 3),
        alice=a_member("few", "many"),
        bob=a_member("few"),
        carol=a_member("few", "many"),
    )

    assert group.shares(assign_uniformly) == {
        "alice": {"many": [0, 2]},
        "bob": {"few": [0, 1]},
        "carol": {"many": [1]},
    }


@LAW
@given(groups(alike=False))
def test_no_single_move_makes_it_more_even(group: Group) -> None:
    assigned = group.assigned(assign_uniformly)

    loads = sizes(assigned)
    for (topic_id, _), owner in owners(assigned).items():
        others = [m for m, spec in group.members.items() if topic_id in spec.subscribed]
        assert loads[owner] - min(loads[other] for other in others) <= 1


@LAW
@given(groups(alike=False), st.data())
def test_every_move_makes_it_more_even(group: Group, data: st.DataObject) -> None:
    possible = owners(group.assigned(assign_uniformly))
    assigned: dict[str, dict[bytes, frozenset[int]]] = {
        member_id: {} for member_id in group.members
    }
    for topic_id, number in possible:
        subscribers = [m for m, spec in group.members.items() if topic_id in spec.subscribed]
        share = assigned[data.draw(st.sampled_from(subscribers))]
        share[topic_id] = share.get(topic_id, frozenset()) | {number}
    owned = group.having(assigned)

    result = owned.assigned(assign_uniformly)

    # One partition from n + 2 or more to n takes at least 2 from the sum of squares.
    unevenness = [sum(n * n for n in sizes(each).values()) for each in (assigned, result)]
    assert 2 * len(moved(owned, result)) <= unevenness[0] - unevenness[1]
