"""What the broker's properties make of the server's limits."""

from __future__ import annotations

import pytest

from pykbroker.config import load
from pykbroker.server import limits
from pykbroker.server.limits import NO_LIMIT, ServerLimits, limits_of


def test_without_properties_the_limits_are_the_servers_own() -> None:
    assert limits_of(load()) == ServerLimits()


def test_every_property_is_taken_over() -> None:
    config = load(
        overrides=[
            "socket.request.max.bytes=1000",
            "queued.max.request.bytes=2000",
            "max.connections=3",
            "max.connections.per.ip=4",
            "connections.max.idle.ms=5000",
            "pykbroker.write.timeout.ms=6",
        ]
    )

    assert limits_of(config) == ServerLimits(
        socket_request_max_bytes=1000,
        queued_max_request_bytes=2000,
        max_connections=3,
        max_connections_per_ip=4,
        connections_max_idle_ms=5000,
        frame_grace_ms=6,
    )


@pytest.mark.parametrize(
    ("override", "field"),
    [
        ("connections.max.idle.ms=-1", "connections_max_idle_ms"),
        ("queued.max.request.bytes=-1", "queued_max_request_bytes"),
        ("queued.max.request.bytes=0", "queued_max_request_bytes"),
    ],
)
def test_what_kafka_takes_for_no_limit_is_none(override: str, field: str) -> None:
    assert getattr(limits_of(load(overrides=[override])), field) == NO_LIMIT


def test_more_connections_than_by_default_may_be_had_while_descriptors_last(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "CONNECTIONS_POSSIBLE", 50_000)

    assert limits_of(load(overrides=["max.connections=9000"])).max_connections == 9000
    assert limits_of(load(overrides=["max.connections=90000"])).max_connections == 50_000
