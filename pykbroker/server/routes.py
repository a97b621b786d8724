"""Which function answers a request: (api key, version) → how to parse, call and build.

A route is made at its first use and kept; what no handler serves is a broken peer, with the one
exception that Kafka makes for ApiVersions (KIP-511).
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Mapping
from struct import Struct
from typing import Any, cast

from pykbroker.api.handler import Asker, Handler, Response
from pykbroker.errors import ProtocolError
from pykbroker.wire.header import RequestHeader, parse_request_header

REPLY_HEADS = (Struct(">ii"), Struct(">iix"))
"""By response header version: size, correlation id and, in version 1, no tagged fields."""


class Route:
    """One version of one API, ready to use."""

    __slots__ = (
        "api_key", "build", "build_segments", "function", "has_throttle_time", "is_flexible",
        "name", "parse_from", "reply_head", "version",
    )  # fmt: skip

    def __init__(self, handler: Handler, version: int) -> None:
        api = handler.api
        served = handler.min_version <= version <= handler.max_version
        answered_as = version if served else handler.downgrade
        if answered_as is None:
            raise ProtocolError(f"{api.name} version {version} is not served")
        response = api.response(answered_as)
        self.name = api.name
        self.api_key = api.key
        self.version = version
        self.is_flexible = api.is_flexible(version)
        self.function = cast(
            "Callable[[Any, Any, Asker], Coroutine[Any, Any, Response | None]]", handler.function
        )
        self.parse_from: Callable[..., tuple[Any, int]] | None = (
            api.request(version).parse_from if served else None
        )
        """None: neither the request nor the rest of its header is parsed."""
        self.build: Callable[[Any], bytes] | None = None if response.has_records else response.build
        """None: the reply is built as segments."""
        self.build_segments = response.build_segments
        self.reply_head = REPLY_HEADS[api.response_header_version(answered_as)]
        fields = response.construct.subcon.fields
        self.has_throttle_time = any(field.name == "throttle_time_ms" for field in fields)

    def parse_header(self, frame: memoryview) -> RequestHeader:
        """Read the header of a request that takes this route. Raises ProtocolError."""
        return parse_request_header(frame, lambda _key, _version: self.is_flexible)


class Routes(dict[int, Route]):
    """All routes of a server made so far, by `api_key << 16 | api_version` as in a request."""

    def __init__(self, handlers: Mapping[int, Handler]) -> None:
        super().__init__()
        self._handlers = handlers

    def make(self, key_and_version: int) -> Route:
        """Give a route that is not there yet; ProtocolError when it is not served."""
        api_key, version = _signed(key_and_version >> 16), _signed(key_and_version & 0xFFFF)
        handler = self._handlers.get(api_key)
        if handler is None:
            raise ProtocolError(f"api key {api_key} is not served")
        route = Route(handler, version)
        if route.parse_from is not None:  # versions a peer makes up are not kept
            self[key_and_version] = route
        return route

    def warm(self, wanted: Iterable[tuple[int, int]]) -> None:
        """Make the codecs of these (api key, version) pairs before somebody waits for them."""
        for api_key, version in wanted:
            self.make(api_key << 16 | version)


def _signed(number: int) -> int:
    return number - 0x10000 if number >= 0x8000 else number
