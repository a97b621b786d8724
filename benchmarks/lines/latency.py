"""One small request at a time: how long until the reply, and until a waiting consumer has it."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median, quantiles

from benchmarks.client import Client
from benchmarks.line import Sample, Scale
from benchmarks.peers import Started
from benchmarks.processes import Stretch
from benchmarks.requests import (
    batch_of,
    check_one_produced,
    fetch_frame,
    fetched,
    make_topic,
    produce_frame,
)

VALUE_BYTES = 100
WARM_REQUESTS = 300
ROUND_TRIPS = 5000
PASSAGES = 1000
PASSAGE_SECONDS_MAX = 4
PARKED_WITHIN_SECONDS = 0.002
"""So long a fetch gets to reach the broker and wait there."""
MAX_WAIT_MS = 500


def round_trip(started: Started, topic: str, scale: Scale) -> Sample:
    """Give the median µs from a Produce of one record to its reply, and the broker's CPU for it."""
    frame = produce_frame(topic, batch_of(records=1, value_bytes=VALUE_BYTES))
    with Client(started.address) as client:
        make_topic(client, topic)
        round_trips(client, frame, WARM_REQUESTS)
        count = scale.count(ROUND_TRIPS)
        with Stretch(started.process) as stretch, no_collection():
            times = round_trips(client, frame, count)
    return Sample(
        {
            "round_trip.p50": median(times) / 1000,
            "round_trip.p99": quantiles(times, n=100)[98] / 1000,
            "round_trip.cpu": stretch.cpu_per(count / 1e6),
        }
    )


def round_trips(client: Client, frame: bytes, count: int) -> list[int]:
    """Send `frame` so many times, the next when the last is answered; give the ns of each."""
    times = []
    for number in range(count):
        begin = time.perf_counter_ns()
        client.socket.sendall(frame)
        reply = client.receive()
        times.append(time.perf_counter_ns() - begin)
        if number == count - 1:
            check_one_produced(reply)
    return times


def passage(started: Started, topic: str, scale: Scale) -> Sample:
    """Give µs from a Produce to the record at a consumer that waits on another connection."""
    frame = produce_frame(topic, batch_of(records=1, value_bytes=VALUE_BYTES))
    with Client(started.address) as producer, Client(started.address) as consumer:
        make_topic(producer, topic)
        warm = _passages(producer, consumer, frame, topic, first=0, count=scale.count(100))
        count = scale.count(PASSAGES, least=100)
        with no_collection():
            times = _passages(producer, consumer, frame, topic, first=len(warm), count=count)
    cuts = quantiles(times, n=100) if len(times) > 1 else times * 99
    return Sample({"passage.p50": cuts[49] / 1000, "passage.p99": cuts[98] / 1000})


def _passages(
    producer: Client, consumer: Client, frame: bytes, topic: str, *, first: int, count: int
) -> list[int]:
    """Let records through one by one, from offset `first` on, while there is time."""
    times: list[int] = []
    end = time.monotonic() + PASSAGE_SECONDS_MAX
    while len(times) < count and time.monotonic() < end:
        fetch = fetch_frame(
            topic,
            [first + len(times)],
            partition_max_bytes=1 << 20,
            max_wait_ms=MAX_WAIT_MS,
        )
        consumer.socket.sendall(fetch)
        time.sleep(PARKED_WITHIN_SECONDS)
        begin = time.perf_counter_ns()
        producer.socket.sendall(frame)
        while not fetched(consumer.receive()).responses[0].partitions[0].records:
            consumer.socket.sendall(fetch)
        times.append(time.perf_counter_ns() - begin)
        check_one_produced(producer.receive())
    return times


@contextmanager
def no_collection() -> Iterator[None]:
    """Keep this process's garbage collector out of the figures."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
