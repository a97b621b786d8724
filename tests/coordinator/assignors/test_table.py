"""What every assignor of the table keeps to."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from pykbroker.coordinator.assignors.assignment import Assignor
from pykbroker.coordinator.assignors.table import ASSIGNORS
from tests.coordinator.assignors.groups import (
    Group,
    a_group,
    a_member,
    a_topic,
    groups,
    owners,
    topic_id,
)

LAW = settings(max_examples=50, deadline=None)
every_assignor = pytest.mark.parametrize("assignor", ASSIGNORS.values(), ids=ASSIGNORS)


def test_a_group_has_the_uniform_assignor_when_nobody_asks() -> None:
    assert list(ASSIGNORS) == ["uniform", "range"]


@every_assignor
def test_a_group_without_members_is_assigned_nothing(assignor: Assignor) -> None:
    assert a_group(a_topic("words", 3)).assigned(assignor) == {}


@every_assignor
def test_a_topic_that_does_not_exist_is_not_assigned(assignor: Assignor) -> None:
    group = a_group(
        a_topic("words", 1),
        alice=a_member("missing", "words"),
        bob=a_member("missing", has={"missing": [0]}),
    )

    assert group.shares(assignor) == {"alice": {"words": [0]}, "bob": {}}


@every_assignor
@pytest.mark.parametrize("others", [("words",), ()], ids=["equal", "unlike"])
def test_a_partition_that_does_not_exist_is_not_assigned(
    assignor: Assignor, others: tuple[str, ...]
) -> None:
    group = a_group(
        a_topic("words", 1),
        alice=a_member("words", has={"words": [0, 1]}),
        bob=a_member(*others),
    )

    assert list(owners(group.assigned(assignor))) == [(topic_id("words"), 0)]


@every_assignor
@LAW
@given(groups(racks=True))
def test_each_subscribed_partition_has_one_owner_who_subscribes_it(
    assignor: Assignor, group: Group
) -> None:
    assigned = group.assigned(assignor)

    assert assigned.keys() == group.members.keys()
    assert all(numbers for share in assigned.values() for numbers in share.values())
    assert owners(assigned).keys() == {
        (each, number)
        for each, topic in group.topics.items()
        for number in range(topic.partitions)
        if any(each in spec.subscribed for spec in group.members.values())
    }
    for (each, _), owner in owners(assigned).items():
        assert each in group.members[owner].subscribed


@every_assignor
@LAW
@given(groups(racks=True))
def test_asking_again_changes_nothing(assignor: Assignor, group: Group) -> None:
    assigned = group.assigned(assignor)

    assert group.having(assigned).assigned(assignor) == assigned


@every_assignor
@LAW
@given(groups(racks=True))
def test_the_order_in_which_members_and_topics_are_listed_does_not_matter(
    assignor: Assignor, group: Group
) -> None:
    reversed_group = Group(
        dict(reversed(group.members.items())), dict(reversed(group.topics.items()))
    )

    assert reversed_group.assigned(assignor) == group.assigned(assignor)
