"""A broker process killed at random moments keeps what it acknowledged, and makes nothing up.

PYKBROKER_CRASH_ROUNDS (5) is how many times it is killed, PYKBROKER_CRASH_SEED (0) the dice.
"""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from pathlib import Path
from random import Random

import pytest

from tests.crash.workers import work_until_it_dies
from tests.crash.workload import (
    Churn,
    Producer,
    ProducerIdAsker,
    Task,
    make_topic,
    settle_and_check,
)
from tests.kafka_client import Client
from tests.processes import BrokerProcess, popen

ROUNDS = int(os.environ.get("PYKBROKER_CRASH_ROUNDS", "5"))
SEED = int(os.environ.get("PYKBROKER_CRASH_SEED", "0"))
WORK_SECONDS_MAX = 0.3
START_SECONDS_MAX = 0.5
"""A process killed within this time after its start may be anywhere in it."""


def partition_directories(data: Path) -> set[str]:
    return {
        path.name for path in data.iterdir() if path.is_dir() and re.search(r"-[0-9]+$", path.name)
    }


@pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")
def test_what_was_acknowledged_survives_kills_and_nothing_else_does(tmp_path: Path) -> None:
    random = Random(SEED)
    data = tmp_path / "data"
    options = (
        *("--data-dir", str(data), "--port", "0", "--log-level", "warning"),
        *("--override", "log.segment.bytes=1048576"),
    )
    broker = BrokerProcess(*options, log=tmp_path / "log")
    producers = [
        Producer(0, Random(random.random())),
        Producer(1, Random(random.random())),
        Producer(2, Random(random.random()), is_idempotent=True),
        Producer(3, Random(random.random()), is_idempotent=True),
    ]
    churn = Churn(Random(random.random()))
    ids = ProducerIdAsker()
    tasks: list[Task] = [*producers, churn, ids]
    with broker, Client(broker.addresses[0]) as client:
        make_topic(client, len(producers))
        broker.stop()

    for _ in range(ROUNDS):
        with broker:
            number = random.choice((signal.SIGKILL, signal.SIGKILL, signal.SIGKILL, signal.SIGTERM))
            work_until_it_dies(broker, tasks, random.random() * WORK_SECONDS_MAX, number)
        if random.random() < 0.3:
            starting = popen(*options, log=broker.log)
            time.sleep(random.random() * START_SECONDS_MAX)
            starting.kill()
            starting.communicate()
        with broker, Client(broker.addresses[0]) as client:
            settle_and_check(client, tasks)
            assert partition_directories(data) == {
                *(f"words-{producer.partition}" for producer in producers),
                *(f"{name}-{index}" for name in churn.topics for index in (0, 1)),
            }
            broker.stop(random.choice((signal.SIGKILL, signal.SIGTERM)))

    with broker, Client(broker.addresses[0]) as client:
        for producer in producers:
            producer.check_all(client)
    assert "Traceback" not in broker.log.read_text()
    told = (
        f"{ROUNDS} rounds: {sum(len(p.acknowledged) for p in producers)} records acknowledged,"
        f" {sum(p.resent for p in producers)} batches resent,"
        f" {sum(p.found_in_log for p in producers)} found though never acknowledged,"
        f" {churn.created} topics created, {len(ids.ids)} producer ids"
    )
    sys.stdout.write(f"{told}\n")
