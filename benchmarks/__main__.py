"""`python -m benchmarks`: measure, tell, keep the figures; `--help` lists what can be chosen."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random

from benchmarks.apache_kafka import CLASSPATH_VARIABLE, ApacheKafka, classpath
from benchmarks.costliest import profile
from benchmarks.line import Line, Scale
from benchmarks.lines.table import LINES
from benchmarks.peers import KAFKA, MOCK, OURS, OURS_IN_MEMORY, MockCluster, OurBroker, Peer
from benchmarks.plot import draw
from benchmarks.report import Report
from benchmarks.rounds import Run

REPEATS = 5
QUICK = Scale(0.1)
MEMORY_NOTE = (
    "before each figure of a line that writes much, as many bytes were written and deleted, so that"
    " a virtual machine's memory is ready"
)
FLUSH_NOTE = (
    "nobody waits for the disk before acknowledging, which is Kafka's way: pykbroker runs with"
    " log.flush.before.ack=none, save in the lines that compare it with all, its default"
)
RESULTS = Path(__file__).parent / "results"
PEERS = {"ours": OURS, "memory": OURS_IN_MEMORY, "mock": MOCK, "kafka": KAFKA}


def main() -> int:
    """Do what the command line asks; give the exit status: 1 when a target is missed."""
    options = _parser().parse_args()
    lines = _chosen(options.only)
    scale = QUICK if options.quick else Scale()
    with tempfile.TemporaryDirectory(prefix=".bench-", dir=Path.cwd()) as name:
        directory = Path(name)
        notes = [FLUSH_NOTE, MEMORY_NOTE]
        if options.profile:
            print(profile(_chosen([options.profile])[0], directory, scale))
            return 0
        peers = _peers(options.peers, directory, notes)
        rounds = options.repeats or (1 if options.quick else REPEATS)
        began = time.strftime("%Y-%m-%dT%H-%M-%S")
        results = Run(lines, peers, directory=directory, scale=scale).measure(
            rounds=rounds, random=Random(options.seed)
        )
    report = Report(lines, [peer.name for peer in peers], results, notes)
    print(report.text())
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{began}.json").write_text(report.json(began=began, rounds=rounds, scale=scale))
    draw(report, RESULTS / f"{began}.svg")
    print(f"\nkept in {RESULTS / began}.json and .svg")
    return 1 if report.missed() else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="make bench ARGS=…",
        description="Measure the broker beside librdkafka's mock cluster, and beside Apache Kafka"
        f" where Java is installed and {CLASSPATH_VARIABLE} names its jars.",
    )
    parser.add_argument("--repeats", type=int, metavar="N", help=f"rounds (default: {REPEATS})")
    parser.add_argument(
        "--only", action="append", default=[], metavar="LINE",
        help=f"only that line, or all whose names begin so; repeatable: {', '.join(_names())}",
    )  # fmt: skip
    parser.add_argument("--quick", action="store_true", help="a tenth of the load, one round")
    parser.add_argument(
        "--peers", default="ours,mock,kafka", metavar="NAMES",
        help=f"of {', '.join(PEERS)}, with commas between (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--profile", metavar="LINE", help="run one line under cProfile and list the costliest"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the order (default: %(default)s)")
    return parser


def _names() -> list[str]:
    return [line.name for line in LINES]


def _chosen(prefixes: Sequence[str]) -> list[Line]:
    """Return the lines of that name, or else those whose name begins so."""
    chosen = [
        line
        for line in LINES
        if not prefixes
        or any(
            line.name == prefix or (prefix not in _names() and line.name.startswith(prefix))
            for prefix in prefixes
        )
    ]
    if not chosen:
        sys.exit(f"no line of that name; there are: {', '.join(_names())}")
    return chosen


def _peers(wanted: str, directory: Path, notes: list[str]) -> list[Peer]:
    peers: list[Peer] = []
    for short in wanted.split(","):
        match short:
            case "ours":
                peers.append(OurBroker(directory))
            case "memory":
                peers.append(OurBroker(directory, in_memory=True))
            case "mock":
                peers.append(MockCluster(directory))
            case "kafka":
                jars = classpath()
                if jars is None:
                    notes.append(f"Apache Kafka was left out: no Java, or no {CLASSPATH_VARIABLE}")
                else:
                    peers.append(ApacheKafka(directory, jars))
            case _:
                sys.exit(f"no peer {short}; there are: {', '.join(PEERS)}")
    return peers


if __name__ == "__main__":
    sys.exit(main())
