"""Channels joined in memory behave as sockets do."""

from __future__ import annotations

import pytest
import trio
import trio.testing

from pykbroker.server.channel import PeerGone, Segment
from pykbroker.server.memory import PIPE_BYTES_MAX, memory_channels


async def test_bytes_arrive_in_order_and_a_sender_waits_for_its_reader() -> None:
    client, server = memory_channels()
    data = bytes(range(256)) * (3 * PIPE_BYTES_MAX // 256)
    received = bytearray()
    view = memoryview(bytearray(1000))

    async with trio.open_nursery() as nursery:
        segments: list[Segment] = [data, b"", memoryview(b"end")]
        nursery.start_soon(client.send, segments)
        await trio.testing.wait_all_tasks_blocked()
        assert (client.unsent, client.sent_bytes) == (True, PIPE_BYTES_MAX)
        while len(received) < len(data) + 3:
            received += view[: await server.receive_into(view)]

    assert received == data + b"end"
    assert not client.unsent


async def test_slices_are_read() -> None:
    class Slice:
        position = 0

        def __len__(self) -> int:
            return 3

        def read(self) -> bytes:
            return b"abc"

        def fileno(self) -> int | None:
            return None

    client, server = memory_channels()
    view = memoryview(bytearray(10))

    assert server.send_some([Slice()])

    assert bytes(view[: await client.receive_into(view)]) == b"abc"


async def test_what_was_sent_before_the_close_can_be_read_then_comes_the_end() -> None:
    client, server = memory_channels()
    view = memoryview(bytearray(10))
    await client.send([b"last"])
    assert not server.peer_gone()

    client.close()

    assert server.peer_gone()
    assert [await server.receive_into(view), await server.receive_into(view)] == [4, 0]
    with pytest.raises(PeerGone):
        await server.send([b"too late"])


async def test_closing_wakes_the_tasks_that_wait_in_the_channel() -> None:
    client, _server = memory_channels()

    async def receive() -> None:
        with pytest.raises(PeerGone):
            await client.receive_into(memoryview(bytearray(10)))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(receive)
        nursery.start_soon(client.send, [bytes(2 * PIPE_BYTES_MAX)])
        await trio.testing.wait_all_tasks_blocked()
        client.close()
