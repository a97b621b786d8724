"""Brokers on a disk that takes its time, or fails: what clients are told, and when."""

from __future__ import annotations

import select
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pykbroker.errors import ErrorCode
from pykbroker.storage import os_file
from pykbroker.testing import Broker
from pykbroker.wire.messages.produce import Produce
from tests.api.requests import a_batch, create_topic, fetch_one, fetched, produce, produce_raw
from tests.kafka_client import Client

VERSION = 12
WITHIN_SECONDS = 10


class Disk:
    """The disk under all files of this process: it syncs at once, holds syncs, or fails them."""

    def __init__(self) -> None:
        self._may_sync = threading.Event()
        self._may_sync.set()
        self.is_asked = threading.Event()
        """Whether somebody waits for a held sync."""
        self.failure: OSError | None = None
        self.syncs = 0

    def sync(self, _: int) -> None:
        self.syncs += 1
        self.is_asked.set()
        assert self._may_sync.wait(WITHIN_SECONDS)
        if self.failure is not None:
            raise self.failure

    def hold(self) -> None:
        self._may_sync.clear()
        self.is_asked.clear()

    def let_go(self) -> None:
        self._may_sync.set()


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    disk = Disk()
    monkeypatch.setattr(os_file, "_sync_descriptor", disk.sync)
    yield disk
    disk.let_go()


def a_broker(tmp_path: Path, **properties: object) -> Broker:
    properties = {"log_flush_before_ack": "all"} | properties
    given = {name.replace("_", "."): value for name, value in properties.items()}
    return Broker(data_dir=tmp_path / "data", properties=given)


def ask_to_produce(client: Client, topic: str, *, acks: int = -1) -> None:
    """Send a Produce of one record and wait for no answer."""
    data = [{"name": topic, "partition_data": [{"index": 0, "records": a_batch()}]}]
    request = {"acks": acks, "timeout_ms": 10_000, "topic_data": data}
    client.send(Produce, request, version=VERSION)


def answer(client: Client) -> Any:
    return client.receive(Produce, version=VERSION).responses[0].partition_responses[0]


def is_answered(client: Client) -> bool:
    return bool(select.select([client.socket], [], [], 0)[0])


def test_acks_all_waits_for_the_disk_and_acks_1_does_not(tmp_path: Path, disk: Disk) -> None:
    with a_broker(tmp_path) as broker, Client(broker.bootstrap_servers) as client:
        create_topic(client, "words")
        produce(client, "words")
        one_record = len(fetched(client, "words"))
        disk.hold()
        ask_to_produce(client, "words")
        assert disk.is_asked.wait(WITHIN_SECONDS)

        with Client(broker.bootstrap_servers) as other:
            leader_only = produce_raw(other, "words", a_batch(), acks=1)
            seen = fetch_one(other, "words")
            answered = is_answered(client)
            disk.let_go()
            synced = answer(client)
            produce(other, "words")
            seen_after = fetched(other, "words")

    assert (leader_only.error_code, leader_only.base_offset) == (0, 2)
    assert (answered, seen.high_watermark, len(seen.records)) == (False, 1, one_record)
    assert (synced.error_code, synced.base_offset) == (0, 1)
    assert len(seen_after) == 4 * one_record


def test_in_the_mode_of_kafka_nobody_waits_for_the_disk(tmp_path: Path, disk: Disk) -> None:
    with (
        a_broker(tmp_path, log_flush_before_ack="none") as broker,
        Client(broker.bootstrap_servers) as client,
    ):
        create_topic(client, "words")
        disk.syncs = 0
        offsets = [produce(client, "words") for _ in range(3)]

        assert (offsets, fetch_one(client, "words").high_watermark, disk.syncs) == ([0, 1, 2], 3, 0)


def test_flush_messages_hold_back_acks_1_too(tmp_path: Path, disk: Disk) -> None:
    modes = {"log_flush_before_ack": "none", "log_flush_interval_messages": 2}
    with (
        a_broker(tmp_path, **modes) as broker,
        Client(broker.bootstrap_servers) as client,
    ):
        create_topic(client, "words")
        disk.hold()
        first = produce_raw(client, "words", a_batch(), acks=1)
        ask_to_produce(client, "words", acks=1)
        assert disk.is_asked.wait(WITHIN_SECONDS)
        answered = is_answered(client)
        disk.let_go()
        second = answer(client)

    assert (first.base_offset, answered, second.base_offset) == (0, False, 1)


def test_a_failed_sync_is_never_acknowledged_and_reads_go_on(tmp_path: Path, disk: Disk) -> None:
    with a_broker(tmp_path) as broker, Client(broker.bootstrap_servers) as client:
        for topic in ("words", "others"):
            create_topic(client, topic)
            produce(client, topic)
        before = fetched(client, "words")

        disk.failure = OSError(5, "Input/output error")
        codes = [produce_raw(client, "words", a_batch()).error_code]
        disk.failure = None
        for acks in (-1, 1):
            codes += [
                produce_raw(client, topic, a_batch(), acks=acks).error_code
                for topic in ("words", "others")
            ]

        assert codes == [ErrorCode.KAFKA_STORAGE_ERROR] * 5
        assert fetched(client, "words") == before
        assert fetch_one(client, "words").high_watermark == 1
    assert not (tmp_path / "data" / ".kafka_cleanshutdown").exists()


def test_a_stop_during_a_sync_answers_only_once_it_has_ended(tmp_path: Path, disk: Disk) -> None:
    broker = a_broker(tmp_path)
    broker.start()
    client = Client(broker.bootstrap_servers)
    create_topic(client, "words")
    produce(client, "words")
    disk.hold()
    ask_to_produce(client, "words")
    assert disk.is_asked.wait(WITHIN_SECONDS)

    stopping = threading.Thread(target=broker.stop)
    stopping.start()
    answered = is_answered(client)
    disk.let_go()
    synced = answer(client)
    stopping.join()
    client.socket.close()

    assert (answered, synced.error_code, synced.base_offset) == (False, 0, 1)
    with a_broker(tmp_path) as again, Client(again.bootstrap_servers) as client:
        assert fetch_one(client, "words").high_watermark == 2


def test_a_stop_that_cannot_wait_longer_acknowledges_nothing_and_keeps_all(
    tmp_path: Path, disk: Disk
) -> None:
    broker = a_broker(tmp_path, pykbroker_shutdown_timeout_ms=1)
    broker.start()
    client = Client(broker.bootstrap_servers)
    create_topic(client, "words")
    produce(client, "words")
    disk.hold()
    ask_to_produce(client, "words")
    assert disk.is_asked.wait(WITHIN_SECONDS)

    stopping = threading.Thread(target=broker.stop)
    stopping.start()
    assert client.is_closed_by_broker()
    disk.let_go()
    stopping.join()
    client.socket.close()

    assert (tmp_path / "data" / ".kafka_cleanshutdown").exists()
    with a_broker(tmp_path) as again, Client(again.bootstrap_servers) as client:
        assert fetch_one(client, "words").high_watermark == 2
