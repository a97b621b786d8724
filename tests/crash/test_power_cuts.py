"""A few power cuts, where the machine can do that; `python -m tests.crash.power_cuts` does many."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from tests.crash.power_cuts import Plan, cut_many, judge_lossy
from tests.crash.volume import what_is_missing

RECORDS_MAX = 600
LACK = what_is_missing("ext4")

pytestmark = pytest.mark.skipif(LACK is not None, reason=f"power cuts need {LACK}")


def test_power_cuts_lose_nothing_that_was_acknowledged_by_all(tmp_path: Path) -> None:
    tally = cut_many(Plan("ext4", "all", 2, tmp_path, records_max=RECORDS_MAX), Random(0))

    assert tally.findings.told == []
    assert tally.acknowledged > 0


def test_power_cuts_do_lose_what_no_flush_was_waited_for(tmp_path: Path) -> None:
    tally = cut_many(Plan("ext4", "none", 1, tmp_path, records_max=RECORDS_MAX), Random(0))

    assert judge_lossy(tally) == []
