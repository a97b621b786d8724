"""Generated states that a crash leaves, and generated damage: what opening them yields.

Decided for every torn state: the log opens, without a report of damage; its records are those
appended, byte for byte, up to at least the durable end; offsets, leader epochs and producers go on
from there; a second opening finds the same and changes no file. For damage see `damages`.
By hand: `python -m tests.crash.torn_states --cases 150000 --seed 0`.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass, field
from random import Random

from pykbroker.storage.memory_fs import MemoryFileSystem
from tests.crash import damages, tears
from tests.crash.promises import DATA, Promised, check_goes_on, check_start, require
from tests.crash.tears import Files
from tests.crash.torn_images import TOPIC, Image, make_images


@dataclass(slots=True)
class Figures:
    """What was tried and what came of it."""

    kinds: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    @property
    def cases(self) -> int:
        """How many states were opened."""
        return sum(self.kinds.values())


def memory_of(files: Files) -> MemoryFileSystem:
    """Put files into a file system."""
    fs = MemoryFileSystem()
    for path, data in files.items():
        fs.mkdirs(path.rpartition("/")[0])
        fs.create(path).pwrite(data, 0)
    return fs


def contents_of(fs: MemoryFileSystem, path: str = DATA) -> Files:
    """Give every file below a directory."""
    found: Files = {}
    for name in fs.listdir(path):
        below = f"{path}/{name}"
        if fs.is_directory(below):
            found |= contents_of(fs, below)
        else:
            found[below] = fs.read_bytes(below)
    return found


def expected_of(image: Image, files: Files) -> Promised:
    """Return what is promised of an image in a state whose checkpoints may be old or gone."""
    path = f"{DATA}/log-start-offset-checkpoint"
    promises = image.promised.partitions[TOPIC]
    if files.get(path) == image.written.get(path):
        return image.promised
    promises = copy(promises)
    promises.log_start_min = 0
    return Promised({TOPIC: promises})


def check_torn(image: Image, files: Files) -> None:
    """Open a torn state twice and append to it; raises when a promise is broken."""
    promised = expected_of(image, files)
    fs = memory_of(files)
    directory, logs = check_start(fs, promised)
    end_offset = logs[TOPIC].end_offset
    directory.close(clean=False)
    left = contents_of(fs)
    _, logs = check_start(fs, promised)
    now = contents_of(fs)
    changed = sorted(path for path in left.keys() | now.keys() if left.get(path) != now.get(path))
    require(not changed, f"the second start changed {', '.join(changed)}")
    require(logs[TOPIC].end_offset == end_offset, "the second start ends elsewhere")
    check_goes_on(logs)


class TornStates:
    """A series of cases, the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._images = make_images()
        self.figures = Figures()

    def run(self, cases: int) -> Figures:
        """Try cuts at every byte, or as many as make half of the cases, then what dice say."""
        every_cut = [
            (image, path, size) for image in self._images for path, size in tears.cuts(image)
        ]
        stride = max(1, -(-2 * len(every_cut) // cases))
        for number, (image, path, size) in enumerate(every_cut[self._seed % stride :: stride]):
            random = Random(self._seed << 32 | number)
            files = dict(image.written)
            tears.end_at(image, files, path, size, random)
            self._torn(image, files, f"cut at {size}", random)
        for number in range(cases - self.figures.cases):
            random = Random(self._seed << 32 | 1 << 31 | number)
            image = random.choice(self._images)
            if random.random() < 0.25:
                self._damaged(image, random)
                continue
            files = dict(image.written)
            tear = random.choice(tears.TEARS)
            tear(image, files, random)
            self._torn(image, files, tear.__name__, random)
        return self.figures

    def _torn(self, image: Image, files: Files, what: str, random: Random) -> None:
        if random.random() < 0.7:
            tears.vary_caches(image, files, random)
        if random.random() < 0.5:
            tears.vary_checkpoints(image, files, random)
        if random.random() < 0.3:
            tears.leave_over(image, files, random)
        self.figures.kinds[what.partition(" ")[0]] += 1
        try:
            check_torn(image, files)
        except Exception as fault:  # noqa: BLE001 - whatever stops a start is what is looked for
            self._note(image, what, fault)

    def _damaged(self, image: Image, random: Random) -> None:
        damage = random.choice(damages.DAMAGES)
        files = dict(image.written)
        where = damage(image, files, random)
        self.figures.kinds[damage.__name__] += 1
        try:
            outcome = damages.judge(image, files, where, memory_of(files))
        except Exception as fault:  # noqa: BLE001
            self._note(image, f"{damage.__name__} {where}", fault)
        else:
            self.figures.outcomes[f"{damage.__name__}: {outcome}"] += 1

    def _note(self, image: Image, what: str, fault: Exception) -> None:
        self.figures.faults.append(
            f"{image.name}, {what}, seed {self._seed}: {type(fault).__name__}: {fault}"
        )


def report(figures: Figures, seconds: float) -> Iterator[str]:
    """Give the lines that tell of figures."""
    yield f"{figures.cases} cases in {seconds:.0f} s, {len(figures.faults)} faults"
    for name, count in sorted(figures.kinds.items()):
        yield f"  {name}: {count}"
    yield "damage found:"
    for name, count in sorted(figures.outcomes.items()):
        yield f"  {name}: {count}"
    seen: set[str] = set()
    for fault in figures.faults:
        kind = re.sub(r"[0-9]+", "N", fault)
        if kind not in seen and len(seen) < 60:
            seen.add(kind)
            yield fault


def main(arguments: Sequence[str] | None = None) -> int:
    """Run cases and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--cases", type=int, default=150_000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)
    begun = time.monotonic()
    figures = TornStates(given.seed).run(given.cases)
    for line in report(figures, time.monotonic() - begun):
        sys.stdout.write(f"{line}\n")
    return 1 if figures.faults else 0


if __name__ == "__main__":
    raise SystemExit(main())
