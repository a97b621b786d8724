"""Headers: read by hand as their declarations say, and bounded."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pykbroker.errors import ProtocolError
from pykbroker.wire.header import (
    CLIENT_ID_BYTES_MAX,
    RequestHeader,
    RequestHeaderMessage,
    ResponseHeaderMessage,
    parse_request_header,
    parse_response_header,
    request_header,
    response_header,
)

INT16 = st.integers(-(1 << 15), (1 << 15) - 1)
INT32 = st.integers(-(1 << 31), (1 << 31) - 1)
CLIENT_ID = st.none() | st.text(max_size=200)


def parse(frame: bytes, *, flexible: bool) -> RequestHeader:
    return parse_request_header(frame, lambda _key, _version: flexible)


@given(INT16, INT16, INT32, CLIENT_ID, st.booleans(), st.binary(max_size=5))
def test_a_request_header_is_read_as_it_is_declared(
    key: int, version: int, correlation_id: int, client_id: str | None, flexible: bool, body: bytes
) -> None:
    declared = RequestHeaderMessage.version(2 if flexible else 1)
    fields: dict[str, Any] = {
        "request_api_key": key, "request_api_version": version,
        "correlation_id": correlation_id, "client_id": client_id,
    }  # fmt: skip
    encoded = declared.build(fields)
    header = RequestHeader(key, version, correlation_id, client_id, len(encoded))

    assert parse(encoded + body, flexible=flexible) == header
    assert request_header(header, flexible=flexible) == encoded
    assert declared.construct.build(fields) == encoded


def test_whether_a_header_is_flexible_is_asked_about_any_number() -> None:
    asked = []

    def is_flexible(key: int, version: int) -> bool:
        asked.append((key, version))
        return False

    parse_request_header(bytes.fromhex("03e7 0063 00000001 ffff"), is_flexible)

    assert asked == [(999, 99)]


def test_unknown_tagged_fields_of_a_header_are_skipped() -> None:
    frame = bytes.fromhex("0012 0003 00000007 ffff 02 0001ff 07020000 aa")

    assert parse(frame, flexible=True) == RequestHeader(18, 3, 7, None, len(frame) - 1)


def test_a_negative_client_id_length_is_null() -> None:
    assert parse(bytes.fromhex("0012 0000 00000007 8000"), flexible=False).client_id is None


@pytest.mark.parametrize(
    ("frame", "why"),
    [
        ("", "cut to nothing"),
        ("0012 0003 00000007 ff", "cut in the client id's length"),
        ("0012 0003 00000007 7fff 6161", "client id longer than the frame"),
        ("0012 0003 00000007 0005 61616161", "client id one byte short"),
        ("0012 0003 00000007 0002 c328 00", "client id that is not UTF-8"),
        ("0012 0003 00000007 ffff", "no tag section"),
        ("0012 0003 00000007 ffff 01 00 05 00", "tag longer than the frame"),
        ("0012 0003 00000007 ffff 02 00 00 00 00", "the same tag twice"),
        ("0012 0003 00000007 ffff e907", "1001 tags"),
    ],
)
def test_a_broken_request_header_is_a_broken_peer(frame: str, why: str) -> None:
    assert why
    with pytest.raises(ProtocolError):
        parse(bytes.fromhex(frame), flexible=True)


def test_a_client_id_that_ends_behind_the_frame_is_a_broken_peer() -> None:
    with pytest.raises(ProtocolError, match="cut short"):
        parse(bytes.fromhex("0012 0000 00000007 0005 61616161"), flexible=False)


@pytest.mark.parametrize("flexible", [False, True])
def test_a_client_id_of_a_kibibyte_is_the_longest(flexible: bool) -> None:
    def frame(length: int) -> bytes:
        header = RequestHeader(0, 0, 0, "\0" * length, 0)
        return request_header(header, flexible=flexible)

    longest = parse(frame(CLIENT_ID_BYTES_MAX), flexible=flexible)
    assert longest.client_id == "\0" * CLIENT_ID_BYTES_MAX
    with pytest.raises(ProtocolError, match="1025 bytes"):
        parse(frame(CLIENT_ID_BYTES_MAX + 1), flexible=flexible)


@given(INT32, st.booleans(), st.binary(max_size=3))
def test_a_response_header_is_as_it_is_declared(
    correlation_id: int, flexible: bool, body: bytes
) -> None:
    declared = ResponseHeaderMessage.version(int(flexible))

    encoded = response_header(correlation_id, flexible)

    assert encoded == declared.build({"correlation_id": correlation_id})
    assert parse_response_header(encoded + body, flexible=flexible) == (
        correlation_id,
        len(encoded),
    )


def test_tagged_fields_of_a_response_header_are_skipped() -> None:
    assert parse_response_header(bytes.fromhex("00000007 01 05 01 ff 00"), flexible=True) == (7, 8)


@pytest.mark.parametrize("frame", ["000000", "00000007", "00000007 01 05 09"])
def test_a_broken_response_header_is_a_broken_peer(frame: str) -> None:
    with pytest.raises(ProtocolError):
        parse_response_header(bytes.fromhex(frame), flexible=True)
