"""A broker process killed at random moments keeps what its groups were told.

PYKBROKER_CRASH_ROUNDS (2) is how many times it is killed, PYKBROKER_CRASH_SEED (0) the dice.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from random import Random

import pytest

from tests.crash.kills_of_groups import MODES, GroupKills

ROUNDS = int(os.environ.get("PYKBROKER_CRASH_ROUNDS", "2"))
SEED = int(os.environ.get("PYKBROKER_CRASH_SEED", "0"))


@pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("mode", MODES)
def test_what_groups_were_told_survives_kills(tmp_path: Path, mode: str) -> None:
    random = Random(f"{SEED} {mode}")
    kills = GroupKills(tmp_path, random, mode, resting=20, work_commits=(400,))

    kills.run(ROUNDS)

    assert kills.wrong == []
    assert kills.judged.seen["comparisons"] > 0
    sys.stdout.write(f"{kills.line()}\n")
