"""Who is let in: limits in all, per address, and on the rate; loopback always finds a way."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from pykbroker.server import admission
from pykbroker.server.admission import Admission, is_loopback
from pykbroker.server.limits import ServerLimits
from tests.server.clients import serving


def test_connections_are_limited_in_all() -> None:
    letting = Admission(ServerLimits(max_connections=2))

    assert [letting.admit("127.0.0.1") for _ in range(3)] == [None, None, "max.connections"]
    letting.leave("127.0.0.1")
    assert letting.admit("::1") is None


async def test_connections_are_limited_per_address_except_for_loopback() -> None:
    letting = Admission(ServerLimits(max_connections_per_ip=1))

    assert letting.admit("192.0.2.1") is None
    assert letting.admit("192.0.2.1") == "max.connections.per.ip"
    assert letting.admit("192.0.2.2") is None
    assert [letting.admit("127.0.0.1") for _ in range(3)] == [None] * 3
    letting.leave("192.0.2.1")
    assert letting.admit("192.0.2.1") is None


async def test_an_address_may_open_so_many_connections_per_second_after_a_burst(
    autojump_clock: MockClock,
) -> None:
    letting = Admission(ServerLimits(max_connection_creation_rate=5))

    def admitted(tries: int) -> int:
        return sum(letting.admit("192.0.2.1") is None for _ in range(tries))

    assert admitted(100) == 50
    assert letting.admit("192.0.2.1") == "max.connection.creation.rate"
    await trio.sleep(1.001)
    assert admitted(100) == 5
    assert letting.admit("192.0.2.2") is None


async def test_only_addresses_seen_lately_are_remembered(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admission, "ADDRESSES_REMEMBERED_MAX", 10)
    letting = Admission(ServerLimits())
    for n in range(100):
        letting.admit(f"192.0.2.{n}")
        await trio.sleep(1)

    assert len(letting._earliest) <= 10


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("fe80::1%eth0", False),
        ("192.0.2.1", False),
        ("broker-2", False),
    ],
)
def test_loopback_is_known(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


async def test_a_refused_client_is_closed_and_the_others_are_served(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with serving(limits=ServerLimits(max_connections=2)) as here:
        first, second = await here.connect(), await here.connect()
        assert await first.ask("1") + await second.ask("2") == "12"

        for _ in range(3):
            third = await here.connect()
            assert await third.is_closed()

        assert await second.ask("still") == "still"
        assert here.server.counters.connections_refused == 3
        assert [r.getMessage() for r in caplog.records if r.levelname == "WARNING"] == [
            "closing new connections: max.connections is reached listener=PLAINTEXT host=127.0.0.1"
        ]
        await first.stream.aclose()
        await here.until_connections(1)
        assert await (await here.connect()).ask("in again") == "in again"
