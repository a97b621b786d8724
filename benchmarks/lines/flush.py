"""What waiting for the disk costs: `log.flush.before.ack=all` beside `none`, and beside the disk.

Brokers of both modes run at the same time and take turns, so that a slow minute falls on both.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

from benchmarks.client import Client
from benchmarks.line import Sample
from benchmarks.lines.crowd import ping_pong
from benchmarks.lines.latency import no_collection, round_trips
from benchmarks.peers import OurBroker
from benchmarks.requests import batch_of, check_produced, make_topic, produce_frame

VALUE_BYTES = 1024
PRODUCERS = 16
TURNS = 10
REQUESTS_EACH = 40
ROUND_TRIPS = 150
WARM_REQUESTS_EACH = 30
TOPIC = "flushed"


def all_to_none(peer: str) -> Sample:
    """Give the rates of 16 producers with one request in flight each, and their ratio."""
    del peer
    frame = _frame()
    rates: dict[str, list[float]] = {"all": [], "none": []}
    with _directory() as directory, ExitStack() as stack:
        crowds = {mode: _crowd(stack, directory, mode) for mode in rates}
        reply_bytes = {mode: _warm(clients, frame) for mode, clients in crowds.items()}
        for _ in range(TURNS):
            for mode, clients in crowds.items():
                began = time.perf_counter()
                replies = ping_pong(clients, frame, reply_bytes[mode], REQUESTS_EACH)
                rates[mode].append(PRODUCERS * REQUESTS_EACH / (time.perf_counter() - began))
                check_produced(replies, PRODUCERS * REQUESTS_EACH)
    ratios = [one / other for one, other in zip(rates["all"], rates["none"], strict=True)]
    return Sample(
        {
            "flush.all": median(rates["all"]) / 1000,
            "flush.none": median(rates["none"]) / 1000,
            "flush.ratio": median(ratios),
        }
    )


def all_above_the_disk(peer: str) -> Sample:
    """Give the median µs of a produce that is synced, of a sync alone, and what is between them."""
    del peer
    frame = _frame()
    answers: list[float] = []
    syncs: list[float] = []
    with _directory() as directory, ExitStack() as stack:
        started = stack.enter_context(OurBroker(directory, before_ack="all").start())
        client = stack.enter_context(Client(started.address))
        make_topic(client, TOPIC)
        round_trips(client, frame, WARM_REQUESTS_EACH)
        file = stack.enter_context((directory / "probe").open("wb", buffering=0))
        for _ in range(TURNS):
            with no_collection():
                answers += [took / 1000 for took in round_trips(client, frame, ROUND_TRIPS)]
            syncs += _syncs(file.fileno(), ROUND_TRIPS)
    return Sample(
        {
            "flush.p50": median(answers),
            "flush.disk": median(syncs),
            "flush.above": median(answers) - median(syncs),
        }
    )


def _syncs(fd: int, count: int) -> Iterator[float]:
    """Give the µs of one fdatasync after the other, each after a write of a record's size."""
    data = os.urandom(VALUE_BYTES)
    for _ in range(count):
        os.write(fd, data)
        began = time.perf_counter_ns()
        os.fdatasync(fd)
        yield (time.perf_counter_ns() - began) / 1000


def _frame() -> bytes:
    return produce_frame(TOPIC, batch_of(records=1, value_bytes=VALUE_BYTES))


def _crowd(stack: ExitStack, directory: Path, mode: str) -> list[Client]:
    started = stack.enter_context(OurBroker(directory, before_ack=mode).start())
    return [stack.enter_context(Client(started.address)) for _ in range(PRODUCERS)]


def _warm(clients: Sequence[Client], frame: bytes) -> int:
    """Make the topic, produce a little, and give how many bytes a reply has."""
    make_topic(clients[0], TOPIC)
    clients[0].socket.sendall(frame)
    reply_bytes = len(clients[0].receive()) + 4
    ping_pong(clients, frame, reply_bytes, WARM_REQUESTS_EACH)
    return reply_bytes


@contextmanager
def _directory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix=".bench-", dir=Path.cwd()) as name:
        yield Path(name)
