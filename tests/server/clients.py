"""A table of small handlers and clients that talk to them, over TCP or in memory."""

from __future__ import annotations

import struct
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

import trio
from trio.testing import MockClock

from pykbroker.api.handler import Asker, Handler, handles
from pykbroker.api.parts import Parts
from pykbroker.errors import ErrorCode, KafkaError, ProtocolError
from pykbroker.server.channel import Address, PeerGone
from pykbroker.server.limits import ServerLimits
from pykbroker.server.listener import Listener
from pykbroker.server.memory import MemoryChannel, memory_channels
from pykbroker.server.server import Server
from pykbroker.wire.header import (
    RequestHeader,
    parse_response_header,
    request_header,
)
from pykbroker.wire.messages.api_versions import ApiVersions
from pykbroker.wire.schema import Api, Nullable, api, since
from pykbroker.wire.types import Array, Int16, Int32, Records, String, Struct

# A name to repeat, how many bytes to add, and what becomes of the request.
Echo = api(
    1000, "Echo", versions="0-2", flexible="2+",
    request=Struct("text" / String, "numbers" / Array(Int32), "deed" / since(1, String)),
    response=Struct("throttle_time_ms" / Int32, "text" / String, "client_id" / Nullable(String)),
)  # fmt: skip

Transfer = api(
    1001, "Transfer", versions="0-1", flexible="1+",
    request=Struct("size" / Int32, "records" / Nullable(Records)),
    response=Struct("received" / Int32, "records" / Nullable(Records), "end" / Int16),
)  # fmt: skip


PARK = -1
"""The size that lets a Transfer wait."""
ECHO = -2
"""The size that lets a Transfer stamp the records received and give them back."""


@dataclass
class Doings:
    """What the handlers of a table did, and what they wait for."""

    asked: list[str] = field(default_factory=list)
    askers: list[Asker] = field(default_factory=list)
    proceed: trio.Event = field(default_factory=trio.Event)
    cancelled: list[str] = field(default_factory=list)
    records: Any = b""
    stamp: bytes = b""
    awaited: Any = None


async def _do(deed: str, text: str, doings: Doings) -> None:
    match deed:
        case "park":
            try:
                await doings.proceed.wait()
            except trio.Cancelled:
                doings.cancelled.append(text)
                raise
        case "await":
            await doings.awaited
        case "yield":
            await trio.lowlevel.checkpoint()
        case "break the protocol":
            raise ProtocolError("acks=0 and the append failed")
        case "refuse":
            raise KafkaError(ErrorCode.INVALID_REQUEST)
        case "fail":
            raise ZeroDivisionError("of the handler")
        case "lose a file":
            raise OSError("disk")
        case "fail in a nursery":
            async with trio.open_nursery() as nursery:
                nursery.start_soon(trio.sleep_forever)
                raise ZeroDivisionError("of a handler with tasks")


def a_table(doings: Doings) -> dict[int, Handler]:
    @handles(Echo, versions="0-2")
    async def echo(_parts: Parts, request: Any, asker: Asker) -> Mapping[str, Any] | None:
        doings.asked.append(request.text)
        doings.askers.append(asker)
        if request.deed == "say nothing":
            return None
        await _do(request.deed, request.text, doings)
        return {"text": request.text, "client_id": asker.client_id}

    @handles(Transfer, versions="0-1")
    async def transfer(_parts: Parts, request: Any, _asker: Asker) -> Mapping[str, Any]:
        if request.size == PARK:
            await doings.proceed.wait()
        if request.size == ECHO:
            request.records[: len(doings.stamp)] = doings.stamp
            await trio.lowlevel.checkpoint()
            return {"records": request.records}
        return {"received": len(request.records or b""), "records": doings.records, "end": 7}

    @handles(ApiVersions, versions="0-4", downgrade=0)
    async def api_versions(_parts: Parts, request: Any, asker: Asker) -> Mapping[str, Any]:
        doings.askers.append(asker)
        code = ErrorCode.UNSUPPORTED_VERSION if request is None else ErrorCode.NONE
        return {
            "error_code": code,
            "api_keys": [{"api_key": 18, "min_version": 0, "max_version": 4}],
        }

    return {handler.api.key: handler for handler in (echo, transfer, api_versions)}


def a_frame(body: bytes) -> bytes:
    return struct.pack(">i", len(body)) + body


def a_request(
    asked: Api,
    value: Any,
    *,
    version: int = 1,
    correlation_id: int = 1,
    client_id: str | None = "c",
) -> bytes:
    header = RequestHeader(asked.key, version, correlation_id, client_id, 0)
    flexible = asked.is_flexible(version)
    return a_frame(request_header(header, flexible=flexible) + asked.request(version).build(value))


def an_echo(text: str, *, deed: str = "", correlation_id: int = 1, version: int = 1) -> bytes:
    return a_request(
        Echo, {"text": text, "deed": deed}, version=version, correlation_id=correlation_id
    )


class Stream(Protocol):
    async def send_all(self, data: bytes) -> None: ...
    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray: ...
    async def aclose(self) -> None: ...


class MemoryStream:
    """The client's end of a pair in memory, used as a trio stream."""

    def __init__(self, channel: MemoryChannel) -> None:
        self.channel = channel

    async def send_all(self, data: bytes) -> None:
        try:
            await self.channel.send([data])
        except PeerGone as gone:
            raise trio.BrokenResourceError from gone

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        view = memoryview(bytearray(max_bytes or 65536))
        try:
            return bytes(view[: await self.channel.receive_into(view)])
        except PeerGone as gone:
            raise trio.BrokenResourceError from gone

    async def aclose(self) -> None:
        self.channel.close()
        await trio.lowlevel.checkpoint()


@dataclass
class Client:
    """Sends bytes and reads replies in order."""

    stream: Stream
    address: Address = ("", 0)
    unread: bytearray = field(default_factory=bytearray)

    async def send(self, *frames: bytes) -> None:
        await self.stream.send_all(b"".join(frames))

    async def reply_bytes(self) -> bytes:
        """Read one reply without its size."""
        while (
            len(self.unread) < 4 or len(self.unread) < 4 + struct.unpack_from(">i", self.unread)[0]
        ):
            received = await self.stream.receive_some()
            if not received:
                raise EOFError
            self.unread += received
        end = 4 + struct.unpack_from(">i", self.unread)[0]
        reply = bytes(self.unread[4:end])
        del self.unread[:end]
        return reply

    async def reply(self, asked: Api = Echo, version: int = 1) -> tuple[int, Any]:
        """Read one reply: its correlation id and its value."""
        data = await self.reply_bytes()
        flexible = asked.response_header_version(version) == 1
        correlation_id, position = parse_response_header(data, flexible=flexible)
        value, end = asked.response(version).parse_from(data, position)
        assert end == len(data)
        return correlation_id, value

    async def ask(self, text: str, **how: Any) -> str:
        await self.send(an_echo(text, **how))
        _, value = await self.reply(version=how.get("version", 1))
        return cast("str", value.text)

    async def is_closed(self) -> bool:
        """Wait for the server to close without another byte."""
        try:
            return not self.unread and not await self.stream.receive_some()
        except trio.BrokenResourceError:
            return True


@dataclass
class Serving:
    """A running server, and how to reach it."""

    server: Server
    doings: Doings
    addresses: list[Address]
    streams: list[Stream] = field(default_factory=list)

    async def connect(self) -> Client:
        stream = await trio.open_tcp_stream(*self.addresses[0])
        self.streams.append(stream)
        return Client(stream, stream.socket.getsockname()[:2])

    def connect_in_memory(self, host: str = "127.0.0.1") -> Client:
        client, server = memory_channels(client=(host, 49152))
        self.server.adopt(server, "MEMORY")
        self.streams.append(stream := MemoryStream(client))
        return Client(stream, client.local_address)

    async def is_well(self) -> bool:
        """Whether a new client is answered, and nothing of ours ever failed."""
        client = self.connect_in_memory()
        answer = await client.ask("well?")
        await client.stream.aclose()
        return answer == "well?" and self.server.counters.unhandled_errors == 0

    async def until_connections(self, count: int) -> None:
        while self.server.counters.connections > count:
            await self.server._changed.park()


@asynccontextmanager
async def serving(
    *, limits: ServerLimits | None = None, tcp: bool = True, **options: Any
) -> AsyncIterator[Serving]:
    doings = Doings()
    server = Server(a_table(doings), cast("Parts", None), limits, **options)
    bound = [await Listener("PLAINTEXT", "127.0.0.1", 0).bind()] if tcp else []
    jumps = isinstance(trio.lowlevel.current_clock(), MockClock)
    with trio.fail_after(100_000 if jumps else 20):
        async with trio.open_nursery() as nursery:
            await nursery.start(server.run, bound)
            addresses = [address for listener in bound for address in listener.addresses]
            here = Serving(server, doings, addresses)
            try:
                yield here
            finally:
                with trio.CancelScope(shield=True):
                    for stream in here.streams:
                        await stream.aclose()
                    await server.drain(0.2)
    assert server.counters.connections == 0
    assert server._shared.budget.available_bytes == server.limits.queued_max_request_bytes
