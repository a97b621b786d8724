"""Connections that end at the wrong moment: nothing is lost, kept twice, or left running."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import trio

from pykbroker.errors import ErrorCode
from pykbroker.testing import Broker
from pykbroker.wire.messages.fetch import Fetch
from pykbroker.wire.messages.produce import Produce
from tests.api.requests import a_batch, create_topic, fetch_one, produce, produce_raw
from tests.kafka_client import Client

PRODUCER: dict[str, Any] = {"producer_id": 7_000, "producer_epoch": 0, "base_sequence": 0}
RESET = struct.pack("ii", 1, 0)
"""SO_LINGER: closing sends RST."""


@pytest.fixture
def tasks(broker: Broker, client: Client) -> Iterator[Callable[[], int]]:
    """Counts the tasks in the broker; at the end they must be as many as before."""
    token = broker._token

    def count() -> int:
        def below(task: trio.lowlevel.Task) -> int:
            children = [c for nursery in task.child_nurseries for c in nursery.child_tasks]
            return 1 + sum(map(below, children))

        root = trio.lowlevel.current_root_task()
        return 0 if root is None else below(root)

    def tasks_now() -> int:
        return trio.from_thread.run_sync(count, trio_token=token)

    client.call(Fetch, {"session_epoch": -1})  # its connection is served by now
    before = tasks_now()
    yield tasks_now
    deadline = time.monotonic() + 5
    while tasks_now() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert tasks_now() <= before


def lose(client: Client) -> None:
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    client.socket.close()


@pytest.mark.bad_input(45)
def test_a_client_that_goes_away_in_the_middle_of_its_answer_leaves_nothing_behind(
    broker: Broker, client: Client, topic: str, tasks: Callable[[], int]
) -> None:
    create_topic(client, topic)
    for _ in range(8):
        produce(client, topic, values=[bytes(1_000_000)])
    partition = {"partition": 0, "fetch_offset": 0, "partition_max_bytes": 1 << 24}
    request = {
        "max_bytes": 1 << 24,
        "session_epoch": -1,
        "topics": [{"topic": topic, "partitions": [partition]}],
    }

    for _ in range(5):
        doomed = Client(broker.bootstrap_servers)
        doomed.send(Fetch, request, version=12)
        assert len(doomed.socket.recv(1_000)) > 0
        assert tasks() > 0
        lose(doomed)

    assert produce(client, topic) == 8


@pytest.mark.row(63)
@pytest.mark.bad_input(45)
def test_a_producer_that_lost_its_answer_repeats_and_is_told_the_first_offset(
    broker: Broker, client: Client, topic: str, tasks: Callable[[], int]
) -> None:
    create_topic(client, topic)
    produce(client, topic)
    batch = a_batch(**PRODUCER)
    partition = {"index": 0, "records": batch}
    request = {
        "acks": -1,
        "timeout_ms": 5_000,
        "topic_data": [{"name": topic, "partition_data": [partition]}],
    }
    doomed = Client(broker.bootstrap_servers)
    doomed.send(Produce, request, version=12)
    appended = fetch_one(client, topic, 1, max_wait_ms=5_000)
    assert tasks() > 0
    lose(doomed)

    again = produce_raw(client, topic, batch)

    assert len(appended.records) == len(batch)
    assert (again.error_code, again.base_offset) == (ErrorCode.NONE, 1)
    assert fetch_one(client, topic, 0).high_watermark == 2


@pytest.mark.bad_input(45)
def test_waiting_consumers_that_go_away_leave_nothing_behind(
    broker: Broker, client: Client, topic: str, tasks: Callable[[], int]
) -> None:
    create_topic(client, topic)
    partition = {"partition": 0, "fetch_offset": 0, "partition_max_bytes": 1 << 20}
    request = {
        "max_wait_ms": 60_000,
        "min_bytes": 1,
        "max_bytes": 1 << 20,
        "session_epoch": -1,
        "topics": [{"topic": topic, "partitions": [partition]}],
    }
    waiting = [Client(broker.bootstrap_servers) for _ in range(20)]
    for consumer in waiting:
        consumer.send(Fetch, request, version=12)
    deadline = time.monotonic() + 5
    while tasks() < 20 and time.monotonic() < deadline:
        time.sleep(0.005)

    for consumer in waiting:
        lose(consumer)

    assert produce(client, topic) == 0
