"""Sending buffers and file slices over TCP: whole, in order, on every kind of platform."""

from __future__ import annotations

import os
import random
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
import trio.testing

from pykbroker.server.channel import PeerGone, Segment
from pykbroker.server.tcp import SENDFILE_BYTES_MIN, Capabilities, TcpChannel


class FileSlice:
    def __init__(self, path: Path, position: int, length: int) -> None:
        self._file = path.open("rb")
        self.position = position
        self._length = length
        self.reads = 0

    def __len__(self) -> int:
        return self._length

    def read(self) -> bytes:
        self.reads += 1
        return os.pread(self._file.fileno(), self._length, self.position)

    def fileno(self) -> int | None:
        return self._file.fileno()

    def __del__(self) -> None:
        self._file.close()


class MemorySlice(FileSlice):
    def fileno(self) -> int | None:
        return None


PLATFORMS = {
    "all": Capabilities(),
    "no sendfile": Capabilities(sendfile=False),
    "no sendmsg": Capabilities(sendmsg=False),
    "neither": Capabilities(sendmsg=False, sendfile=False),
    "three buffers": Capabilities(buffers_max=3),
}


@pytest.fixture
def content() -> bytes:
    return random.Random(7).randbytes(3_000_000)


@pytest.fixture
def path(content: bytes) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "00000000000000000000.log")
        file.write_bytes(content)
        yield file


@asynccontextmanager
async def a_pair(
    can: Capabilities | None = None,
) -> AsyncIterator[tuple[TcpChannel, trio.SocketStream]]:
    with trio.socket.socket() as listening:
        await listening.bind(("127.0.0.1", 0))
        listening.listen()
        client = await trio.open_tcp_stream(*listening.getsockname())
        accepted, _ = await listening.accept()
    channel = TcpChannel(socket.socket(fileno=accepted.detach()), can)
    try:
        async with client:
            yield channel, client
    finally:
        channel.close()


async def everything(client: trio.SocketStream, size: int) -> bytes:
    received = bytearray()
    while len(received) < size:
        part = await client.receive_some()
        assert part
        received += part
    return bytes(received)


@pytest.mark.parametrize("platform", PLATFORMS)
async def test_segments_arrive_whole_and_in_order(
    platform: str, content: bytes, path: Path
) -> None:
    async with a_pair(PLATFORMS[platform]) as (channel, client):
        segments: list[Segment] = [
            content[:10],
            FileSlice(path, 10, 40),
            memoryview(content)[50:60],
            MemorySlice(path, 60, 200_000),
            FileSlice(path, 200_060, 1_000_000),
            *(bytearray(content[at : at + 7]) for at in range(1_200_060, 1_221_060, 7)),
            FileSlice(path, 1_221_060, SENDFILE_BYTES_MIN),
            FileSlice(path, 1_221_060 + SENDFILE_BYTES_MIN, SENDFILE_BYTES_MIN - 1),
        ]
        end = sum(map(len, segments))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(channel.send, segments)
            received = await everything(client, end)

        assert received == content[:end]
        assert (channel.sent_bytes, channel.unsent) == (end, False)
        await client.aclose()


async def test_large_slices_of_files_do_not_pass_through_this_process(
    content: bytes, path: Path
) -> None:
    async with a_pair() as (channel, client):
        large, small = FileSlice(path, 0, 70_000), FileSlice(path, 70_000, 10_000)

        await channel.send([b"head", large, small])

        assert await everything(client, 80_004) == b"head" + content[:80_000]
        assert (large.reads, small.reads) == (0, 1)
        await client.aclose()


@pytest.mark.parametrize("can", [Capabilities(), Capabilities(sendfile=False)])
async def test_what_the_kernel_does_not_take_at_once_is_kept_and_sent_first(
    can: Capabilities, content: bytes, path: Path
) -> None:
    async with a_pair(can) as (channel, client):
        size = len(content)

        done = channel.send_some([content, FileSlice(path, 0, size), b"behind"] * 3)

        assert not done
        assert channel.unsent
        assert channel.sent_bytes < 6 * size
        async with trio.open_nursery() as nursery:
            nursery.start_soon(channel.send, [b"end"])
            received = await everything(client, 6 * size + 21)
        assert received == (content + content + b"behind") * 3 + b"end"
        await client.aclose()


async def test_a_file_shorter_than_its_slice_is_our_fault_not_the_peers(path: Path) -> None:
    async with a_pair() as (channel, client):
        with pytest.raises(OSError, match="shorter than the slice"):
            await channel.send([FileSlice(path, 2_999_999, 100_000)])

        assert not channel.unsent
        await client.aclose()


async def test_a_peer_that_is_gone_is_told_by_either_direction() -> None:
    async with a_pair() as (channel, client):
        assert not channel.peer_gone()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        await client.aclose()

        assert channel.peer_gone()
        with pytest.raises(PeerGone):
            await channel.receive_into(memoryview(bytearray(10)))
        with pytest.raises(PeerGone):
            await channel.send([b"x" * 1000])
        assert not channel.unsent


async def test_an_end_of_the_peer_is_seen_behind_unread_bytes() -> None:
    async with a_pair() as (channel, client):
        await client.send_all(b"unread")
        assert not channel.peer_gone() or not hasattr(socket, "POLLRDHUP")

        await client.send_eof()

        assert channel.peer_gone()
        view = memoryview(bytearray(10))
        assert [await channel.receive_into(view), await channel.receive_into(view)] == [6, 0]
        await client.aclose()


async def test_without_poll_the_end_of_the_peer_is_seen_when_all_is_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr("select.poll")
    async with a_pair() as (channel, client):
        assert not channel.peer_gone()
        await client.aclose()
        assert channel.peer_gone()

    async with a_pair() as (channel, client):
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        await client.aclose()
        assert channel.peer_gone()


async def test_closing_wakes_the_tasks_that_wait_in_the_channel(content: bytes) -> None:
    async with a_pair() as (channel, client):

        async def receive() -> None:
            with pytest.raises(PeerGone):
                await channel.receive_into(memoryview(bytearray(10)))

        async def send() -> None:
            with pytest.raises(PeerGone):
                await channel.send([content] * 5)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(receive)
            nursery.start_soon(send)
            await trio.testing.wait_all_tasks_blocked()
            channel.close()
            channel.close()
        with pytest.raises(PeerGone):
            await channel.receive_into(memoryview(bytearray(10)))
        with pytest.raises(PeerGone):
            await channel.send([b"x"])
        await client.aclose()


async def test_a_peer_that_floods_gives_way_to_other_tasks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("pykbroker.server.tcp.UNYIELDED_BYTES_MAX", 6_000)
    async with a_pair() as (channel, client):
        view = memoryview(bytearray(600))
        await client.send_all(bytes(60_000))
        turns = 0

        async def count_turns() -> None:
            nonlocal turns
            while True:
                turns += 1
                await trio.lowlevel.checkpoint()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(count_turns)
            for _ in range(100):
                await channel.receive_into(view)
            nursery.cancel_scope.cancel()

        assert 5 <= turns <= 30
