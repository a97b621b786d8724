"""Groups in random histories: whatever happens, nothing that must not be is, and all ends well.

A slice of what `python -m tests.coordinator.model` runs; that finds what these are too few for.
"""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.coordinator.model.history import a_history
from tests.coordinator.model.running import run
from tests.coordinator.model.seeded_bugs import BUGS, SeededBug, found_at

HISTORIES_MAX = 300
"""Within which each seeded bug is found; most are within ten."""


@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(st.randoms(use_true_random=False))
def test_members_come_and_go_and_every_partition_has_one_owner(random: Random) -> None:
    assert run(a_history(random, events_max=30)).fault is None


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_seeded_bug_is_found(bug: SeededBug) -> None:
    outcome, _ = found_at(bug, bug.first_seed, HISTORIES_MAX)

    assert outcome is not None, bug.what


def test_a_history_runs_the_same_way_each_time() -> None:
    history = a_history(Random(1))

    assert run(history) == run(history)
