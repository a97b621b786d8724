"""What simulated leaders assign: everything, to one member each, and only what is free."""

from __future__ import annotations

from pykbroker.coordinator.commands import JoinedMember
from tests.coordinator.model.leading import (
    COOPERATIVE,
    RANGE,
    Named,
    Subscription,
    assign,
    read,
    read_assignment,
    written,
    written_assignment,
)

NOTHING: Named = frozenset()


def a_member(member_id: str, *topics: str, owned: Named = NOTHING, since: int = 1) -> JoinedMember:
    return JoinedMember(member_id, None, written(Subscription(topics, owned, since)))


def some(topic: str, *numbers: int) -> Named:
    return frozenset((topic, number) for number in numbers)


def test_by_range_members_have_equal_runs_of_each_topic() -> None:
    members = (a_member("a", "t", "u"), a_member("b", "t"))

    assigned = assign(RANGE, members, {"t": 3, "u": 2})

    assert assigned == {"a": some("t", 0, 1) | some("u", 0, 1), "b": some("t", 2)}


def test_cooperatively_nobody_has_what_another_is_yet_to_revoke() -> None:
    members = (a_member("a", "t", owned=some("t", 0, 1, 2, 3)), a_member("b", "t"))

    assigned = assign(COOPERATIVE, members, {"t": 4})

    assert assigned == {"a": some("t", 0, 1), "b": NOTHING}


def test_of_two_who_say_they_have_it_the_one_of_the_newer_generation_does() -> None:
    old = a_member("a", "t", owned=some("t", 0), since=1)
    new = a_member("b", "t", owned=some("t", 0), since=2)

    assigned = assign(COOPERATIVE, (old, new), {"t": 2})

    assert assigned == {"a": some("t", 1), "b": some("t", 0)}


def test_what_is_written_is_read_again() -> None:
    subscription = Subscription(("t", "u"), some("t", 1, 2), 7)

    assert read(written(subscription)) == subscription
    assert read_assignment(written_assignment(some("t", 1) | some("u", 0))) == some("t", 1) | some(
        "u", 0
    )
    assert read_assignment(b"") == NOTHING
