"""SIGKILL while groups commit, rebalance and go: what their coordinator told is there again.

Offsets, generations, assignments and epochs are, and what was deleted is not. Clients go on as soon
as they reach the broker, which may be reading its log still, and are told nothing but to ask again.
The log of groups is compacted meanwhile. Half of the rounds are in each mode of
`log.flush.before.ack`.
"""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from pykbroker.replication.topic_names import GROUP_METADATA_TOPIC
from pykbroker.wire.messages.incremental_alter_configs import IncrementalAlterConfigs
from tests.api.group_requests import find_coordinator
from tests.api.requests import create_topic
from tests.crash import figures
from tests.crash.classic_members import ClassicMembers
from tests.crash.consumer_members import ConsumerMembers
from tests.crash.group_clients import PARTITIONS, TOPICS, GroupClient, Judged, SimpleGroup
from tests.crash.kills_by_librdkafka import free_port
from tests.crash.load import options
from tests.crash.workers import working
from tests.kafka_client import Client
from tests.processes import END_SECONDS, popen

NAME = "kills of groups"
MODES = ("all", "none")
WORK_COMMITS = (1, 400, 400, 4_000)
"""At most so many are acknowledged between two kills; by count, for a busy machine to try as much
as an idle one. The last gives the log time to be compacted."""
_WORK_SECONDS_MAX = 4
_START_SECONDS_MAX = 0.6
"""A process killed within this time after its start may be anywhere in it."""
_REACHED_SECONDS = 20
_ROUNDS_BETWEEN_FULL_COMPARISONS = 5
_COMMITS_OF_RESTING = 5
_SEGMENT_MS = "200"
"""For more of the log to be compacted than what fills segments."""
GROUPS = {
    "log.cleaner.min.cleanable.ratio": 0.01,
    "offsets.topic.num.partitions": 3,
    "offsets.topic.segment.bytes": 1 << 20,
    "pykbroker.offsets.topic.mode": "instant",
    "group.initial.rebalance.delay.ms": 0,
    "group.consumer.assignment.interval.ms": 0,
    "group.consumer.min.assignment.interval.ms": 0,
}
KINDS = (
    SimpleGroup,
    SimpleGroup,
    ClassicMembers,
    ClassicMembers,
    ConsumerMembers,
    ConsumerMembers,
)


class GroupKills:
    """One broker in one mode, the clients of its groups, and who kills it."""

    def __init__(
        self,
        directory: Path,
        random: Random,
        mode: str,
        *,
        resting: int = 300,
        work_commits: Sequence[int] = WORK_COMMITS,
    ) -> None:
        """`resting` groups commit in the beginning and are there ever after."""
        self.judged = Judged()
        self._work_commits = work_commits
        self.log = directory / f"log-{mode}"
        self._random = random
        self._mode = mode
        port = free_port()
        self._address = f"127.0.0.1:{port}"
        properties = {**GROUPS, "log.flush.before.ack": mode}
        given = options(str(directory / f"data-{mode}"), properties, port=port)
        self._options = (*given, "--log-level", "info")
        self._busy = [self._group(kind, number) for number, kind in enumerate(KINDS)]
        self._resting = [self._group(SimpleGroup, 100 + number) for number in range(resting)]
        self._kills = self._kills_at_start = 0

    def _group(self, kind: type[GroupClient], number: int) -> GroupClient:
        return kind(f"{kind.__name__}-{number}", self.judged, Random(self._random.random()))

    def run(self, rounds: int) -> None:
        """Kill the broker so many times; the busy groups compare after each, all now and then."""
        with self._broker() as process, Client(self._address) as client:
            self._begin(client)
            self._end(process, signal.SIGKILL)
        for number in range(1, rounds + 1):
            while self._random.random() < 0.3:
                self._kill_while_starting()
            with self._broker() as process:
                self._work_until_killed(process)
            if number % _ROUNDS_BETWEEN_FULL_COMPARISONS == 0 or number == rounds:
                with self._broker() as process, Client(self._address) as client:
                    for group in (*self._busy, *self._resting):
                        group.settle(client)
                    self._end(process, signal.SIGTERM)

    def _begin(self, client: Client) -> None:
        find_coordinator(client)
        rolling = {"name": "segment.ms", "config_operation": 0, "value": _SEGMENT_MS}
        named = {"resource_type": 2, "resource_name": GROUP_METADATA_TOPIC}
        request = {"resources": [{**named, "configs": [rolling]}]}
        answer = client.call(IncrementalAlterConfigs, request).responses[0]
        assert answer.error_code == 0, answer
        for topic in TOPICS:
            create_topic(client, topic, partitions=PARTITIONS)
        for _ in range(_COMMITS_OF_RESTING):
            for group in self._resting:
                group.commit(client)

    @contextmanager
    def _broker(self) -> Iterator[subprocess.Popen[str]]:
        """Start the broker and wait until clients reach it, which is before it serves them."""
        process = popen(*self._options, log=self.log)
        deadline = time.monotonic() + _REACHED_SECONDS
        try:
            while not self._is_reached():
                assert process.poll() is None, self.log.read_text()[-1_000:]
                assert time.monotonic() < deadline, "nobody reaches the broker"
            yield process
        finally:
            process.kill()
            process.communicate()

    def _is_reached(self) -> bool:
        host, _, port = self._address.rpartition(":")
        try:
            socket.create_connection((host, int(port))).close()
        except ConnectionRefusedError:
            time.sleep(0.005)
            return False
        return True

    def _work_until_killed(self, process: subprocess.Popen[str]) -> None:
        commits = self._random.randrange(self._random.choice(self._work_commits))
        enough = self.judged.seen["commits"] + commits
        deadline = time.monotonic() + _WORK_SECONDS_MAX
        number = self._random.choice((signal.SIGKILL,) * 9 + (signal.SIGTERM,))
        with working(self._busy, self._address) as workers:
            while self.judged.seen["commits"] < enough and time.monotonic() < deadline:
                time.sleep(0.002)
            for group, worker in zip(self._busy, workers, strict=True):
                self.judged.expect(worker.is_alive(), f"{group.group_id}: its clients were cut off")
            self._end(process, number)
        self._kills += 1

    def _end(self, process: subprocess.Popen[str], number: signal.Signals) -> None:
        process.send_signal(number)
        status = process.wait(END_SECONDS)
        expected = -number if number == signal.SIGKILL else 0
        self.judged.expect(status == expected, f"it ends with {status} upon {number.name}")

    def _kill_while_starting(self) -> None:
        starting = popen(*self._options, log=self.log)
        time.sleep(self._random.random() * _START_SECONDS_MAX)
        starting.kill()
        starting.communicate()
        self._kills_at_start += 1

    @property
    def wrong(self) -> list[str]:
        """All that was wrong, tracebacks in the broker's log included."""
        faults = sorted(set(figures.tracebacks(self.log.read_text())))
        return [*self.judged.wrong, *(f"traceback: {fault}" for fault in faults)]

    def line(self) -> str:
        """Put it into a line."""
        text = self.log.read_text()
        cleaned = text.count("log cleaned topic=__consumer_offsets")
        loaded = text.count("groups loaded")
        return (
            f"{NAME}, flush before ack {self._mode}: {self._kills} rounds,"
            f" {self._kills_at_start} kills more while starting;"
            f" {figures.told(self.judged.seen)}, {loaded:,} loadings,"
            f" {cleaned:,} cleanings of their log, {len(self.wrong)} things wrong"
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Kill a broker round after round in each mode; tell what was wrong."""
    parser = figures.parser("tests.crash.kills_of_groups", "SIGKILL while groups are at work")
    parser.add_argument("--rounds", type=int, default=100, help="in all (100)")
    parser.add_argument("--log", type=Path, help="a directory that the broker's logs are copied to")
    given = parser.parse_args(arguments)
    random, status = Random(given.seed), 0
    for mode in MODES:
        with TemporaryDirectory(prefix="kills-of-groups-") as directory:
            kills = GroupKills(Path(directory), Random(random.random()), mode)
            try:
                kills.run(given.rounds // len(MODES))
            finally:
                if given.log is not None:
                    shutil.copy(kills.log, given.log)
            figures.say(kills.line())
            for line in kills.wrong[:20]:
                figures.say(f"  {line}")
                status = figures.EXIT_FOUND
    return status


if __name__ == "__main__":
    figures.end_in_order()
    sys.exit(main())
