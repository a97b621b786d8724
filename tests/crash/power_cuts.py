"""Power cuts under a broker process: what was acknowledged with acks=all is there afterwards.

The data directory lies on a file system of its own whose power is cut while producers, compaction,
retention and topic churn are at work, and again while the broker recovers. Needs root and loop
devices.
"""

from __future__ import annotations

import shutil
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from tests.crash import figures
from tests.crash.ledger import Anomaly, Findings
from tests.crash.load import Load, a_load, make_topics, options
from tests.crash.reading import read_all
from tests.crash.shapes import Shape, shapes_in
from tests.crash.volume import KINDS, Volume, volume, what_is_missing, write_back
from tests.crash.workers import working
from tests.kafka_client import Client
from tests.processes import BrokerProcess, popen

NAME = "power cuts"
CUTS_PER_VOLUME = 5
WORK_RECORDS_MAX = 6_000
"""Acknowledged between two cuts; by count, for a busy machine to try as much as an idle one."""
_WORK_SECONDS_MAX = 5
_AFTER_CUT_SECONDS_MAX = 0.05
_VOLUME_MIB = 256
_LOSSY_CUTS = 5


@dataclass
class Tally:
    """What was done on volumes of one kind and mode."""

    findings: Findings = field(default_factory=Findings)
    cuts: int = 0
    cuts_in_recovery: int = 0
    acknowledged: int = 0
    resent: int = 0
    topics_created: int = 0
    compacted: int = 0
    expired: int = 0
    shapes: Counter[Shape] = field(default_factory=Counter)
    tracebacks: list[str] = field(default_factory=list)
    start_seconds_max: float = 0.0

    def line(self, name: str) -> str:
        """Put it into a line."""
        shapes = figures.told(Counter({str(k): v for k, v in self.shapes.items()}))
        lost = self.findings.counts[Anomaly.LOST]
        others = {str(k): self.findings.counts[k] for k in Anomaly if k is not Anomaly.LOST}
        return (
            f"{name}: {self.cuts} cuts, {self.cuts_in_recovery} of them in recovery;"
            f" {self.acknowledged:,} records acknowledged, {self.findings.read:,} read,"
            f" {lost} lost, {figures.told(Counter(others))}; {self.resent} batches resent,"
            f" {self.compacted:,} offsets compacted away, {self.expired:,} expired,"
            f" {self.topics_created} topics created, {len(self.tracebacks)} tracebacks,"
            f" slowest start {self.start_seconds_max:.1f} s; files: {shapes}"
        )


@dataclass(frozen=True, slots=True)
class Plan:
    """How often the power is cut, of what, and how much is done in between."""

    kind: str
    mode: str
    """`log.flush.before.ack`."""
    cuts: int
    directory: Path
    """Where images are made."""
    records_max: int = WORK_RECORDS_MAX
    keep: Path | None = None
    """Where data directories are copied to after every cut."""


class Cutter:
    """A broker on a volume, its load, and who cuts the power."""

    def __init__(self, on: Volume, log: Path, *, plan: Plan, random: Random, tally: Tally) -> None:
        self._volume = on
        self._plan = plan
        self._data = on.path / "data"
        self._log = log
        self._random = random
        self._tally = tally
        self._power_is_off = threading.Event()
        self._load: Load = a_load(random, tally.findings, self._power_is_off)
        given = options(str(self._data), {"log.flush.before.ack": plan.mode})
        self._broker = BrokerProcess(*given, log=log)
        self._start_seconds = 0.5

    def run(self, cuts: int) -> None:
        """Work and cut the power until it was cut so many times; compare after every start."""
        end = self._tally.cuts + cuts
        with self._broker:
            with Client(self._broker.addresses[0]) as client:
                make_topics(client)
            while self._tally.cuts < end:
                self._work_until_cut()
                while self._tally.cuts < end and self._random.random() < 0.35:
                    self._cut_in_recovery()
                self._start_and_check()
        self._count()

    def _work_until_cut(self) -> None:
        with working(self._load.tasks, self._broker.addresses[0]):
            if self._plan.mode == "none":  # there must be something that lasts, to be torn above it
                self._wait_for_work()
                self._volume.flush()
            self._wait_for_work()
            if self._random.random() < 0.5:
                self._write_back_some()
            self._cut()
            # What is answered after the cut is a promise like any other.
            time.sleep(max(0.0, self._random.uniform(-1, 1) * _AFTER_CUT_SECONDS_MAX))
            self._broker.kill()
        self._restore()

    def _wait_for_work(self) -> None:
        enough = self._load.acknowledged + self._random.randrange(self._plan.records_max)
        deadline = time.monotonic() + _WORK_SECONDS_MAX
        while self._load.acknowledged < enough and time.monotonic() < deadline:
            time.sleep(0.002)

    def _write_back_some(self) -> None:
        with suppress(FileNotFoundError):  # a topic that is deleted just now: enough were written
            for file in sorted(self._data.glob("*-[0-9]*/*.log")):
                pages = file.stat().st_size // 4096
                for _ in range(4):
                    write_back(file, self._random.randrange(pages + 1), self._random.randrange(8))

    def _cut(self) -> None:
        self._power_is_off.set()
        self._volume.cut_power()
        self._tally.cuts += 1

    def _cut_in_recovery(self) -> None:
        starting = popen(*self._broker.options, log=self._log)
        try:
            # Anywhere in a start that takes as long as the last one.
            time.sleep(self._random.random() * self._start_seconds)
            self._cut()
        finally:
            starting.send_signal(signal.SIGKILL)
            starting.communicate()
        self._tally.cuts_in_recovery += 1
        self._restore()

    def _restore(self) -> None:
        """Bring the power back and look at what is there."""
        self._volume.unmount()
        self._volume.mount()
        self._power_is_off.clear()
        self._tally.shapes += shapes_in(self._data)
        if self._plan.keep is not None:
            kept = self._plan.keep / f"{self._volume.kind}-{self._tally.cuts}"
            shutil.copytree(self._data, kept, dirs_exist_ok=True)

    def _start_and_check(self) -> None:
        before = time.monotonic()
        self._broker.start()
        self._start_seconds = time.monotonic() - before
        self._tally.start_seconds_max = max(self._tally.start_seconds_max, self._start_seconds)
        with Client(self._broker.addresses[0]) as client:
            self._check(client)

    def _check(self, client: Client) -> None:
        for task in self._load.tasks:
            task.settle(client)
        read_all(client, self._load.partitions, self._load.mint)
        self._load.churn.check(client)

    def _count(self) -> None:
        load, tally = self._load, self._tally
        tally.acknowledged += load.acknowledged
        tally.resent += sum(pipeline.resent for pipeline in load.pipelines)
        tally.compacted += sum(kept.ledger.compacted for kept in load.partitions)
        tally.expired += sum(kept.ledger.expired for kept in load.partitions)
        tally.topics_created += load.churn.created
        tally.tracebacks += figures.tracebacks(self._log.read_text())


def cut_many(plan: Plan, random: Random) -> Tally:
    """Cut the power of volumes of a kind so many times; a new volume every few cuts."""
    tally = Tally()
    while tally.cuts < plan.cuts:
        here = plan.directory / f"{plan.kind}-{plan.mode}-{tally.cuts}"
        with volume(plan.kind, here, mib=_VOLUME_MIB) as on:
            cutter = Cutter(on, here / "log", plan=plan, random=random, tally=tally)
            cutter.run(min(CUTS_PER_VOLUME, plan.cuts - tally.cuts))
    return tally


def judge_lossy(tally: Tally) -> list[str]:
    """Say what is wrong with cuts in mode none: they must lose records, yet damage nothing.

    Whether offsets change their records is no question there: what was lost is written anew.
    """
    wrong = []
    if not tally.findings.counts[Anomaly.LOST]:
        wrong.append("nothing was lost: these cuts prove nothing")
    for kind in (Anomaly.OFFLINE, Anomaly.PHANTOM, Anomaly.HOLE):
        wrong += [line for line in tally.findings.told if line.startswith(f"{kind}:")]
    return wrong


def main(arguments: Sequence[str] | None = None) -> int:
    """Cut the power half of the times on each kind of file system; tell what was found."""
    parser = figures.parser("tests.crash.power_cuts", "power cuts under a broker")
    parser.add_argument("--cuts", type=int, default=40, help="in all (40)")
    parser.add_argument("--file-system", choices=KINDS, action="append", help="ext4 and xfs")
    parser.add_argument("--keep", type=Path, help="copy every data directory to there after a cut")
    parser.add_argument("--directory", type=Path, help="where images are made (temporary)")
    given = parser.parse_args(arguments)
    status, kinds = 0, given.file_system or list(KINDS)
    for number, kind in enumerate(kinds):
        missing = what_is_missing(kind)
        if missing is not None:
            figures.lacking(f"{NAME} on {kind}", missing)
            continue
        random = Random(given.seed * 1000 + number)
        with TemporaryDirectory(prefix="power-cuts-", dir=given.directory) as directory:
            lossy = cut_many(Plan(kind, "none", _LOSSY_CUTS, Path(directory)), random)
            figures.say(lossy.line(f"{NAME} on {kind} in mode none, which must lose"))
            for line in judge_lossy(lossy):
                figures.say(f"  {line}")
                status = figures.EXIT_FOUND
            cuts = given.cuts // len(kinds)
            tally = cut_many(Plan(kind, "all", cuts, Path(directory), keep=given.keep), random)
        figures.say(tally.line(f"{NAME} on {kind} in mode all"))
        for fault in sorted(set(tally.tracebacks)):
            figures.say(f"  traceback: {fault}")
        status = max(status, figures.verdict(tally.findings))
    return status


if __name__ == "__main__":
    figures.end_in_order()
    sys.exit(main())
