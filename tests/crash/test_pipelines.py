"""Producers with requests in flight lose nothing when the broker is killed under them."""

from __future__ import annotations

import signal
from pathlib import Path
from random import Random
from threading import Event

import pytest

from tests.crash.ledger import Findings
from tests.crash.load import a_load, make_topics, options
from tests.crash.reading import read_all
from tests.crash.workers import work_until_it_dies
from tests.kafka_client import Client
from tests.processes import BrokerProcess

ROUNDS = 3
WORK_SECONDS_MAX = 0.4


@pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")
def test_records_in_flight_survive_kills_whole_and_once(tmp_path: Path) -> None:
    random, findings = Random(0), Findings()
    load = a_load(random, findings, power_is_off=Event())
    broker = BrokerProcess(*options(str(tmp_path / "data")), log=tmp_path / "log")
    with broker:
        with Client(broker.addresses[0]) as client:
            make_topics(client)
        for _ in range(ROUNDS):
            seconds = random.random() * WORK_SECONDS_MAX
            work_until_it_dies(broker, load.tasks, seconds, signal.SIGKILL)
            broker.start()
            with Client(broker.addresses[0]) as client:
                for task in load.tasks:
                    task.settle(client)
                read_all(client, load.partitions, load.mint)
                load.churn.check(client)

    assert findings.told == []
    assert load.acknowledged > 0
    assert [dict(pipeline.refused) for pipeline in load.pipelines] == [{}] * len(load.pipelines)
    assert "Traceback" not in broker.log.read_text()
