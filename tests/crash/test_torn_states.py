"""Opening what crashes and damage leave: a slice of the generated states; `make crash` has more."""

from __future__ import annotations

from tests.crash.tears import TEARS
from tests.crash.torn_states import TornStates


def test_generated_states_open_as_they_must() -> None:
    figures = TornStates(seed=0).run(3_000)

    assert figures.faults == []
    assert figures.cases == 3_000
    assert {tear.__name__ for tear in TEARS} | {"cut"} <= figures.kinds.keys()
    assert {outcome.partition(": ")[2] for outcome in figures.outcomes} >= {
        "refused",
        "cut, reported, kept aside",
        "not looked at",
    }
