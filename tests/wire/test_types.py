"""Every type's bytes, old form and compact, as the protocol guide writes them."""

from __future__ import annotations

from typing import Any

import pytest
from construct import Construct

from pykbroker.errors import ProtocolError
from pykbroker.wire.codec import Codec
from pykbroker.wire.schema import Nullable, default, message
from pykbroker.wire.types import (
    Array,
    Boolean,
    Bytes,
    Float64,
    Int8,
    Int16,
    Int32,
    Int64,
    Records,
    String,
    Struct,
    UInt16,
    UInt32,
    Uuid,
)
from pykbroker.wire.varint import unsigned_varint

UUID = bytes(range(16))
POINT = Struct("x" / Int8, "y" / Int8)


def a_codec(declared: Construct, *, flexible: bool) -> Codec:
    fields = Struct("field" / declared)
    return message("One", versions="0-1", flexible="1+", fields=fields).version(int(flexible))


FIXED = [
    (Boolean, True, "01"),
    (Boolean, False, "00"),
    (Int8, -2, "fe"),
    (Int16, -2, "fffe"),
    (UInt16, 0xFFFE, "fffe"),
    (Int32, -2, "fffffffe"),
    (UInt32, 0xFFFF_FFFE, "fffffffe"),
    (Int64, -2, "fffffffffffffffe"),
    (Float64, 1.5, "3ff8000000000000"),
    (Uuid, UUID, UUID.hex()),
]

SIZED = [
    (String, "", "0000", "01"),
    (String, "héllo", "000668c3a96c6c6f", "0768c3a96c6c6f"),
    (Nullable(String), None, "ffff", "00"),
    (Bytes, b"", "00000000", "01"),
    (Bytes, b"\x01\x02", "000000020102", "030102"),
    (Nullable(Bytes), None, "ffffffff", "00"),
    (Records, b"\x01\x02", "000000020102", "030102"),
    (Nullable(Records), None, "ffffffff", "00"),
    (Array(Int16), [], "00000000", "01"),
    (Array(Int16), [1, 2], "0000000200010002", "0300010002"),
    (Array(Boolean), [True, False], "000000020100", "030100"),
    (Array(Uuid), [UUID], f"00000001{UUID.hex()}", f"02{UUID.hex()}"),
    (Array(String), ["a", ""], "000000020001610000", "03026101"),
    (Array(Bytes), [b"a", b""], "00000002000000016100000000", "03026101"),
    (Nullable(Array(Int16)), None, "ffffffff", "00"),
    (Array(POINT), [{"x": 1, "y": 2}], "000000010102", "02010200"),
    (POINT, {"x": 1, "y": 2}, "0102", "010200"),
    (Nullable(POINT), {"x": 1, "y": 2}, "010102", "01010200"),
    (default(None, Nullable(POINT)), None, "ff", "ff"),
]


@pytest.mark.parametrize(("declared", "value", "encoded"), FIXED)
def test_a_type_of_fixed_width_has_the_same_bytes_in_all_versions(
    declared: Construct, value: Any, encoded: str
) -> None:
    old, flexible = (a_codec(declared, flexible=f) for f in (False, True))

    assert old.build({"field": value}).hex() == encoded
    assert flexible.build({"field": value}).hex() == encoded + "00"
    assert old.parse(bytes.fromhex(encoded)).field == value
    assert type(old.parse(bytes.fromhex(encoded)).field) is type(value)


@pytest.mark.parametrize(("declared", "value", "old", "flexible"), SIZED)
def test_a_type_of_varying_length_is_compact_in_flexible_versions(
    declared: Construct, value: Any, old: str, flexible: str
) -> None:
    for codec, encoded in (
        (a_codec(declared, flexible=False), old),
        (a_codec(declared, flexible=True), flexible + "00"),
    ):
        assert codec.build({"field": value}).hex() == encoded
        parsed = codec.parse(bytes.fromhex(encoded))
        assert codec.build(parsed).hex() == encoded
        assert codec.construct.parse(bytes.fromhex(encoded)) == parsed


def test_any_byte_but_zero_is_true() -> None:
    assert a_codec(Boolean, flexible=False).parse(b"\x7f").field is True


@pytest.mark.parametrize("oracle", [False, True])
def test_a_uuid_has_sixteen_bytes(oracle: bool) -> None:
    codec = a_codec(Uuid, flexible=False)

    with pytest.raises(ValueError, match="16 bytes"):
        (codec.construct.build if oracle else codec.build)({"field": b"short"})
    with pytest.raises(ProtocolError):
        (codec.construct.parse if oracle else codec.parse)(bytes(15))


@pytest.mark.parametrize("count", [0, 1, 16, 17, 126, 127, 128, 20_000])
@pytest.mark.parametrize("flexible", [False, True])
def test_an_array_of_numbers_may_have_any_length(count: int, flexible: bool) -> None:
    codec = a_codec(Array(Int32), flexible=flexible)
    numbers = list(range(count))

    encoded = codec.build({"field": numbers})

    assert encoded == codec.construct.build({"field": numbers})
    assert codec.parse(encoded).field == numbers


@pytest.mark.parametrize("declared", [String, Bytes, Records])
@pytest.mark.parametrize("length", [126, 127, 128, 16_382, 16_383, 16_384, 32_767])
def test_a_length_takes_as_many_varint_bytes_as_it_needs(declared: Construct, length: int) -> None:
    for before in ((), ("before" / Int8,)):
        fields = Struct(*before, "field" / declared)
        codec = message("One", versions="0", flexible="0+", fields=fields).version(0)
        content: Any = "x" * length if declared is String else b"x" * length

        encoded = codec.build({"field": content})

        prefix = 1 if length < 127 else 2 if length < 16_383 else 3
        assert len(encoded) == len(before) + prefix + length + 1
        assert encoded == codec.construct.build({"field": content})
        assert codec.parse(encoded).field == content


@pytest.mark.parametrize(
    ("number", "encoded"),
    [
        (0, "00"), (127, "7f"), (128, "8001"), (16_383, "ff7f"), (16_384, "808001"),
        ((1 << 32) - 1, "ffffffff0f"),
    ],
)  # fmt: skip
def test_a_varint_has_seven_bits_a_byte_the_lowest_first(number: int, encoded: str) -> None:
    assert unsigned_varint(number).hex() == encoded


@pytest.mark.parametrize("number", [-1, 1 << 32])
def test_a_varint_is_an_unsigned_32_bit_number(number: int) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        unsigned_varint(number)
