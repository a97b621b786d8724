"""Broken bytes for every parser: `python -m tests.fuzz.fuzz_wire --seconds 60 --seed 0`.

Frames are accepted messages damaged in a few places, random bytes, and claims followed by as many
small elements as they say. Whatever comes, a parser may raise ProtocolError alone, may allocate no
more than its allowance, and takes time in proportion to the bytes. The first that does otherwise
ends the run with exit code 1 and the bytes in hex, long ones in a file; the same seed finds them
again.
"""

from __future__ import annotations

import argparse
import sys
import time
import tracemalloc
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final, NamedTuple

from pykbroker.errors import ProtocolError
from pykbroker.wire.resolved import BUDGET_ALLOWANCE_BYTES
from tests.fuzz.mutations import mutated, swollen
from tests.fuzz.targets import Target, every_target

ALLOCATED_PER_BYTE: Final = 16
"""What a parser may allocate for each byte it is given, in bytes."""

ALLOCATED_BESIDES: Final = BUDGET_ALLOWANCE_BYTES + (64 << 10)
"""What it may allocate beyond that: the codecs' allowance, and the interpreter's own needs."""

BLOCK_BYTES: Final = 32
"""What an allocated block has at least, nearly always: to judge a count of blocks by."""

SECONDS_BESIDES: Final = 0.01
SECONDS_PER_BYTE: Final = 1e-6
PATIENCE: Final = 5
"""How often a slow parse is repeated before the parser, not the machine, is called slow."""

SHOWN_BYTES_MAX: Final = 4096
FOLDER: Final = Path("build")

SWOLLEN_SHARE: Final = 1 / 2000
RANDOM_SHARE: Final = 1 / 20
TRACED_SHARE: Final = 1 / 1000
COUNTED_SHARE: Final = 1 / 100


class Broken(NamedTuple):
    """A parser that did what it must not, and on which bytes."""

    target: str
    reason: str
    data: bytes


@dataclass(slots=True)
class Totals:
    """What a run has done so far."""

    frames: int = 0
    bytes: int = 0
    accepted: int = 0
    traced: int = 0
    counted: int = 0
    most_allocated: float = 0.0
    """The largest share of its allowance that a parser took."""


class Fuzzer:
    """Feeds drawn frames to drawn targets, and judges what they do."""

    def __init__(self, targets: list[Target], random: Random) -> None:
        self.targets = targets
        self.random = random
        self.totals = Totals()

    def run(self, frames: int) -> Broken | None:
        """Feed so many frames; stop at the first that breaks a parser."""
        random, targets, totals = self.random, self.targets, self.totals
        for _ in range(frames):
            target = targets[int(random.random() * len(targets))]
            data, large = self.frame(target)
            totals.frames += 1
            totals.bytes += len(data)
            chance = random.random()
            if target.allocates and chance < (0.4 if large else TRACED_SHARE):
                reason = self.trace(target, data)
            else:
                reason = self.feed(target, data, count=chance > 1 - COUNTED_SHARE)
            if reason is not None:
                return Broken(target.name, reason, data)
        return None

    def frame(self, target: Target) -> tuple[bytes, bool]:
        """Draw a frame for a target; tell whether it is a large one."""
        random = self.random
        chance = random.random()
        if chance < SWOLLEN_SHARE:
            if target.swell is None:
                return swollen(random.choice(target.corpus), random), True
            data = target.swell(random)
            return (data if random.random() < 0.5 else mutated(data, random)), True
        if chance < SWOLLEN_SHARE + RANDOM_SHARE:
            return random.randbytes(random.randrange(80)), False
        data = random.choice(target.corpus)
        return mutated(data, random, random.choice(target.corpus)), False

    def feed(self, target: Target, data: bytes, *, count: bool) -> str | None:
        """Feed a frame; give what is wrong with what happened, None if nothing is."""
        before = sys.getallocatedblocks() if count and target.allocates else None
        start = time.perf_counter()
        try:
            value = target.feed(data)
        except ProtocolError:
            value = None
        except Exception as fault:  # noqa: BLE001 - any other exception is what is looked for
            return f"raised {fault!r}"
        took = time.perf_counter() - start
        self.totals.accepted += value is not None
        if before is not None:
            self.totals.counted += 1
            blocks = sys.getallocatedblocks() - before
            if blocks * BLOCK_BYTES > bytes_allowed(data):
                return f"made {blocks} blocks of {len(data)} bytes"
        if took > seconds_allowed(target, data):
            return slowness(target, data)
        return None

    def trace(self, target: Target, data: bytes) -> str | None:
        """Feed a frame while every allocation is counted."""
        tracemalloc.start()
        try:
            reason = self.feed_untimed(target, data)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        self.totals.traced += 1
        share = peak / bytes_allowed(data)
        self.totals.most_allocated = max(self.totals.most_allocated, share)
        if reason is None and share > 1:
            return f"allocated {peak} bytes for {len(data)}"
        return reason

    def feed_untimed(self, target: Target, data: bytes) -> str | None:
        """Feed a frame; give the exception that may not come out."""
        try:
            self.totals.accepted += target.feed(data) is not None
        except ProtocolError:
            return None
        except Exception as fault:  # noqa: BLE001 - any other exception is what is looked for
            return f"raised {fault!r}"
        return None


def bytes_allowed(data: bytes) -> int:
    """Say how much memory a parser may take for some bytes."""
    return ALLOCATED_PER_BYTE * len(data) + ALLOCATED_BESIDES


def seconds_allowed(target: Target, data: bytes) -> float:
    """Say how long a target may take for some bytes."""
    return SECONDS_BESIDES + SECONDS_PER_BYTE * (len(data) + target.expands_to)


def slowness(target: Target, data: bytes) -> str | None:
    """Feed bytes again that took too long, and count this thread's own time; judge the shortest."""
    shortest = float("inf")
    for _ in range(PATIENCE):
        start = time.thread_time()
        with suppress(ProtocolError):
            target.feed(data)
        shortest = min(shortest, time.thread_time() - start)
        if shortest <= seconds_allowed(target, data):
            return None
    return f"took {shortest * 1000:.1f} ms for {len(data)} bytes"


def report(totals: Totals, seconds: float) -> str:
    """Put the totals of a run into a line."""
    return (
        f"{totals.frames:,} frames, {totals.bytes:,} bytes in {seconds:.0f} s"
        f" ({totals.frames / max(seconds, 1e-9):,.0f}/s), {totals.accepted:,} accepted,"
        f" {totals.traced:,} traced: {totals.most_allocated:.0%} of the allowance at most,"
        f" {totals.counted:,} counted\n"
    )


def fuzz(seed: int, *, seconds: float, frames: int) -> int:
    """Run until the time is over or the frames are fed; give the exit code."""
    random = Random(seed)
    fuzzer = Fuzzer(every_target(random), random)
    sys.stdout.write(f"seed {seed}, {len(fuzzer.targets)} targets\n")
    start = told = time.monotonic()
    broken = None
    while broken is None and time.monotonic() - start < seconds and fuzzer.totals.frames < frames:
        broken = fuzzer.run(min(1000, frames - fuzzer.totals.frames))
        if time.monotonic() - told >= 1:
            told = time.monotonic()
            sys.stdout.write(report(fuzzer.totals, told - start))
            sys.stdout.flush()
    sys.stdout.write(report(fuzzer.totals, time.monotonic() - start))
    if broken is None:
        return 0
    sys.stdout.write(
        f"BROKEN {broken.target}: {broken.reason}\nseed {seed}\n{shown(broken, seed)}\n"
    )
    return 1


def shown(broken: Broken, seed: int) -> str:
    """Give the bytes in hex, or the name of the file they were written to when they are many."""
    if len(broken.data) <= SHOWN_BYTES_MAX:
        return broken.data.hex()
    path = FOLDER / f"fuzz-{seed}.bin"
    FOLDER.mkdir(exist_ok=True)
    path.write_bytes(broken.data)
    return f"{len(broken.data)} bytes in {path}"


def main(arguments: list[str] | None = None) -> int:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description="Feed broken bytes to every parser.")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="default: no end")
    parser.add_argument("--frames", type=int, default=sys.maxsize, help="default: no end")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    return fuzz(options.seed, seconds=options.seconds, frames=options.frames)


if __name__ == "__main__":
    sys.exit(main())
