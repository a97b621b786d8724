"""Large frames, slow readers and broken files cost one connection, and what it sent."""

from __future__ import annotations

import errno
import socket
import struct
from pathlib import Path

import pytest
import trio
import trio.lowlevel
import trio.testing

from pykbroker.server.limits import ServerLimits
from pykbroker.server.tcp import TcpChannel
from tests.server.clients import Client, Transfer, a_request, an_echo, serving


async def test_a_client_that_ends_inside_a_large_frame_is_let_go() -> None:
    async with serving(tcp=False) as here:
        client = here.connect_in_memory()
        await client.send(a_request(Transfer, {"records": b"r" * 300_000})[:150_000])
        await client.stream.aclose()
        await here.until_connections(0)

        assert await here.is_well()


async def test_a_thousand_large_claims_cost_what_was_sent_and_no_more() -> None:
    def resident_bytes() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

    limits = ServerLimits(max_connections=2000)
    async with serving(limits=limits) as here:
        for _ in range(1000):
            here.connect_in_memory()
        await trio.testing.wait_all_tasks_blocked()
        before = resident_bytes()
        claim = struct.pack(">i", 100 * 1024 * 1024)
        for client in list(here.streams):
            await client.send_all(claim)
        await trio.testing.wait_all_tasks_blocked()

        assert resident_bytes() - before < 8 * 1024 * 1024
        assert await here.is_well()


async def test_twenty_large_claims_with_a_megabyte_each_cost_two_megabytes_each() -> None:
    async with serving(tcp=False) as here:
        claim = struct.pack(">i", 100 * 1024 * 1024) + bytes(1024 * 1024)
        for _ in range(20):
            await here.connect_in_memory().send(claim)
        await trio.testing.wait_all_tasks_blocked()

        reserved = (256 << 20) - here.server._shared.budget.available_bytes
        assert 20 << 20 < reserved <= 40 << 20


async def test_a_reader_that_never_reads_is_cut_off_and_the_others_are_served() -> None:
    limits = ServerLimits(frame_grace_ms=40)
    async with serving(limits=limits) as here:
        greedy, other = await here.connect(), await here.connect()
        here.doings.records = bytes(1024 * 1024)
        request = a_request(Transfer, {})
        await greedy.send(request * 50)
        while here.server.counters.connections_expired == 0:
            assert await other.ask("served") == "served"

        assert await here.is_well()


async def test_a_reset_while_a_large_reply_is_sent_leaves_nothing() -> None:
    async with serving() as here:
        client = await here.connect()
        here.doings.records = bytes(20 * 1024 * 1024)
        await client.send(a_request(Transfer, {}) * 3)
        await client.stream.receive_some(1000)
        await client.stream.aclose()
        await here.until_connections(0)

        assert await here.is_well()


class BrokenSlice:
    position = 0

    def __len__(self) -> int:
        return 100

    def read(self) -> bytes:
        raise OSError(errno.EIO, "the disk is gone")

    def fileno(self) -> int | None:
        return None


@pytest.mark.parametrize("waiting_behind", [0, 1])
async def test_a_file_that_cannot_be_read_is_our_fault_and_ends_the_connection_alone(
    waiting_behind: int,
) -> None:
    async with serving() as here:
        client = await here.connect()
        here.doings.records = BrokenSlice()
        await client.send(
            a_request(Transfer, {}), *[an_echo("waits", deed="park")] * waiting_behind
        )

        assert await client.is_closed()
        assert here.server.counters.unhandled_errors == 1
        assert here.doings.cancelled == ["waits"] * waiting_behind


async def test_a_reply_is_sent_behind_what_a_full_socket_did_not_take_before() -> None:
    async with serving() as here:
        with socket.socket() as listening:
            listening.bind(("127.0.0.1", 0))
            listening.listen()
            with socket.socket() as connecting:
                connecting.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                connecting.connect(listening.getsockname())
                accepted, _ = listening.accept()
                accepted.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
                here.server.adopt(channel := TcpChannel(accepted), "SMALL")
                stream = trio.SocketStream(trio.socket.from_stdlib_socket(connecting.dup()))
        here.streams.append(stream)
        client = Client(stream)
        await client.send(*[an_echo("y" * 30_000)] * 2, an_echo("z", deed="park"))
        await trio.testing.wait_all_tasks_blocked(0.02)
        assert (here.doings.asked[-1], channel.unsent) == ("z", True)

        here.doings.proceed.set()
        await trio.testing.wait_all_tasks_blocked(0.02)

        texts = [(await client.reply())[1].text for _ in range(3)]
        assert texts == ["y" * 30_000, "y" * 30_000, "z"]
        assert here.server.counters.unhandled_errors == 0
