"""`python -m interop.groups`: groups of real clients, disturbed, must lose and repeat nothing.

Prints a line per client and protocol; exits with 1 where something was lost, came back without
reason, or went back. Java takes part where `INTEROP_KAFKA_CLASSPATH` names Kafka's jars.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from interop.apache_kafka import classpath
from interop.groups.churn import Churn, NotSteadyError
from interop.process import BrokerProcess

SESSION_MS = 3000
CASES = (
    ("kafka-python", "classic"),
    ("confluent", "classic"),
    ("confluent", "consumer"),
    ("aiokafka", "classic"),
    ("java", "classic"),
    ("java", "consumer"),
)
PROPERTIES = (
    "group.initial.rebalance.delay.ms=0",
    "group.min.session.timeout.ms=1000",
    f"group.consumer.min.session.timeout.ms={SESSION_MS}",
    f"group.consumer.session.timeout.ms={SESSION_MS}",
    "group.consumer.min.heartbeat.interval.ms=200",
    "group.consumer.heartbeat.interval.ms=500",
)


def main() -> int:
    options = _options()
    jars = classpath()
    failed = 0
    for client, protocol in CASES:
        name = f"{client}/{protocol}"
        if options.only and options.only not in name:
            continue
        if client == "java" and jars is None:
            print(f"{name}: not run, INTEROP_KAFKA_CLASSPATH names no jars")
            continue
        for number in range(options.rounds):
            failed += not _round(client, protocol, jars, options, f"{name} round {number + 1}")
    return int(failed > 0)


def _round(
    client: str, protocol: str, jars: str | None, options: argparse.Namespace, name: str
) -> bool:
    print(name, flush=True)
    with _directory(keep=options.keep) as directory:
        broker = BrokerProcess(Path(directory) / "data", PROPERTIES)
        broker.start()
        churn = Churn(
            broker.bootstrap_servers,
            Path(directory),
            client,
            protocol,
            SESSION_MS,
            lambda: broker.restart(signal.SIGKILL),
            jars,
            options.strategy,
        )
        began = time.monotonic()
        try:
            verdict = churn.run()
        except NotSteadyError as fault:
            print(f"  FAILED: {fault}", flush=True)
            return False
        finally:
            broker.stop(signal.SIGKILL)
        took = time.monotonic() - began
        print(f"  {'FAILED' if verdict.faults else 'ok'}: {verdict}, {took:.0f} s", flush=True)
        for fault in verdict.faults[:10]:
            print(f"    {fault}", flush=True)
        return not verdict.faults


@contextmanager
def _directory(*, keep: bool) -> Iterator[str]:
    directory = tempfile.mkdtemp()
    try:
        yield directory
    finally:
        if keep:
            print(f"  kept in {directory}")
        else:
            shutil.rmtree(directory)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m interop.groups", description=__doc__)
    parser.add_argument("--only", help="only cases whose CLIENT/PROTOCOL has this in its name")
    parser.add_argument("--rounds", type=int, default=1, help="of each case")
    parser.add_argument("--strategy", default="range", help="confluent's classic assignment")
    parser.add_argument("--keep", action="store_true", help="keep what members wrote")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
