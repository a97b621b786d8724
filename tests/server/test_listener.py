"""Binding addresses, accepting whatever happens, draining in time."""

from __future__ import annotations

import errno
import socket
from typing import Any

import pytest
import trio
import trio.testing
from trio.testing import MockClock

from pykbroker.server.listener import BoundListener, Listener
from pykbroker.server.server import Server
from tests.server.clients import Client, Doings, a_table, an_echo, serving


async def test_port_0_becomes_a_free_port_that_clients_reach_before_anything_is_accepted() -> None:
    bound = await Listener("PLAINTEXT", "127.0.0.1", 0).bind()

    [(host, port)] = bound.addresses

    assert (bound.name, host, port > 0) == ("PLAINTEXT", "127.0.0.1", True)
    async with await trio.open_tcp_stream(host, port):
        pass
    bound.close()
    bound.close()


async def test_an_empty_host_is_every_address_with_one_port() -> None:
    bound = await Listener("PLAINTEXT", "", 0).bind()

    assert {host for host, _ in bound.addresses} <= {"0.0.0.0", "::"}
    assert len({port for _, port in bound.addresses}) == 1
    bound.close()


async def test_a_port_in_use_is_told_and_nothing_stays_bound() -> None:
    bound = await Listener("A", "127.0.0.1", 0).bind()

    with pytest.raises(OSError, match="ddress already in use"):
        await Listener("B", "127.0.0.1", bound.addresses[0][1]).bind()

    bound.close()


async def test_when_one_address_of_a_host_is_taken_the_others_are_let_go(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bound: list[socket.socket] = []

    def bind(_family: int, _host: str, _port: int) -> socket.socket:
        if bound:
            raise OSError(errno.EADDRINUSE, "taken")
        bound.append(socket.socket())
        bound[0].bind(("127.0.0.1", 0))
        return bound[0]

    monkeypatch.setattr("pykbroker.server.listener._bound", bind)
    monkeypatch.setattr("trio.socket.getaddrinfo", two_addresses)
    with pytest.raises(OSError, match="taken"):
        await Listener("A", "two.example", 0).bind()

    assert bound[0].fileno() == -1


async def two_addresses(*_: object, **__: object) -> list[tuple[Any, ...]]:
    return [(socket.AF_INET, 1, 6, "", (host, 0)) for host in ("127.0.0.1", "127.0.0.2")]


async def test_a_host_that_is_not_ours_is_told() -> None:
    with pytest.raises(OSError, match=r"no address of '192\.0\.2\.1' is ours"):
        await Listener("A", "192.0.2.1", 0).bind()


async def test_several_listeners_tell_their_handlers_which_one_was_used() -> None:
    doings = Doings()
    server = Server(a_table(doings), None)  # type: ignore[arg-type]
    bound = [await Listener(name, "127.0.0.1", 0).bind() for name in ("INTERNAL", "EXTERNAL")]
    async with trio.open_nursery() as nursery:
        await nursery.start(server.run, bound)
        for listener in reversed(bound):
            async with await trio.open_tcp_stream(*listener.addresses[0]) as stream:
                await Client(stream).ask("x")
        await server.drain(1)

    assert [(a.listener, a.local_address) for a in doings.askers] == [
        ("EXTERNAL", bound[1].addresses[0]),
        ("INTERNAL", bound[0].addresses[0]),
    ]


class ExhaustedSocket:
    """A listening socket of a system that has no descriptors left for a while."""

    def __init__(self, real: socket.socket, faults: list[int]) -> None:
        self._real = real
        self.faults = faults

    def accept(self) -> Any:
        if self.faults:
            raise OSError(self.faults.pop(0), "no more")
        return self._real.accept()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


async def test_want_of_descriptors_and_aborted_clients_do_not_end_accepting(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("pykbroker.server.listener.PAUSE_SECONDS", 0.001)
    bound = await Listener("PLAINTEXT", "127.0.0.1", 0).bind()
    faults = [errno.EMFILE, errno.ENFILE, errno.ECONNABORTED, errno.EMFILE]
    [real] = bound._sockets
    scarce = BoundListener("PLAINTEXT", [ExhaustedSocket(real, faults)])  # type: ignore[list-item]
    server = Server(a_table(Doings()), None)  # type: ignore[arg-type]
    async with trio.open_nursery() as nursery:
        await nursery.start(server.run, [scarce])
        async with await trio.open_tcp_stream(*scarce.addresses[0]) as stream:
            assert await Client(stream).ask("in the end") == "in the end"
        await server.drain(1)

    assert faults == []
    assert [r.levelname for r in caplog.records] == ["ERROR"]


async def test_a_client_that_is_gone_before_it_was_looked_at_is_skipped() -> None:
    async with serving() as here:
        unconnected = socket.socket()

        here.server._welcome(unconnected, "PLAINTEXT")

        assert unconnected.fileno() == -1
        assert await here.is_well()


async def test_draining_closes_idle_connections_and_finishes_requests_in_progress() -> None:
    async with serving() as here:
        idle, partial, busy = [await here.connect() for _ in range(3)]
        await idle.ask("x")
        await partial.send(an_echo("y")[:9])
        await busy.send(an_echo("before"), an_echo("busy", deed="park"), an_echo("behind"))
        await busy.reply()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(here.server.drain, 5)

            assert await idle.is_closed()
            assert await partial.is_closed()
            with pytest.raises(OSError, match="connect"):
                await here.connect()
            here.doings.proceed.set()

            assert (await busy.reply())[1].text == "busy"
            assert await busy.is_closed()
        assert here.doings.asked == ["x", "before", "busy"]


async def test_draining_cuts_off_what_takes_longer_than_it_may(autojump_clock: MockClock) -> None:
    async with serving(tcp=False) as here:
        client = here.connect_in_memory()
        await client.send(an_echo("long", deed="park"))
        await trio.testing.wait_all_tasks_blocked()
        began = trio.current_time()

        await here.server.drain(5)

        assert trio.current_time() - began == 5
        assert await client.is_closed()
        assert here.doings.cancelled == ["long"]


async def test_who_comes_while_draining_is_turned_away() -> None:
    async with serving(tcp=False) as here:
        await here.server.drain(1)

        assert await here.connect_in_memory().is_closed()
        assert here.server.counters.connections_refused == 1


async def test_cancelling_the_server_leaves_nothing_behind() -> None:
    doings = Doings()
    server = Server(a_table(doings), None)  # type: ignore[arg-type]
    bound = await Listener("PLAINTEXT", "127.0.0.1", 0).bind()
    async with trio.open_nursery() as nursery:
        await nursery.start(server.run, [bound])
        async with await trio.open_tcp_stream(*bound.addresses[0]) as stream:
            client = Client(stream)
            await client.send(an_echo("long", deed="park"))
            await trio.testing.wait_all_tasks_blocked(0.01)
            nursery.cancel_scope.cancel()

    assert (doings.cancelled, server.counters.connections) == (["long"], 0)
    assert [s.fileno() for s in bound._sockets] == [-1]
