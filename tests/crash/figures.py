"""What the long runs share: their options, a line of figures each, and how they end."""

from __future__ import annotations

import re
import signal
import sys
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterable

from tests.crash.ledger import Findings

_FAULT = re.compile(
    r"^[ |]*((?:[a-z_]+\.)*[A-Z]\w*(?:Error|Exception|Exit|Full)\b.*)$", re.MULTILINE
)
EXIT_FOUND = 1
EXIT_LACKING = 0
"""A machine that lacks something is told of and is no failure."""


def parser(module: str, description: str) -> ArgumentParser:
    """Give the options that every run has."""
    made = ArgumentParser(prog=f"python -m {module}", description=description)
    made.add_argument("--seed", type=int, default=0, help="the dice (0)")
    return made


def end_in_order() -> None:
    """Let SIGTERM end this process as an exception does: what was mounted and started goes."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))


def say(line: str) -> None:
    """Write a line where people look."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def lacking(name: str, what: str) -> int:
    """Say that a run was skipped and why; give the exit status."""
    say(f"{name}: skipped, this machine has no {what}")
    return EXIT_LACKING


def told(counts: Counter[str] | Iterable[tuple[str, int]]) -> str:
    """Put counts into words."""
    pairs = counts.items() if isinstance(counts, Counter) else counts
    return ", ".join(f"{number:,} {what}" for what, number in pairs)


def tracebacks(log: str) -> list[str]:
    """Give the faults of all tracebacks in a log, those of a group one by one."""
    if "Traceback" not in log:
        return []
    return [match[1] for match in _FAULT.finditer(log) if "Group" not in match[1]]


def verdict(findings: Findings) -> int:
    """Tell what was found that must not be; give the exit status."""
    for line in findings.told:
        say(f"  {line}")
    return EXIT_FOUND if findings.counts else 0
