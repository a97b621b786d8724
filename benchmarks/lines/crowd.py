"""Many connections at once: each with one small request in flight, or each waiting for records."""

from __future__ import annotations

import selectors
import time
from collections.abc import Sequence
from contextlib import ExitStack

from benchmarks.client import RECEIVE_BYTES, Client
from benchmarks.line import Sample, Scale
from benchmarks.lines.produce import MB
from benchmarks.peers import Started
from benchmarks.processes import Stretch
from benchmarks.requests import (
    batch_of,
    check_one_produced,
    check_produced,
    fetch_frame,
    make_topic,
    produce_frame,
)

PRODUCERS = 100
PRODUCER_REQUESTS = 1000
CONSUMERS = 200
MAX_WAIT_MS = 500
IDLE_SECONDS = 10
SMALL_VALUE_BYTES = 100
WARM_REQUESTS_EACH = 10


def small_produces(started: Started, topic: str, scale: Scale) -> Sample:
    """Give thousands of requests per second of 100 connections, one in flight on each."""
    frame = produce_frame(topic, batch_of(records=1, value_bytes=SMALL_VALUE_BYTES))
    with ExitStack() as stack:
        clients = [stack.enter_context(Client(started.address)) for _ in range(PRODUCERS)]
        make_topic(clients[0], topic)
        clients[0].socket.sendall(frame)
        reply = clients[0].receive()
        check_one_produced(reply)
        reply_bytes = len(reply) + 4
        ping_pong(clients, frame, reply_bytes, WARM_REQUESTS_EACH)
        each = scale.count(PRODUCER_REQUESTS)
        with Stretch(started.process) as stretch:
            replies = ping_pong(clients, frame, reply_bytes, each)
        check_produced(replies, each * PRODUCERS)
    sample = Sample()
    sample.note(stretch)
    requests = each * PRODUCERS
    sample.figures = {
        "crowd.rate": requests / 1000 / stretch.seconds,
        "crowd.cpu": stretch.cpu_per(requests / 1e6),
    }
    return sample


def ping_pong(clients: Sequence[Client], frame: bytes, reply_bytes: int, each: int) -> bytes:
    """Send `frame` `each` times on every connection, the next when the last is answered."""
    replies, missing = bytearray(), len(clients) * each
    with selectors.DefaultSelector() as selector:
        left = {}
        for client in clients:
            client.socket.sendall(frame)
            left[client.socket.fileno()] = each - 1
            selector.register(client.socket, selectors.EVENT_READ, client.socket)
        while missing:
            for key, _ in selector.select():
                received = key.data.recv(RECEIVE_BYTES)
                if len(received) != reply_bytes:
                    raise AssertionError(f"{len(received)} bytes instead of one reply")
                replies += received
                missing -= 1
                if left[key.fd]:
                    left[key.fd] -= 1
                    key.data.send(frame)
    return bytes(replies)


def idle_consumers(started: Started, topic: str, scale: Scale) -> Sample:
    """Give the % of a core and the MB that 200 consumers cost who wait at the end of a topic."""
    frame = fetch_frame(topic, [0], partition_max_bytes=1 << 20, max_wait_ms=MAX_WAIT_MS)
    with ExitStack() as stack:
        first = stack.enter_context(Client(started.address))
        make_topic(first, topic)
        time.sleep(MAX_WAIT_MS / 1000)
        before = started.process.resident_bytes()
        clients = [stack.enter_context(Client(started.address)) for _ in range(CONSUMERS)]
        _keep_polling(clients, frame, 2 * MAX_WAIT_MS / 1000)
        with Stretch(started.process) as stretch:
            polls = _keep_polling(clients, frame, IDLE_SECONDS * max(scale.factor, 0.2))
        after = started.process.resident_bytes()
    expected = CONSUMERS * stretch.seconds * 1000 / MAX_WAIT_MS
    if not 0.5 * expected < polls < 1.5 * expected:
        raise AssertionError(f"{polls} polls in {stretch.seconds:.1f} s")
    share = stretch.cpu_per(stretch.seconds)
    grown = None if before is None or after is None else (after - before) / MB
    return Sample({"idle.cpu": None if share is None else share * 100, "idle.grown": grown})


def _keep_polling(clients: Sequence[Client], frame: bytes, seconds: float) -> int:
    """Let every client fetch again and again for a while, all answered at its end; count polls."""
    end, polls, waiting = time.monotonic() + seconds, 0, 0
    with selectors.DefaultSelector() as selector:
        for number, client in enumerate(clients):
            time.sleep(MAX_WAIT_MS / 1000 / len(clients) if number else 0)
            client.socket.sendall(frame)
            waiting += 1
            selector.register(client.socket, selectors.EVENT_READ, client.socket)
        while waiting:
            for key, _ in selector.select():
                if not key.data.recv(RECEIVE_BYTES):
                    raise EOFError("the broker closed the connection")
                polls += 1
                if time.monotonic() < end:
                    key.data.send(frame)
                else:
                    waiting -= 1
    return polls
