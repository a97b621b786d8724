"""Turns of receiving and giving: round after round among members with equal loads."""

from __future__ import annotations

from itertools import islice

from pykbroker.coordinator.assignors.loads import least_loaded, most_loaded


def test_the_least_loaded_receive_in_rounds_that_more_members_join() -> None:
    turns = least_loaded("ABC", {"A": 0, "B": 1, "C": 2})

    assert "".join(islice(turns, 9)) == "AABABCABC"


def test_the_most_loaded_give_in_rounds_that_more_members_join() -> None:
    loads = {"A": 1, "B": 2, "C": 3}

    assert "".join(_giving("ABC", loads, has=dict(loads))) == "CCBCBA"
    assert loads == {"A": 0, "B": 0, "C": 0}


def test_who_has_nothing_to_give_is_passed_over_and_the_last_of_its_round_takes_its_place() -> None:
    loads = {"A": 3, "B": 3, "C": 3, "D": 3}

    given = _giving("ABCD", loads, has={"A": 2, "B": 0, "C": 2, "D": 2})

    # B's place, between A and C, is D's from the second round on.
    assert "".join(given) == "DCACDA"


def _giving(members: str, loads: dict[str, int], has: dict[str, int]) -> list[str]:
    given = []
    for giver in most_loaded(members, loads, can_give=has.get):
        loads[giver] -= 1
        has[giver] -= 1
        given.append(giver)
    return given
