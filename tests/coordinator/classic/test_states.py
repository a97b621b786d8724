"""The states of a classic group: which can follow which."""

from __future__ import annotations

from itertools import product

import pytest

from pykbroker.coordinator.classic.group import ClassicGroup
from pykbroker.coordinator.classic.states import PREVIOUS_STATES, ClassicGroupState

EMPTY, PREPARING, COMPLETING, STABLE, DEAD = ClassicGroupState
FOLLOWS = {
    (EMPTY, PREPARING),
    (PREPARING, EMPTY),
    (PREPARING, COMPLETING),
    (COMPLETING, PREPARING),
    (COMPLETING, STABLE),
    (STABLE, PREPARING),
    *((state, DEAD) for state in ClassicGroupState),
}


def test_the_table_of_states_is_complete() -> None:
    table = {
        (previous, state) for state, allowed in PREVIOUS_STATES.items() for previous in allowed
    }

    assert table == FOLLOWS


@pytest.mark.parametrize(("before", "after"), sorted(FOLLOWS, key=str))
def test_a_group_comes_to_the_states_that_follow(
    before: ClassicGroupState, after: ClassicGroupState
) -> None:
    group = ClassicGroup("group", before, state_timestamp_ms=1)

    group.transition_to(after, 2)

    assert (group.state, group.state_timestamp_ms) == (after, 2)


@pytest.mark.parametrize(
    ("before", "after"),
    sorted(set(product(ClassicGroupState, ClassicGroupState)) - FOLLOWS, key=str),
)
def test_a_group_comes_to_no_other_state(
    before: ClassicGroupState, after: ClassicGroupState
) -> None:
    group = ClassicGroup("group", before, state_timestamp_ms=1)

    with pytest.raises(AssertionError):
        group.transition_to(after, 2)

    assert (group.state, group.state_timestamp_ms) == (before, 1)


def test_states_are_called_what_kafka_calls_them() -> None:
    assert [state.value for state in ClassicGroupState] == [
        "Empty",
        "PreparingRebalance",
        "CompletingRebalance",
        "Stable",
        "Dead",
    ]


@pytest.mark.parametrize("state", ClassicGroupState)
def test_a_group_can_rebalance_unless_it_does_already(state: ClassicGroupState) -> None:
    assert ClassicGroup("group", state).can_rebalance == (state in (EMPTY, COMPLETING, STABLE))
