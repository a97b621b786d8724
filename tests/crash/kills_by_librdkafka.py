"""SIGKILL under load by librdkafka, round after round: nothing acknowledged is lost or repeated.

Producers stay while the broker dies, also while it starts, and send again what was not answered.
Topics come and go, segments are small, compaction and retention run. Needs confluent-kafka.
"""

from __future__ import annotations

import importlib.util
import shutil
import signal
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from tests.crash import figures
from tests.crash.ledger import Anomaly, Findings
from tests.crash.load import TOPICS, PoweredChurn, kept_partitions, make_topics, options, shortened
from tests.crash.reading import read_all, read_new
from tests.crash.values import Mint
from tests.crash.workers import working
from tests.kafka_client import Client
from tests.processes import BrokerProcess, popen

if TYPE_CHECKING:
    from tests.crash.librdkafka import Sender

NAME = "kills under librdkafka"
WORK_RECORDS_MAX = 8_000
"""Acknowledged between two kills; by count, for a busy machine to try as much as an idle one."""
_WORK_SECONDS_MAX = 4
_ROUNDS_BETWEEN_FULL_READS = 25
_FLUSH_SECONDS = 60
_SENT_AT_ONCE = 40
_PAUSE_SECONDS = 0.01
IDEMPOTENT = frozenset({1, 2, 3})
PLAIN = frozenset({11, 12})


class Kills:
    """One broker, its producers, and who kills it."""

    def __init__(self, directory: Path, random: Random) -> None:
        self.findings = Findings()
        self.random = random
        self.log = directory / "log"
        port = free_port()
        self.servers = f"127.0.0.1:{port}"
        self.broker = BrokerProcess(*options(str(directory / "data"), port=port), log=self.log)
        self.mint = Mint(random.randbytes(32))
        self.partitions = kept_partitions(self.findings, IDEMPOTENT)
        self.churn = PoweredChurn(
            Random(random.random()),
            others=frozenset(TOPICS),
            power_is_off=threading.Event(),
            findings=self.findings,
        )
        self.senders: list[Sender] = []
        self.kills = 0
        self.kills_at_start = 0
        self._start_seconds = 0.5

    def run(self, rounds: int) -> None:
        """Kill the broker so many times; compare after every start, and everything in the end."""
        from tests.crash.librdkafka import read_all_by_consumer

        with self.broker:
            with Client(self.servers) as client:
                make_topics(client)
            self.senders = [self._sender(number) for number in sorted(IDEMPOTENT | PLAIN)]
            for number in range(1, rounds + 1):
                self._work_until_killed()
                if self.random.random() < 0.3:
                    self._kill_while_starting()
                self._start()
                with Client(self.servers) as client:
                    self.churn.settle(client)
                    self.churn.check(client)
                    whole = number % _ROUNDS_BETWEEN_FULL_READS == 0
                    (read_all if whole else read_new)(client, self.partitions, self.mint)
            left = sum(sender.flush(_FLUSH_SECONDS) for sender in self.senders)
            if left:
                self.findings.note(Anomaly.LOST, f"{left} records are never answered")
            with Client(self.servers) as client:
                read_all(client, self.partitions, self.mint)
            read_all_by_consumer(self.servers, self.partitions, self.mint)
            for kept in self.partitions:
                kept.ledger.finish()

    def _sender(self, number: int) -> Sender:
        from tests.crash.librdkafka import Sender

        # Repeats on a partition that loses its oldest segments could not be told from disorder.
        wanted = [k for k in self.partitions if number in IDEMPOTENT or not k.may_expire]
        return Sender(
            number,
            self.servers,
            wanted,
            self.mint,
            Random(self.random.random()),
            is_idempotent=number in IDEMPOTENT,
        )

    def _work_until_killed(self) -> None:
        enough = self.acknowledged + self.random.randrange(WORK_RECORDS_MAX)
        deadline = time.monotonic() + _WORK_SECONDS_MAX
        with working([self.churn], self.servers):
            while self.acknowledged < enough and time.monotonic() < deadline:
                for sender in self.senders:
                    sender.send(self.random.randrange(_SENT_AT_ONCE))
                time.sleep(_PAUSE_SECONDS)
            self.broker.kill()
        self.kills += 1

    def _start(self) -> None:
        before = time.monotonic()
        self.broker.start()
        self._start_seconds = time.monotonic() - before

    def _kill_while_starting(self) -> None:
        starting = popen(*self.broker.options, log=self.log)
        # Anywhere in a start that takes as long as the last one.
        time.sleep(self.random.random() * self._start_seconds)
        starting.send_signal(signal.SIGKILL)
        starting.communicate()
        self.kills_at_start += 1

    @property
    def acknowledged(self) -> int:
        """Records acknowledged so far."""
        return sum(kept.ledger.acknowledged_count for kept in self.partitions)

    @property
    def tracebacks(self) -> list[str]:
        """The faults of tracebacks in the broker's log."""
        return figures.tracebacks(self.log.read_text())

    def line(self) -> str:
        """Put it into a line."""
        anomalies = Counter({str(kind): self.findings.counts[kind] for kind in Anomaly})
        unsure = sum((sender.unsure for sender in self.senders), Counter[str]())
        ledgers = [kept.ledger for kept in self.partitions]
        return (
            f"{NAME}: {self.kills} rounds, {self.kills_at_start} kills more while starting;"
            f" {self.acknowledged:,} records acknowledged,"
            f" {self.findings.read:,} read, {figures.told(anomalies)};"
            f" {sum(one.repeated for one in ledgers)} repeated by producers that may,"
            f" {unsure.total():,} delivery errors{': ' if unsure else ''}{figures.told(unsure)},"
            f" {shortened(self.partitions)}, {self.churn.created} topics created,"
            f" {len(self.tracebacks)} tracebacks"
        )


def free_port() -> int:
    """Give a port at which nobody listens now."""
    with socket.create_server(("127.0.0.1", 0)) as one:
        return int(one.getsockname()[1])


def main(arguments: Sequence[str] | None = None) -> int:
    """Kill a broker round after round; tell what was found."""
    parser = figures.parser("tests.crash.kills_by_librdkafka", "SIGKILL under librdkafka's load")
    parser.add_argument("--rounds", type=int, default=200, help="in all (200)")
    parser.add_argument("--directory", type=Path, help="where the data directory is (temporary)")
    parser.add_argument("--log", type=Path, help="where the broker's log is copied to in the end")
    given = parser.parse_args(arguments)
    if importlib.util.find_spec("confluent_kafka") is None:
        return figures.lacking(NAME, "confluent-kafka")
    with TemporaryDirectory(prefix="kills-", dir=given.directory) as directory:
        kills = Kills(Path(directory), Random(given.seed))
        try:
            kills.run(given.rounds)
        finally:
            if given.log is not None:
                shutil.copy(kills.log, given.log)
        figures.say(kills.line())
        for fault in sorted(set(kills.tracebacks)):
            figures.say(f"  traceback: {fault}")
    fatal = [fault for sender in kills.senders for fault in sender.fatal]
    for fault in fatal[:5]:
        figures.say(f"  fatal to a producer: {fault}")
    return figures.EXIT_FOUND if fatal else figures.verdict(kills.findings)


if __name__ == "__main__":
    figures.end_in_order()
    sys.exit(main())
