"""No crash and no failing call of a script breaks a promise; `make crash` runs them in full."""

from __future__ import annotations

import pytest

from tests.crash.every_call import Crashes
from tests.crash.failing_calls import fail_every_call
from tests.crash.scripts import SCRIPTS, Script

ALL = [pytest.param(script, id=script.__name__) for script in SCRIPTS]


@pytest.mark.parametrize("script", ALL)
def test_a_crash_at_any_call_breaks_no_promise(script: Script) -> None:
    found = Crashes(script, subsets=2, seed=0, stride=7).run()

    assert found.faults == []
    assert found.crashes >= 18


@pytest.mark.parametrize("script", ALL)
def test_a_call_that_fails_breaks_no_promise(script: Script) -> None:
    found = fail_every_call(script, subsets=1, seed=0, stride=61)

    assert found.faults == []
    assert found.crashes >= 8
