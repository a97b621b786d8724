"""The load: one blocking socket, requests built beforehand, replies counted as they come.

The same client asks every peer, in versions that all of them speak; it is meant to cost less than
any of them, and where it does not, the report says so.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Mapping
from typing import Any

from pykbroker.wire.header import RequestHeader, parse_response_header, request_header
from pykbroker.wire.schema import Api

TIMEOUT_SECONDS = 60
RECEIVE_BYTES = 256 * 1024
CLIENT_ID = "bench"
_SIZE = struct.Struct(">i")

Address = tuple[str, int]


def frame_of(api: Api, version: int, request: Mapping[str, Any]) -> bytes:
    """Build a whole request, size and header included."""
    header = RequestHeader(api.key, version, 7, CLIENT_ID, 0)
    flexible = api.request_header_version(version) == 2
    body = request_header(header, flexible=flexible) + api.request(version).build(request)
    return _SIZE.pack(len(body)) + body


def response_of(api: Api, version: int, frame: bytes | memoryview) -> Any:
    """Read a whole reply, its size left off; records are views of `frame`."""
    flexible = api.response_header_version(version) == 1
    _, position = parse_response_header(frame, flexible=flexible)
    return api.response(version).parse_from(frame, position)[0]


class Client:
    """One connection; every call blocks. Use it as a context manager."""

    def __init__(self, address: Address) -> None:
        self.socket = socket.create_connection(address, timeout=TIMEOUT_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = memoryview(bytearray(RECEIVE_BYTES))

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def ask(self, api: Api, version: int, request: Mapping[str, Any]) -> Any:
        """Send one request and give its decoded response."""
        self.socket.sendall(frame_of(api, version, request))
        return response_of(api, version, self.receive())

    def receive(self) -> memoryview:
        """Give the next reply without its size; it is valid until the next call."""
        self._fill(0, _SIZE.size)
        (size,) = _SIZE.unpack_from(self._buffer)
        if size > len(self._buffer):
            self._buffer = memoryview(bytearray(size))
        self._fill(0, size)
        return self._buffer[:size]

    def _fill(self, filled: int, size: int) -> None:
        while filled < size:
            count = self.socket.recv_into(
                self._buffer[filled:size], size - filled, socket.MSG_WAITALL
            )
            if not count:
                raise EOFError("the broker closed the connection")
            filled += count

    def pipeline(self, frame: bytes, *, count: int, in_flight: int) -> bytes:
        """Send `frame` `count` times, up to `in_flight` unanswered; give all replies, with sizes.

        All replies must be of one length, as those to equal Produce requests are.
        """
        burst = memoryview(frame * min(in_flight, count))
        replies = bytearray()
        sent = answered = reply_bytes = 0
        while answered < count:
            room = min(count - sent, in_flight - (sent - answered))
            if room:
                self.socket.sendall(burst[: room * len(frame)])
                sent += room
            received = self.socket.recv(RECEIVE_BYTES)
            if not received:
                raise EOFError("the broker closed the connection")
            replies += received
            if not reply_bytes and len(replies) >= _SIZE.size:
                reply_bytes = _SIZE.size + _SIZE.unpack_from(replies)[0]
            if reply_bytes:
                answered = len(replies) // reply_bytes
        return bytes(replies)
