"""Headers of requests and responses, written out by hand: each frame has one.

The client id keeps its old length form in flexible versions too, and a response to ApiVersions
its old header: a client must be understood before versions are known (KIP-511).
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Final, NamedTuple

from pykbroker.errors import ProtocolError
from pykbroker.wire.schema import Nullable, inflexible, message
from pykbroker.wire.types import Int16, Int32, String, Struct
from pykbroker.wire.varint import Buffer, skip_tags

CLIENT_ID_BYTES_MAX: Final = 1024
"""Longest client id in UTF-8 bytes, inclusive. Kafka has no limit below a string's 32,767."""

_request_start = struct.Struct(">hhlh")
_unpack_request_start = _request_start.unpack_from
_unpack_correlation_id = struct.Struct(">l").unpack_from
_pack_response_header = struct.Struct(">l").pack
_pack_flexible_response_header = struct.Struct(">lx").pack

RequestHeaderMessage = message(
    "RequestHeader", versions="1-2", flexible="2+",
    fields=Struct(
        "request_api_key"     / Int16,
        "request_api_version" / Int16,
        "correlation_id"      / Int32,
        "client_id"           / inflexible(Nullable(String)),
    ),
)  # fmt: skip

ResponseHeaderMessage = message(
    "ResponseHeader", versions="0-1", flexible="1+",
    fields=Struct("correlation_id" / Int32),
)  # fmt: skip


class RequestHeader(NamedTuple):
    """What every request begins with; the body is at `body_position` of its frame."""

    api_key: int
    api_version: int
    correlation_id: int
    client_id: str | None
    body_position: int


def parse_request_header(frame: Buffer, is_flexible: Callable[[int, int], bool]) -> RequestHeader:
    """Read the header at the start of a frame.

    `is_flexible(api_key, api_version)` tells whether that version's header has tagged fields; it
    is asked about any number that comes, known or not. The client id may hold any characters.
    Raises ProtocolError.
    """
    try:
        api_key, api_version, correlation_id, length = _unpack_request_start(frame)
        position = _request_start.size
        client_id = None
        if length >= 0:
            if length > CLIENT_ID_BYTES_MAX:
                raise ProtocolError(f"a client id of {length} bytes")
            start, position = position, position + length
            client_id = str(frame[start:position], "utf-8")
        if is_flexible(api_key, api_version):
            count = frame[position]
            position += 1
            if count:
                position = skip_tags(frame, position, count, len(frame))
    except (struct.error, IndexError, UnicodeDecodeError) as fault:
        raise ProtocolError(f"request header: {fault}") from None
    if position > len(frame):
        raise ProtocolError("request header: cut short")
    return RequestHeader(api_key, api_version, correlation_id, client_id, position)


def request_header(header: RequestHeader, *, flexible: bool) -> bytes:
    """Encode a request header; its `body_position` is not looked at."""
    client_id = b"" if header.client_id is None else header.client_id.encode()
    length = -1 if header.client_id is None else len(client_id)
    start = _request_start.pack(header.api_key, header.api_version, header.correlation_id, length)
    return start + client_id + (b"\x00" if flexible else b"")


def response_header(correlation_id: int, flexible: bool) -> bytes:
    """Encode a response header: version 1 when `flexible`, else 0."""
    if flexible:
        return _pack_flexible_response_header(correlation_id)
    return _pack_response_header(correlation_id)


def parse_response_header(frame: Buffer, *, flexible: bool) -> tuple[int, int]:
    """Read a response header; give correlation id and position of the body.

    Raises ProtocolError.
    """
    try:
        (correlation_id,) = _unpack_correlation_id(frame)
        position = 4
        if flexible:
            position = skip_tags(frame, 5, frame[4], len(frame))
    except (struct.error, IndexError) as fault:
        raise ProtocolError(f"response header: {fault}") from None
    return correlation_id, position
