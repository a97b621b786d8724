"""Two faults of a disk under a broker process; `python -m tests.crash.disk_faults` has them all."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from tests.crash.disk_faults import FAULTS, Fault, meet
from tests.crash.strace import what_is_missing

LACK = what_is_missing()
TRIED = ("sync of a segment fails", "write finds no space")


@pytest.mark.skipif(LACK is not None, reason=f"failing system calls need {LACK}")
@pytest.mark.parametrize("fault", [f for f in FAULTS if f.name in TRIED], ids=lambda f: f.name)
def test_a_failing_disk_takes_no_promise_and_loses_none(fault: Fault, tmp_path: Path) -> None:
    site = meet(fault, tmp_path, Random(0))

    assert site.all_wrong == []
    assert site.load.acknowledged > 0
