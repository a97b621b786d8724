"""Consumer groups: how soon a member has its first record, and what a commit costs."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from statistics import median

from confluent_kafka import Consumer, TopicPartition

from benchmarks.client import Client, frame_of, response_of
from benchmarks.line import Sample, Scale
from benchmarks.lines.latency import no_collection
from benchmarks.peers import Started
from benchmarks.processes import Stretch
from benchmarks.requests import (
    PARTITIONS,
    batch_of,
    check_one_produced,
    fetch_frame,
    fetched,
    make_topic,
    produce_frame,
)
from pykbroker.wire.messages.find_coordinator import FindCoordinator
from pykbroker.wire.messages.join_group import JoinGroup
from pykbroker.wire.messages.offset_commit import OffsetCommit
from pykbroker.wire.messages.offset_fetch import OffsetFetch
from pykbroker.wire.messages.sync_group import SyncGroup

FIND_VERSION, JOIN_VERSION, SYNC_VERSION, FETCH_OFFSETS_VERSION, COMMIT_VERSION = 2, 5, 3, 5, 7
JOINS = 3
FIRST_RECORD_SECONDS_MAX = 30
COMMITS = 3000
WARM_COMMITS = 300
MEMBER_ID_REQUIRED = 79
RETRIED = {14, 15, 16}


def classic_join(started: Started, topic: str, scale: Scale) -> Sample:
    """Give ms from a new confluent-kafka consumer to its first record, and the broker's CPU ms."""
    return _joins(started, topic, scale.count(JOINS), "join", _confluent_join("classic"))


def consumer_join(started: Started, topic: str, scale: Scale) -> Sample:
    """Give the same with the consumer protocol (KIP-848)."""
    return _joins(started, topic, scale.count(JOINS), "join_848", _confluent_join("consumer"))


def wire_join(started: Started, topic: str, scale: Scale) -> Sample:
    """Give the same of a client that only asks: what the broker takes of the time."""
    return _joins(started, topic, scale.count(JOINS), "join_wire", _bare_join)


Join = Callable[[Started, str, str], None]
"""(broker, topic, group): returns when a member of a new group has a record."""


def _joins(started: Started, topic: str, count: int, key: str, join: Join) -> Sample:
    with Client(started.address) as client:
        make_topic(client, topic)
        for partition in range(PARTITIONS):
            batch = batch_of(records=1, value_bytes=100)
            client.socket.sendall(produce_frame(topic, batch, partition=partition))
            check_one_produced(client.receive())
    times, shares = [], []
    for _ in range(count):
        group = f"group-{os.urandom(4).hex()}"
        with Stretch(started.process) as stretch, no_collection():
            join(started, topic, group)
        times.append(stretch.seconds * 1000)
        shares.append(stretch.cpu_per(1 / 1000))
    known = [share for share in shares if share is not None]
    return Sample({f"{key}.first": median(times), f"{key}.cpu": median(known) if known else None})


def _confluent_join(protocol: str) -> Join:
    def join(started: Started, topic: str, group: str) -> None:
        host, port = started.address
        consumer = Consumer(
            {
                "bootstrap.servers": f"{host}:{port}",
                "group.id": group,
                "group.protocol": protocol,
                "auto.offset.reset": "earliest",
                "enable.auto.commit": False,
                "log_level": 0,
            }
        )
        consumer.subscribe([topic])
        deadline = time.monotonic() + FIRST_RECORD_SECONDS_MAX
        while time.monotonic() < deadline:
            message = consumer.poll(0.5)
            if message is not None and message.error() is None:
                break
        else:
            raise TimeoutError(f"no record within {FIRST_RECORD_SECONDS_MAX} s")
        consumer.close()

    return join


def _bare_join(started: Started, topic: str, group: str) -> None:
    with Client(started.address) as client:
        find_coordinator(client, group)
        member_id, generation_id = join_alone(client, group)
        assigned = [{"member_id": member_id, "assignment": b"all"}]
        asked = {"group_id": group, "member_id": member_id, "generation_id": generation_id}
        synced = client.ask(SyncGroup, SYNC_VERSION, asked | {"assignments": assigned})
        assert synced.error_code == 0, synced
        partitions = list(range(PARTITIONS))
        wanted = {"group_id": group, "topics": [{"name": topic, "partition_indexes": partitions}]}
        found = client.ask(OffsetFetch, FETCH_OFFSETS_VERSION, wanted)
        assert found.error_code == 0, found
        frame = fetch_frame(topic, [0] * PARTITIONS, partition_max_bytes=1 << 20, max_wait_ms=500)
        client.socket.sendall(frame)
        assert fetched(client.receive()).responses[0].partitions[0].records


def find_coordinator(client: Client, group: str) -> None:
    """Ask who coordinates, until somebody does."""
    while (code := client.ask(FindCoordinator, FIND_VERSION, {"key": group}).error_code) != 0:
        assert code in RETRIED, code
        time.sleep(0.001)


def join_alone(client: Client, group: str, session_timeout_ms: int = 30_000) -> tuple[str, int]:
    """Join as the only member; give its member id and generation."""
    member_id = ""
    while True:
        asked = {
            "group_id": group,
            "session_timeout_ms": session_timeout_ms,
            "rebalance_timeout_ms": 60_000,
            "member_id": member_id,
            "protocol_type": "consumer",
            "protocols": [{"name": "range", "metadata": b"\0\0\0\0\0\0\0\0\0\0"}],
        }
        joined = client.ask(JoinGroup, JOIN_VERSION, asked)
        if joined.error_code == 0:
            return joined.member_id, joined.generation_id
        assert joined.error_code == MEMBER_ID_REQUIRED or joined.error_code in RETRIED, joined
        member_id = joined.member_id


def commits(started: Started, topic: str, scale: Scale) -> Sample:
    """Give the median µs from an OffsetCommit of one partition to its reply."""
    group = f"group-{os.urandom(4).hex()}"
    offsets = [
        {"partition_index": 0, "committed_offset": 17, "committed_metadata": ""},
    ]
    with Client(started.address) as client:
        make_topic(client, topic)
        find_coordinator(client, group)
        member_id, generation_id = join_alone(client, group, 300_000)
        synced = {"group_id": group, "member_id": member_id, "generation_id": generation_id}
        assigned = [{"member_id": member_id, "assignment": b"all"}]
        client.ask(SyncGroup, SYNC_VERSION, synced | {"assignments": assigned})
        frame = frame_of(
            OffsetCommit,
            COMMIT_VERSION,
            {
                "group_id": group,
                "member_id": member_id,
                "generation_id_or_member_epoch": generation_id,
                "topics": [{"name": topic, "partitions": offsets}],
            },
        )
        _commit_times(client, frame, WARM_COMMITS)
        count = scale.count(COMMITS)
        with Stretch(started.process) as stretch, no_collection():
            times = _commit_times(client, frame, count)
    return Sample({"commit.p50": median(times) / 1000, "commit.cpu": stretch.cpu_per(count / 1e6)})


def sync_commits(started: Started, topic: str, scale: Scale) -> Sample:
    """Give the median µs of confluent-kafka's `commit(asynchronous=False)` of one partition."""
    with Client(started.address) as client:
        make_topic(client, topic)
        find_coordinator(client, topic)
    host, port = started.address
    consumer = Consumer({"bootstrap.servers": f"{host}:{port}", "group.id": topic, "log_level": 0})
    times = []
    for number in range(WARM_COMMITS + scale.count(COMMITS)):
        offset = TopicPartition(topic, 0, number + 1)
        begin = time.perf_counter_ns()
        consumer.commit(offsets=[offset], asynchronous=False)
        times.append(time.perf_counter_ns() - begin)
    consumer.close()
    return Sample({"sync_commit.p50": median(times[WARM_COMMITS:]) / 1000})


def _commit_times(client: Client, frame: bytes, count: int) -> list[int]:
    times = []
    for _ in range(count):
        begin = time.perf_counter_ns()
        client.socket.sendall(frame)
        reply = client.receive()
        times.append(time.perf_counter_ns() - begin)
    response = response_of(OffsetCommit, COMMIT_VERSION, reply)
    assert response.topics[0].partitions[0].error_code == 0, response
    return times
