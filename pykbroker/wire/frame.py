"""Received bytes to frames: a signed 32-bit size, then as many bytes; sizes are checked first.

Nothing is copied, allocated or awaited here. A connection receives into a scratch, splits what
came, handles the frames and keeps the rest, which it moves to the front of the scratch or, when
`needed` is larger than the scratch, into a buffer of its own that grows as bytes arrive.
"""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

from pykbroker.errors import ProtocolError
from pykbroker.wire.varint import Buffer

SIZE_BYTES: Final = 4
"""What a frame's size takes; the size does not count itself."""

FRAME_BYTES_MIN: Final = 8
"""Least size of a frame, inclusive: api key, api version and correlation id."""

_unpack_size = struct.Struct(">l").unpack_from

_TLS_HANDSHAKE: Final = b"\x16\x03"
_HTTP_VERBS: Final = (
    b"GET ",
    b"POST",
    b"PUT ",
    b"HEAD",
    b"DELE",
    b"OPTI",
    b"PATC",
    b"CONN",
    b"PRI ",
)
_HINTS: Final = {
    "TLS": "the client speaks TLS to a listener without it: set the client's security.protocol"
    " to PLAINTEXT, or connect to an SSL listener",
    "HTTP": "an HTTP client is connected: this is a port for Kafka clients, not for a browser,"
    " a REST client or an HTTP health check",
    "SSH": "an SSH client is connected: this is a port for Kafka clients",
}


class WrongProtocol(ProtocolError):  # noqa: N818 - a finding about the peer
    """A peer that speaks another protocol; `hint` says what its owner should do."""

    def __init__(self, protocol: str) -> None:
        super().__init__(f"{protocol} instead of Kafka's protocol")
        self.protocol = protocol
        self.hint = _HINTS[protocol]


class Split(NamedTuple):
    """What `split_frames` found."""

    frames: list[memoryview]
    """Complete frames without their sizes, in order: views of the data given."""

    consumed: int
    """Bytes of the data these frames and their sizes take, from its start; the rest is to keep."""

    needed: int
    """Bytes the rest must reach before another frame can be complete, size included: 0 when
    nothing is left, `SIZE_BYTES` when not even the size is complete."""

    fault: ProtocolError | None
    """Why the rest can never be a frame: to be raised once the frames before it are handled."""


def split_frames(data: Buffer, bytes_max: int, bytes_min: int = FRAME_BYTES_MIN) -> Split:
    """Find the complete frames at the start of `data`.

    `bytes_min` and `bytes_max` bound a frame without its size, inclusive. A size outside them is
    reported as soon as its four bytes are there, as the `fault` of the result.
    """
    view = memoryview(data)
    frames: list[memoryview] = []
    position, end = 0, len(view)
    while end - position >= SIZE_BYTES:
        (size,) = _unpack_size(view, position)
        if not bytes_min <= size <= bytes_max:
            head = bytes(view[position : position + SIZE_BYTES])
            return Split(frames, position, 0, refused_size(head, bytes_max))
        start = position + SIZE_BYTES
        if size > end - start:
            return Split(frames, position, SIZE_BYTES + size, None)
        position = start + size
        frames.append(view[start:position])
    return Split(frames, position, SIZE_BYTES if position < end else 0, None)


def refused_size(head: bytes, bytes_max: int) -> ProtocolError:
    """Say why the four bytes of a frame's size cannot be one.

    A TLS handshake, HTTP request or SSH banner is recognised: its first bytes read as a size
    make hundreds of megabytes.
    """
    if head.startswith(_TLS_HANDSHAKE):
        return WrongProtocol("TLS")
    if head.startswith(_HTTP_VERBS):
        return WrongProtocol("HTTP")
    if head == b"SSH-":
        return WrongProtocol("SSH")
    (size,) = _unpack_size(head)
    if size < 0:
        return ProtocolError(f"a frame of {size} bytes")
    if size > bytes_max:
        return ProtocolError(f"a frame of {size} bytes, at most {bytes_max} are allowed")
    return ProtocolError(f"a frame of {size} bytes, too short for a request header")
