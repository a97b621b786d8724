"""Patterns are matched some names at a time."""

from __future__ import annotations

import pytest

from pykbroker.coordinator.consumer.matching import STEPS_MAX, Matching
from pykbroker.coordinator.topic_pattern import compile_pattern
from tests.coordinator.driven import a_topic, topics_of

MANY = topics_of((a_topic(f"topic-{number}", number=number) for number in range(20_000)), 7)


def turns(matching: Matching) -> int:
    count = 1
    while not matching.go_on():
        count += 1
    return count


def test_a_few_topics_take_one_turn() -> None:
    topics = topics_of([a_topic("foo"), a_topic("food"), a_topic("bar")], 3)
    matching = Matching(["foo.*", "bar", "none"], topics)

    assert matching.go_on()

    assert matching.version == 3
    assert list(matching.found.items()) == [
        ("foo.*", {"foo", "food"}),
        ("bar", {"bar"}),
        ("none", frozenset()),
    ]


def test_many_topics_take_several_turns_and_none_is_left_out() -> None:
    matching = Matching(["topic-.*7", "topic-1"], MANY)

    count = turns(matching)

    steps = 20_000 * sum(compile_pattern(each).steps for each in ("topic-.*7", "topic-1"))
    assert steps // STEPS_MAX <= count <= steps // STEPS_MAX + 5
    assert matching.found["topic-.*7"] == {name for name in MANY.by_name if name.endswith("7")}
    assert matching.found["topic-1"] == {"topic-1"}


def test_without_topics_nothing_matches() -> None:
    matching = Matching(["a", "b"], topics_of([]))

    assert matching.go_on()
    assert matching.found == {"a": frozenset(), "b": frozenset()}


@pytest.mark.bad_input(40)
def test_a_large_pattern_takes_more_turns_for_as_many_names() -> None:
    large = Matching([".{1000}"], MANY)
    small = Matching([".*"], MANY)

    assert turns(small) < 20
    assert not any(large.go_on() for _ in range(100))
