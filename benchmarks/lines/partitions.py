"""Many partitions in one broker: how long it starts and stops, and what memory it takes.

One broker makes them; others, started on the same data directory, are measured. Run by itself,
`python -m benchmarks.lines.partitions`, it tells all figures.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.client import Client, frame_of
from benchmarks.line import Sample
from benchmarks.peers import clean_environment, told_address
from benchmarks.processes import Process, running
from benchmarks.requests import METADATA_VERSION, PRODUCE_VERSION, batch_of
from pykbroker.wire.messages.create_topics import CreateTopics
from pykbroker.wire.messages.metadata import Metadata
from pykbroker.wire.messages.produce import Produce

SOME, MANY = 1000, 10_000
OF_A_TOPIC = 100
RECORDS = 10
MB = 1e6


def some_with_records(peer: str) -> Sample:
    """Give ms from spawn to the ready line with 1,000 partitions of a batch, and after a kill."""
    del peer
    with _directory() as data:
        _make(data, SOME, written=SOME)
        with _started(data) as (process, client):
            start = _since_spawn(process)
            _write(client, 0, SOME)
            process.popen.kill()
        with _started(data) as (process, _):
            unclean = _since_spawn(process)
    return Sample({"partitions_1k.start": start, "partitions_1k.unclean": unclean})


def many_empty(peer: str) -> Sample:
    """Give start, memory and stop with 10,000 empty partitions, and the start after a kill."""
    del peer
    with _directory() as data:
        _make(data, MANY)
        with _started(data) as (process, client):
            start = _since_spawn(process)
            ready = process.resident_bytes()
            # Not decoded: our own codec takes so many small arrays for an attack.
            client.socket.sendall(frame_of(Metadata, METADATA_VERSION, {"topics": None}))
            client.receive()
            _write(client, 0, MANY, every=MANY // 100)
            used = process.resident_bytes()
            stop = _stopped(process)
        with _started(data) as (process, _):
            process.popen.kill()
        with _started(data) as (process, _):
            unclean = _since_spawn(process)
    return Sample(
        {
            "partitions_10k.start": start,
            "partitions_10k.unclean": unclean,
            "partitions_10k.stop": stop,
            "partitions_10k.ready": None if ready is None else ready / MB,
            "partitions_10k.used": None if used is None else used / MB,
        }
    )


@contextmanager
def _directory() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix=".bench-", dir=Path.cwd()))
    try:
        yield path / "data"
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextmanager
def _started(data: Path) -> Iterator[tuple[Process, Client]]:
    command = [
        *(sys.executable, "-m", "pykbroker", "serve", "--data-dir", str(data), "--port", "0"),
        *("--log-level", "warning"),
    ]
    with running(command, environment=clean_environment()) as process:
        address = told_address(process, "pykbroker ready: ")
        process.ready = time.perf_counter()
        with Client(address) as client:
            yield process, client


def _since_spawn(process: Process) -> float:
    return (process.ready - process.began) * 1000


def _stopped(process: Process) -> float:
    began = time.perf_counter()
    process.popen.terminate()
    status = process.popen.wait()
    if status:
        raise AssertionError(f"the broker ended with status {status}")
    return (time.perf_counter() - began) * 1000


def _make(data: Path, partitions: int, *, written: int = 0) -> None:
    """Have a broker make topics of 100 partitions each, and write to some, and stop in order."""
    with _started(data) as (process, client):
        for number in range(partitions // OF_A_TOPIC):
            topic = {
                "name": _topic(number), "num_partitions": OF_A_TOPIC, "replication_factor": 1
            }  # fmt: skip
            request = {"topics": [topic], "timeout_ms": 60_000}
            response = client.ask(CreateTopics, 5, request)
            if response.topics[0].error_code:
                raise AssertionError(f"a topic was not made: {response}")
        if written:
            _write(client, 0, written)
        _stopped(process)


def _write(client: Client, first: int, end: int, *, every: int = 1) -> None:
    """Write a batch to every so-manieth of the partitions, numbered through all topics."""
    batch = batch_of(records=RECORDS, value_bytes=100)
    by_topic: dict[int, list[int]] = {}
    for number in range(first, end, every):
        by_topic.setdefault(number // OF_A_TOPIC, []).append(number % OF_A_TOPIC)
    for number, partitions in by_topic.items():
        data = [{"index": index, "records": batch} for index in partitions]
        request = {
            "acks": -1,
            "timeout_ms": 60_000,
            "topic_data": [{"name": _topic(number), "partition_data": data}],
        }
        client.socket.sendall(frame_of(Produce, PRODUCE_VERSION, request))
        client.receive()


def _topic(number: int) -> str:
    return f"topic-{number:04}"


if __name__ == "__main__":
    for measure in (some_with_records, many_empty):
        for key, value in measure("").figures.items():
            print(f"{key:24} {'not measured' if value is None else f'{value:.0f}'}")
