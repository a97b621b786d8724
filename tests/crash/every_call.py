"""Scripts with a crash at every call: what is left of them is started and compared with promises.

A crash is a look at what would be left, taken just before a call: nothing of the process runs
after it, so that clean-up can neither help nor harm, and the script itself goes on to the next.
Once the process is killed, and `subsets` times the power is cut there. By hand:
`python -m tests.crash.every_call --subsets 50 --seed 0`.
"""

from __future__ import annotations

import argparse
import logging
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from pykbroker.storage.leader_epochs import EpochEntry
from pykbroker.storage.log import Log
from tests.crash.promises import (
    DATA,
    Promised,
    check_goes_on,
    check_made_anew,
    check_start,
    require,
)
from tests.crash.scripts import SCRIPTS, Script
from tests.crash.simulated_fs import READING, SimulatedFileSystem
from tests.crash.stage import Stage


@dataclass(slots=True)
class Found:
    """What running scripts showed."""

    calls: int = 0
    crashes: int = 0
    faults: list[str] = field(default_factory=list)


def check_crash(
    fs: SimulatedFileSystem, promised: Promised, random: Random, *, killed: bool
) -> None:
    """Start what a crash left, twice; raises when a promise is broken.

    After a power cut nothing is unsynced: the second start has the very same to find. After a kill
    all that the first start found is synced, and a power cut may take none of it.
    """
    directory, logs = check_start(fs, promised)
    found = {topic: _told(log) for topic, log in logs.items()}
    if killed:
        for log in logs.values():
            log.flush()
        directory.checkpoint()
        fs.cut_power(random)
        directory, logs = check_start(fs, promised)
    else:
        left = fs.contents(DATA)
        fs.kill()
        directory, logs = check_start(fs, promised)
        now = fs.contents(DATA)
        changed = sorted(
            name for name in left.keys() | now.keys() if left.get(name) != now.get(name)
        )
        require(not changed, f"the second start changed {', '.join(changed)}")
    again = {topic: _told(log) for topic, log in logs.items()}
    require(again == found, f"{found} was found first, then {again}")
    check_goes_on(logs)
    check_made_anew(directory, promised)


def _told(log: Log) -> tuple[int, int, tuple[EpochEntry, ...]]:
    return log.log_start_offset, log.end_offset, log.leader_epochs.entries


class Crashes:
    """Crashes at every call of one script."""

    def __init__(self, script: Script, *, subsets: int, seed: int, stride: int = 1) -> None:
        self._script = script
        self._subsets = subsets
        self._seed = seed
        self._stride = stride
        self._stage: Stage | None = None
        self._fs = SimulatedFileSystem(random=Random(seed))
        self.found = Found()

    def run(self) -> Found:
        """Run the script to its end and a crash there."""
        self._fs.mkdirs(DATA)
        self._fs.sync_directory("")
        self._stage = Stage(self._fs, Random(self._seed))
        self._fs.before_call = self._before_call
        try:
            self._script(self._stage)
            self._before_call("end", "")
        except Exception as fault:  # noqa: BLE001 - whatever stops a start is what is looked for
            self._note(fault, "the script itself")
        return self.found

    def _before_call(self, call: str, path: str) -> None:
        if call in READING:
            return
        self.found.calls += 1
        if self.found.calls % self._stride:
            return
        self._crash("kill", f"{call} {path}", Random(self._seed))
        for number in range(self._subsets):
            seed = self._seed << 40 | self.found.calls << 20 | number
            self._crash(f"cut {number}", f"{call} {path}", Random(seed))

    def _crash(self, how: str, where: str, random: Random) -> None:
        assert self._stage is not None
        killed = how == "kill"
        left = self._fs.after_kill() if killed else self._fs.after_power_cut(random)
        self.found.crashes += 1
        try:
            check_crash(left, self._stage.promised, random, killed=killed)
        except Exception as fault:  # noqa: BLE001 - whatever stops a start is what is looked for
            self._note(fault, f"call {self.found.calls} ({where}), {how}")

    def _note(self, fault: Exception, where: str) -> None:
        self.found.faults.append(
            f"{self._script.__name__} seed {self._seed}: {where}: {type(fault).__name__}: {fault}"
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run all scripts and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--subsets", type=int, default=50, help="power cuts at each call")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--stride", type=int, default=1, help="of so many calls one is a crash")
    parser.add_argument("--only", default="", help="scripts whose name holds this")
    given = parser.parse_args(arguments)
    logging.disable()
    failed = 0
    for script in SCRIPTS:
        if given.only not in script.__name__:
            continue
        begun = time.monotonic()
        found = Crashes(script, subsets=given.subsets, seed=given.seed, stride=given.stride).run()
        sys.stdout.write(
            f"{script.__name__}: {found.calls} calls, {found.crashes} crashes,"
            f" {len(found.faults)} faults, {time.monotonic() - begun:.1f} s\n"
        )
        for fault in found.faults[:5]:
            sys.stdout.write(f"  {fault}\n")
        failed += len(found.faults)
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
