"""A broker that answers as a test says, for what no good broker does; one thread, loopback."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from pykbroker.errors import ErrorCode
from pykbroker.wire.header import parse_request_header, response_header
from pykbroker.wire.messages.api_versions import ApiVersions
from pykbroker.wire.messages.find_coordinator import FindCoordinator
from pykbroker.wire.messages.metadata import Metadata
from pykbroker.wire.schema import Api

Answer = Mapping[str, Any]
Answers = Sequence[Answer | None]
"""What to answer the first time, the second time, and so on; the last one from then on. None is
what a good broker says: to Metadata and FindCoordinator that it leads and coordinates all, else
the defaults."""


class ScriptedBroker:
    """Serves ApiVersions, Metadata of `topics`, FindCoordinator, and `answers`; use it in `with`.

    `newest` limits the version of an API that is offered. `raw` is sent instead of any answer, and
    the connection closed; a silent one reads and answers nothing.
    """

    def __init__(
        self,
        answers: Mapping[Api, Answers] | None = None,
        *,
        topics: Sequence[Answer] = (),
        newest: Mapping[Api, int] | None = None,
        raw: bytes | None = None,
        is_silent: bool = False,
    ) -> None:
        self.asked: list[tuple[str, int, Any]] = []
        """Every request but ApiVersions: the API's name, the version, the request."""
        self._answers = {Metadata: [None], FindCoordinator: [None], **(answers or {})}
        self._topics = topics
        self._newest = newest or {}
        self._raw = raw
        self._is_silent = is_silent
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for one in self._open:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        for one in self._open:
            one.close()

    @property
    def address(self) -> str:
        """Where it listens, HOST:PORT."""
        return f"127.0.0.1:{self.port}"

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._listener.getsockname()[1])

    def _accept(self) -> None:
        with suppress(OSError):  # the listener is closed
            while True:
                one, _ = self._listener.accept()
                self._open.append(one)
                with suppress(OSError, EOFError):
                    self._serve(one)

    def _serve(self, one: socket.socket) -> None:
        while True:
            frame = _exactly(one, int.from_bytes(_exactly(one, 4), "big"))
            if self._is_silent:
                continue
            if self._raw is not None:
                one.sendall(self._raw)
                one.shutdown(socket.SHUT_RDWR)
                return
            one.sendall(self._answer(frame))

    def _answer(self, frame: bytes) -> bytes:
        apis = {api.key: api for api in (ApiVersions, *self._answers)}
        header = parse_request_header(frame, lambda key, version: apis[key].is_flexible(version))
        api, version = apis[header.api_key], header.api_version
        request = api.request(version).parse(frame[header.body_position :])
        if api is ApiVersions:
            answer, version = self._versions(apis, version)
        else:
            self.asked.append((api.name, version, request))
            times = sum(name == api.name for name, _, _ in self.asked)
            scripted = self._answers[api]
            answer = scripted[min(times, len(scripted)) - 1] or self._good_answer(api, request)
        flexible = api.response_header_version(version) == 1
        body = response_header(header.correlation_id, flexible) + api.response(version).build(
            answer
        )
        return struct.pack(">i", len(body)) + body

    def _good_answer(self, api: Api, request: Any) -> Answer:
        here = {"node_id": 1, "host": "127.0.0.1", "port": self.port}
        if api is Metadata:
            return {"brokers": [here], "controller_id": 1, "topics": self._topics}
        if api is not FindCoordinator:
            return {}
        return {"coordinators": [{"key": key, **here} for key in request.coordinator_keys], **here}

    def _versions(self, apis: Mapping[int, Api], version: int) -> tuple[Answer, int]:
        newest = {api: self._newest.get(api, api.max_version) for api in apis.values()}
        if version > newest[ApiVersions]:
            return {"error_code": ErrorCode.UNSUPPORTED_VERSION}, 0
        served = [
            {"api_key": api.key, "min_version": api.min_version, "max_version": most}
            for api, most in newest.items()
        ]
        return {"api_keys": served}, version


def _exactly(one: socket.socket, size: int) -> bytes:
    received = bytearray()
    while len(received) < size:
        chunk = one.recv(size - len(received))
        if not chunk:
            raise EOFError
        received += chunk
    return bytes(received)
