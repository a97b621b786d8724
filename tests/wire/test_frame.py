"""Frames: what was received is split without copying, and what cannot be a frame is told early."""

from __future__ import annotations

import struct

import pytest

from pykbroker.errors import ProtocolError
from pykbroker.wire.frame import Split, WrongProtocol, split_frames

BYTES_MAX = 100


def a_frame(content: bytes) -> bytes:
    return struct.pack(">i", len(content)) + content


def the_fault(data: bytes) -> ProtocolError:
    fault = split_frames(data, BYTES_MAX).fault
    assert fault is not None
    return fault


def test_all_complete_frames_are_given_and_the_rest_is_left() -> None:
    data = a_frame(b"12345678") + a_frame(b"abcdefghi") + b"\0\0\0\x09abc"

    split = split_frames(data, BYTES_MAX)

    assert split == Split([memoryview(b"12345678"), memoryview(b"abcdefghi")], 25, 13, None)


def test_frames_are_views_of_what_was_received() -> None:
    data = bytearray(a_frame(b"12345678"))

    (frame,) = split_frames(memoryview(data), BYTES_MAX).frames
    data[4:5] = b"x"

    assert bytes(frame) == b"x2345678"


def test_a_frame_is_found_wherever_receiving_was_cut() -> None:
    data = a_frame(b"12345678")

    needed = [split_frames(data[:cut], BYTES_MAX).needed for cut in range(len(data) + 1)]

    assert needed == [0] + [4] * 3 + [12] * 8 + [0]


@pytest.mark.parametrize("size", [8, BYTES_MAX])
def test_sizes_at_the_bounds_are_taken(size: int) -> None:
    assert split_frames(a_frame(bytes(size)), BYTES_MAX).consumed == size + 4


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (-1, "a frame of -1 bytes"),
        (-(1 << 31), "a frame of -2147483648 bytes"),
        (0, "too short for a request header"),
        (7, "too short for a request header"),
        (BYTES_MAX + 1, "at most 100 are allowed"),
        ((1 << 31) - 1, "at most 100 are allowed"),
    ],
)
def test_a_size_that_cannot_be_is_a_fault_at_once(size: int, words: str) -> None:
    fault = the_fault(struct.pack(">i", size))

    assert words in str(fault)
    assert not isinstance(fault, WrongProtocol)


def test_frames_before_a_fault_are_given() -> None:
    split = split_frames(a_frame(b"12345678") + b"\xff" * 4, BYTES_MAX)

    assert ([bytes(frame) for frame in split.frames], split.consumed) == ([b"12345678"], 12)
    assert split.fault is not None


@pytest.mark.parametrize(
    ("data", "protocol", "hint"),
    [
        (bytes.fromhex("1603010200010001"), "TLS", "security.protocol"),
        (b"GET / HTTP/1.1\r\n", "HTTP", "browser"),
        (b"POST /topics HTTP/1.1\r\n", "HTTP", "browser"),
        (b"PRI * HTTP/2.0\r\n", "HTTP", "browser"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "SSH", "SSH client"),
    ],
)
def test_another_protocol_is_recognised_and_its_owner_told(
    data: bytes, protocol: str, hint: str
) -> None:
    fault = the_fault(data)

    assert isinstance(fault, WrongProtocol)
    assert fault.protocol == protocol
    assert hint in fault.hint
