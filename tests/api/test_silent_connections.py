"""Connections that promise much and say little, through real sockets: they cost others nothing."""

from __future__ import annotations

import socket
import struct
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from pykbroker.testing import Broker
from pykbroker.wire.messages.produce import Produce
from pykbroker.wire.messages.sasl_authenticate import SaslAuthenticate
from pykbroker.wire.messages.sasl_handshake import SaslHandshake
from pykbroker.wire.schema import Api
from tests.api.requests import create_topic, produce
from tests.kafka_client import Client

MIB = 1 << 20
CLAIM = struct.pack(">i", 100 * MIB)


@contextmanager
def connected(broker: Broker, count: int) -> Iterator[list[socket.socket]]:
    host, _, port = broker.bootstrap_servers.rpartition(":")
    with ExitStack() as stack:
        yield [
            stack.enter_context(socket.create_connection((host, int(port)))) for _ in range(count)
        ]


def memory_bytes() -> int:
    """What this process, and with it the broker, holds; 0 where that cannot be known."""
    if sys.platform != "linux":
        return 0
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


@pytest.mark.bad_input(4)
def test_hundreds_that_claim_a_hundred_mebibytes_each_get_no_memory_for_it(
    broker: Broker, client: Client, topic: str
) -> None:
    create_topic(client, topic)
    before = memory_bytes()

    with connected(broker, 300) as silent:
        for connection in silent:
            connection.sendall(CLAIM + bytes(100))
        assert [produce(client, topic) for _ in range(20)] == list(range(20))
        growth = memory_bytes() - before

    assert growth < 64 * MIB


@pytest.mark.bad_input(5)
def test_others_are_served_while_many_trickle_their_frames(
    broker: Broker, client: Client, topic: str
) -> None:
    create_topic(client, topic)
    frame = client.frame(Produce, {"topic_data": []}, version=12)
    whole = struct.pack(">i", len(frame)) + frame
    slowest = 0.0

    with connected(broker, 100) as slow:
        for byte in whole[:-1]:
            for connection in slow:
                connection.sendall(bytes([byte]))
            began = time.monotonic()
            produce(client, topic)
            slowest = max(slowest, time.monotonic() - began)

    assert slowest < 0.5


@pytest.mark.bad_input(16)
@pytest.mark.parametrize(
    ("api", "request_body"),
    [
        (SaslHandshake, {"mechanism": "PLAIN"}),
        (SaslAuthenticate, {"auth_bytes": b"\0user\0password"}),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_a_login_is_not_spoken_on_a_plain_listener(
    client: Client,
    connect: Callable[..., Client],
    topic: str,
    api: Api,
    request_body: dict[str, object],
) -> None:
    create_topic(client, topic)
    doomed = connect()
    produce(doomed, topic)

    doomed.send(api, request_body, version=1)

    assert doomed.is_closed_by_broker()
    assert produce(client, topic, values=[b"still here"]) == 1
