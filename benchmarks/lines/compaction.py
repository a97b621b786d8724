"""Compacting a topic of 1 GB and a million keys while two producers go on with another one.

The topic is written while the cleaner is off; then its threads are set to one. Run by itself,
`python -m benchmarks.lines.compaction [CODEC]`, it tells all figures for records of that codec.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random

from benchmarks.client import Address, Client, frame_of
from benchmarks.line import Sample
from benchmarks.peers import clean_environment, told_address
from benchmarks.processes import Process, running
from benchmarks.requests import (
    PRODUCE_VERSION,
    batch_of,
    check_one_produced,
    check_produced,
    produce_frame,
)
from pykbroker.wire.compression import NAMES
from pykbroker.wire.messages.create_topics import CreateTopics
from pykbroker.wire.messages.incremental_alter_configs import IncrementalAlterConfigs
from pykbroker.wire.messages.produce import Produce
from pykbroker.wire.records import build_batch

KEYS, RECORDS = 1_000_000, 2_000_000
VALUE_BYTES, OF_A_BATCH = 490, 31
SEGMENT_BYTES = 128 << 20
TOPIC, OTHER = "compacted", "other"
PRODUCERS, IN_FLIGHT = 2, 5
ALONE_SECONDS = 8.0
WITHIN_SECONDS = 600
CHECKPOINT = "cleaner-offset-checkpoint"
MB = 1e6
_PROC = Path("/proc")
_IN_FLIGHT_WRITING = 8


def compaction(peer: str, codec: int = 0) -> Sample:
    """Give the seconds it takes, the producers' share of their rate, and the growth of memory."""
    del peer
    directory = Path(tempfile.mkdtemp(prefix=".bench-", dir=Path.cwd()))
    try:
        with _started(directory / "data") as (process, address), Client(address) as client:
            _make_topics(client)
            _write(client, codec)
            return _measure(process, client, address, directory / "data" / CHECKPOINT)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _measure(process: Process, client: Client, address: Address, checkpoint: Path) -> Sample:
    with _producers(address) as counts:
        alone = _rate(counts, lambda began: time.perf_counter() - began > ALONE_SECONDS)
        before = process.resident_bytes()
        most = [0]
        _alter_broker(client, "log.cleaner.threads", "1")
        began = time.perf_counter()

        def is_over(began: float) -> bool:
            most[0] = max(most[0], _resident_with_children(process.pid))
            if time.perf_counter() - began > WITHIN_SECONDS:
                raise TimeoutError("the topic was not compacted")
            return checkpoint.exists() and f"{TOPIC} 0 " in checkpoint.read_text()

        beside = _rate(counts, is_over)
        seconds = time.perf_counter() - began
    return Sample(
        {
            "compaction.seconds": seconds,
            "compaction.share": 100 * beside / alone,
            "compaction.growth": None if before is None else (most[0] - before) / MB,
            "compaction.alone": alone * OF_A_BATCH * VALUE_BYTES / MB,
        }
    )


def _rate(counts: list[int], is_over: object) -> float:
    """Return the batches acknowledged in a second until it is over."""
    assert callable(is_over)
    began, before = time.perf_counter(), sum(counts)
    while not is_over(began):
        time.sleep(0.05)
    return (sum(counts) - before) / (time.perf_counter() - began)


@contextmanager
def _started(data: Path) -> Iterator[tuple[Process, Address]]:
    command = [
        *(sys.executable, "-m", "pykbroker", "serve", "--data-dir", str(data), "--port", "0"),
        *("--log-level", "warning", "--override", "log.cleaner.threads=0"),
        *("--override", "log.cleaner.backoff.ms=100"),
    ]
    with running(command, environment=clean_environment()) as process:
        yield process, told_address(process, "pykbroker ready: ")


@contextmanager
def _producers(address: Address) -> Iterator[list[int]]:
    """Two producers go on while the block lasts; the list has the batches of each acknowledged."""
    counts, stop = [0] * PRODUCERS, threading.Event()
    frame = produce_frame(OTHER, batch_of(records=OF_A_BATCH, value_bytes=VALUE_BYTES))

    def produce(number: int) -> None:
        with Client(address) as client:
            while not stop.is_set():
                replies = client.pipeline(frame, count=10 * IN_FLIGHT, in_flight=IN_FLIGHT)
                check_produced(replies, 10 * IN_FLIGHT)
                counts[number] += 10 * IN_FLIGHT

    threads = [threading.Thread(target=produce, args=(number,)) for number in range(PRODUCERS)]
    for thread in threads:
        thread.start()
    try:
        yield counts
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def _make_topics(client: Client) -> None:
    compacted = {
        "cleanup.policy": "compact",
        "segment.bytes": str(SEGMENT_BYTES),
        "min.cleanable.dirty.ratio": "0.1",
    }
    short = {"segment.bytes": str(SEGMENT_BYTES), "retention.bytes": str(SEGMENT_BYTES)}
    for name, config in ((TOPIC, compacted), (OTHER, short)):
        topic = {
            "name": name,
            "num_partitions": 1,
            "replication_factor": 1,
            "configs": [{"name": key, "value": value} for key, value in config.items()],
        }
        response = client.ask(CreateTopics, 5, {"topics": [topic], "timeout_ms": 60_000})
        if response.topics[0].error_code:
            raise AssertionError(f"a topic was not made: {response}")


def _alter_broker(client: Client, name: str, value: str) -> None:
    config = {"name": name, "config_operation": 0, "value": value}
    resource = {"resource_type": 4, "resource_name": "", "configs": [config]}
    response = client.ask(IncrementalAlterConfigs, 1, {"resources": [resource]})
    if response.responses[0].error_code:
        raise AssertionError(f"{name} was not set: {response}")


def _write(client: Client, codec: int) -> None:
    """Write every key twice, in no order, in batches of about 16 KB."""
    random, now_ms = Random(1), time.time_ns() // 1_000_000
    values = [random.randbytes(VALUE_BYTES // 2).hex().encode() for _ in range(64)]
    numbers = list(range(KEYS)) * (RECORDS // KEYS)
    random.shuffle(numbers)
    unanswered = 0
    for first in range(0, RECORDS, OF_A_BATCH):
        rows = [
            (now_ms, b"key-%08d" % number, values[number % len(values)], ())
            for number in numbers[first : first + OF_A_BATCH]
        ]
        data = [{"index": 0, "records": build_batch(rows, codec=codec)}]
        request = {
            "acks": -1,
            "timeout_ms": 60_000,
            "topic_data": [{"name": TOPIC, "partition_data": data}],
        }
        client.socket.sendall(frame_of(Produce, PRODUCE_VERSION, request))
        unanswered += 1
        if unanswered == _IN_FLIGHT_WRITING:
            check_one_produced(client.receive())
            unanswered -= 1
    for _ in range(unanswered):
        check_one_produced(client.receive())


def _resident_with_children(pid: int) -> int:
    """Return the resident bytes of a process and those it started; 0 where not known."""
    pids = [pid]
    # A child is listed with the thread that started it.
    for children in (_PROC / str(pid) / "task").glob("*/children"):
        with suppress(OSError):
            pids += map(int, children.read_text().split())
    total = 0
    for one in pids:
        try:
            fields = (_PROC / str(one) / "statm").read_text().split()
        except OSError:
            continue
        total += int(fields[1]) * 4096
    return total


if __name__ == "__main__":
    for key, figure in compaction("", NAMES.index((sys.argv[1:] or ["none"])[0])).figures.items():
        print(f"{key:24} {'not measured' if figure is None else f'{figure:.1f}'}")
