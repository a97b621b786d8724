"""Random histories of groups, many of them: `python -m tests.coordinator.model --histories 20000`.

History number n is made of the seed plus n, so that a faulty one is run again alone with its own
seed. With `--bug` a known bug is planted first, and the run ends when it is found; `--bugs` does so
for each.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections import Counter
from random import Random
from time import monotonic

from tests.coordinator.model.history import a_history
from tests.coordinator.model.running import run
from tests.coordinator.model.seeded_bugs import BUGS, SeededBug, found_at

PROGRESS_SECONDS = 10
FAULTS_TOLD_MAX = 10


def main() -> int:
    """Run what is asked for; 1 if a fault was found, or a planted one was not."""
    given = _arguments()
    if given.bugs:
        return max(_find(bug, given.seed, given.histories) for bug in BUGS)
    if given.bug:
        bug = next(bug for bug in BUGS if bug.name == given.bug)
        return _find(bug, given.seed, given.histories)
    return _search(given.seed, given.histories)


def _arguments() -> Namespace:
    parser = ArgumentParser(prog="python -m tests.coordinator.model", description=__doc__)
    parser.add_argument("--histories", type=int, default=20_000, help="how many (20,000)")
    parser.add_argument("--seed", type=int, default=0, help="of the first history (0)")
    parser.add_argument("--bug", choices=[bug.name for bug in BUGS], help="plant this bug")
    parser.add_argument("--bugs", action="store_true", help="plant each bug in turn")
    return parser.parse_args()


def _search(first_seed: int, count: int) -> int:
    began = told = monotonic()
    rules: Counter[str] = Counter()
    events = decisions = quiet_ms = 0
    for seed in range(first_seed, first_seed + count):
        outcome = run(a_history(Random(seed)))
        events += outcome.events
        decisions += outcome.decisions
        quiet_ms = max(quiet_ms, outcome.quiet_after_ms)
        if outcome.rule is not None:
            rules[outcome.rule] += 1
            if rules.total() <= FAULTS_TOLD_MAX:
                _say(f"--seed {seed} --histories 1: {outcome.fault}")
        if monotonic() - told > PROGRESS_SECONDS:
            told = monotonic()
            _say(f"{seed - first_seed + 1} of {count} histories, {rules.total()} faults")
    _say(
        f"{count} histories, {events} events, {decisions} decisions in {monotonic() - began:.0f} s;"
        f" quiet after {quiet_ms} ms at most; {rules.total()} faults {dict(rules) or ''}"
    )
    return int(rules.total() > 0)


def _find(bug: SeededBug, first_seed: int, count: int) -> int:
    began = monotonic()
    found, seed = found_at(bug, first_seed, count)
    if found is None:
        _say(f"{bug.name}: not found in {count} histories ({bug.what})")
        return 1
    _say(
        f"{bug.name}: {bug.what}; found by history {seed - first_seed + 1}"
        f" in {monotonic() - began:.1f} s: {str(found.fault)[:160]}"
    )
    return 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
