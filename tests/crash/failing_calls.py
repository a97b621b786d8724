"""Scripts in which one call fails, or all from there on, before the power goes.

The process goes on with the error: a full disk refuses what it must, everything else ends the use
of the directory. Whatever was acknowledged before, and whatever is after a refusal, must be there
when the power comes back. By hand: `python -m tests.crash.failing_calls --subsets 5 --seed 0`.
"""

from __future__ import annotations

import argparse
import errno
import logging
import os
import sys
import time
from collections.abc import Sequence
from random import Random

from tests.crash.every_call import Found, check_crash
from tests.crash.promises import DATA
from tests.crash.scripts import SCRIPTS, Script
from tests.crash.simulated_fs import SimulatedFileSystem
from tests.crash.stage import Stage

ERRORS = (errno.EIO, errno.ENOSPC)


class FailingCall:
    """One run of a script in which call `number` fails, or none when it has fewer calls."""

    def __init__(
        self, script: Script, number: int, error: int, *, lasting: bool, seed: int
    ) -> None:
        self._script = script
        self._number = number
        self._error = error
        self._lasting = lasting
        self._seed = seed
        self._calls = 0
        self.where = ""
        """What failed."""

    def run(self, subsets: int, found: Found) -> bool:
        """Run it, cut the power, compare; say whether there was such a call."""
        fs = SimulatedFileSystem(random=Random(self._seed << 20 | self._number))
        fs.mkdirs(DATA)
        fs.sync_directory("")
        stage = Stage(fs, Random(self._seed))
        fs.before_call = self._before_call
        try:
            self._script(stage)
        except OSError as failure:
            # A broker uses it no more; of a failing start it hears in the directory itself.
            stage.directory.fail(failure)
        except Exception as fault:  # noqa: BLE001 - anything else is what is looked for
            self._note(fault, found)
        # Where not even a mark can be left, a broker that starts before the machine does has
        # nothing to tell by what a failed sync has lost: the page cache shows it.
        for subset in range(int(fs.sync_failed and self._lasting), subsets + 1):
            found.crashes += 1
            random = Random(self._seed << 40 | self._number << 20 | subset)
            left = fs.after_power_cut(random) if subset else fs.after_kill()
            try:
                check_crash(left, stage.promised, random, killed=not subset)
            except Exception as fault:  # noqa: BLE001
                self._note(fault, found)
        return bool(self.where)

    def _before_call(self, call: str, path: str) -> None:
        self._calls += 1
        if self._calls == self._number or (self._lasting and self._calls > self._number):
            self.where = self.where or f"{call} {path}"
            raise OSError(self._error, os.strerror(self._error), path)

    def _note(self, fault: Exception, found: Found) -> None:
        how = "from then on" if self._lasting else "once"
        found.faults.append(
            f"{self._script.__name__} seed {self._seed}: call {self._number} ({self.where})"
            f" {errno.errorcode[self._error]} {how}: {type(fault).__name__}: {fault}"
        )


def fail_every_call(script: Script, *, subsets: int, seed: int, stride: int = 1) -> Found:
    """Let each call of a script fail, in each way."""
    found = Found()
    for error in ERRORS:
        for lasting in (False, True):
            number = 1
            while FailingCall(script, number, error, lasting=lasting, seed=seed).run(
                subsets, found
            ):
                found.calls += 1
                number += stride
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Run all scripts and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--subsets", type=int, default=5, help="power cuts after each failure")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--stride", type=int, default=1, help="of so many calls one fails")
    parser.add_argument("--only", default="", help="scripts whose name holds this")
    given = parser.parse_args(arguments)
    logging.disable()
    failed = 0
    for script in SCRIPTS:
        if given.only not in script.__name__:
            continue
        begun = time.monotonic()
        found = fail_every_call(script, subsets=given.subsets, seed=given.seed, stride=given.stride)
        sys.stdout.write(
            f"{script.__name__}: {found.calls} failures, {found.crashes} crashes,"
            f" {len(found.faults)} faults, {time.monotonic() - begun:.1f} s\n"
        )
        for fault in found.faults[:5]:
            sys.stdout.write(f"  {fault}\n")
        failed += len(found.faults)
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
