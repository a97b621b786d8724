"""A client of one socket that says exactly what a test wants said, by our codecs or in bytes."""

from __future__ import annotations

import socket
import struct
from collections.abc import Mapping
from typing import Any

from pykbroker.wire.header import RequestHeader, parse_response_header, request_header
from pykbroker.wire.schema import Api

TIMEOUT_SECONDS = 10


class Client:
    """One connection; calls block. Use as a context manager."""

    def __init__(self, bootstrap_servers: str, *, client_id: str | None = "test") -> None:
        host, _, port = bootstrap_servers.partition(",")[0].rpartition(":")
        self.socket = socket.create_connection((host, int(port)), timeout=TIMEOUT_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.client_id = client_id
        self.correlation_id = 0

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def call(self, api: Api, request: Mapping[str, Any], *, version: int | None = None) -> Any:
        """Send a request in a version (the newest parseable by default) and give its response."""
        version = api.max_version if version is None else version
        self.send(api, request, version=version)
        return self.receive(api, version=version)

    def send(self, api: Api, request: Mapping[str, Any], *, version: int) -> int:
        """Send a request; give its correlation id."""
        self.correlation_id += 1
        self.send_raw(self.frame(api, request, version=version))
        return self.correlation_id

    def frame(self, api: Api, request: Mapping[str, Any], *, version: int) -> bytes:
        """Give header and body of a request, without the size."""
        header = RequestHeader(api.key, version, self.correlation_id, self.client_id, 0)
        flexible = api.request_header_version(version) == 2
        return request_header(header, flexible=flexible) + api.request(version).build(request)

    def send_raw(self, frame: bytes) -> None:
        """Send any bytes as one frame."""
        self.socket.sendall(struct.pack(">i", len(frame)) + frame)

    def receive(self, api: Api, *, version: int) -> Any:
        """Give the next response; it must be the one to the last request sent."""
        frame = self.receive_raw()
        flexible = api.response_header_version(version) == 1
        correlation_id, position = parse_response_header(frame, flexible=flexible)
        assert correlation_id == self.correlation_id
        return api.response(version).parse(frame[position:])

    def receive_raw(self) -> bytes:
        """Give the next frame without its size; EOFError when the broker closed."""
        (size,) = struct.unpack(">i", self._exactly(4))
        return self._exactly(size)

    def is_closed_by_broker(self) -> bool:
        """Wait for whatever comes; tell whether it is the end of the connection."""
        try:
            return self.socket.recv(1) == b""
        except ConnectionResetError:
            return True

    def _exactly(self, size: int) -> bytes:
        received = bytearray()
        while len(received) < size:
            chunk = self.socket.recv(size - len(received))
            if not chunk:
                raise EOFError("the broker closed the connection")
            received += chunk
        return bytes(received)
