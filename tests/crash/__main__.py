"""Every crash test in full, one after the other: `make crash`.

Each part is a module of its own that can be run by hand; a part that finds something does not keep
the others from running, and one whose needs the machine lacks says so.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from argparse import ArgumentParser
from collections.abc import Sequence

from tests.crash.figures import end_in_order

PARTS = (
    ("tests.crash.torn_states", "--cases", "150000"),
    ("tests.crash.every_call",),
    ("tests.crash.failing_calls",),
    ("tests.crash.kills_by_librdkafka", "--rounds", "200"),
    ("tests.crash.kills_of_groups", "--rounds", "100"),
    ("tests.crash.power_cuts", "--cuts", "40"),
    ("tests.crash.disk_faults",),
)


def main() -> int:
    """Run all parts, or those whose names contain what is asked for; fail if one failed."""
    parser = ArgumentParser(prog="python -m tests.crash", description=__doc__)
    parser.add_argument("--only", default="", help="parts whose names contain this")
    parser.add_argument("--seed", type=int, default=0, help="the dice of every part (0)")
    given = parser.parse_args()
    failed = []
    for module, *arguments in PARTS:
        if given.only not in module:
            continue
        command = [sys.executable, "-m", module, *arguments, "--seed", str(given.seed)]
        if _status_of(command) != 0:
            failed.append(f"{module} --seed {given.seed}")
    for name in failed:
        sys.stdout.write(f"failed: python -m {name}\n")
    return 1 if failed else 0


def _status_of(command: Sequence[str]) -> int:
    """Run a part to its end; when this process is told to end, tell the part and wait for it."""
    with subprocess.Popen(command) as part:
        try:
            return part.wait()
        except (KeyboardInterrupt, SystemExit):
            part.send_signal(signal.SIGTERM)
            part.wait()
            raise


if __name__ == "__main__":
    end_in_order()
    sys.exit(main())
