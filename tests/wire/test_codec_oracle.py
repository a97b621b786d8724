"""Fused codecs do what their constructs do, whatever is declared and whatever comes."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from construct import Construct, ConstructError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pykbroker.errors import ProtocolError
from pykbroker.wire.codec import Codec
from pykbroker.wire.resolved import Fields, Many, Optional, Text
from pykbroker.wire.schema import Nullable, default, inflexible, message, since, tagged, until
from pykbroker.wire.types import (
    Array,
    Boolean,
    Bytes,
    Fixed,
    FixedBytes,
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

LAST_VERSION, FLEXIBLE_FROM = 3, 2
NUMBERS = [Int8, Int16, UInt16, Int32, UInt32, Int64]
LEAVES = [*NUMBERS, Boolean, Float64, Uuid, String, Bytes, Records]
TAGGABLE = [*NUMBERS, Boolean, Float64, Uuid, String, Bytes]
BUILD_FAULTS = (TypeError, ValueError, AttributeError, struct.error, ConstructError)
MANY = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
versions = st.integers(0, LAST_VERSION)


@st.composite
def types(draw: Any, depth: int, leaves: list[Construct]) -> Construct:
    """A type without words about it."""
    if depth == 0 or draw(st.integers(0, 2)) == 0:
        return draw(st.sampled_from(leaves))
    inner = draw(structs(depth=depth - 1, leaves=leaves))
    return draw(st.sampled_from([inner, Array(inner), Array(draw(st.sampled_from(leaves)))]))


@st.composite
def fields(draw: Any, number: int, depth: int, leaves: list[Construct]) -> Construct:
    """A field with any words about it."""
    is_tagged = draw(st.integers(0, 3)) == 0
    declared = draw(types(depth, TAGGABLE if is_tagged else leaves))
    if declared in NUMBERS and draw(st.booleans()):
        declared = default(draw(st.integers(0, 5)), declared)
    elif not isinstance(declared, Fixed | FixedBytes) and draw(st.booleans()):
        declared = Nullable(declared, since=0 if is_tagged else draw(versions))
        if draw(st.booleans()):
            declared = default(None, declared)
    if is_tagged:
        return f"f{number}" / tagged(number * 3, since(FLEXIBLE_FROM, declared))
    if draw(st.booleans()):
        declared = draw(st.sampled_from([since, until]))(draw(versions), declared)
    return f"f{number}" / (inflexible(declared) if draw(st.integers(0, 5)) == 0 else declared)


@st.composite
def structs(draw: Any, depth: int = 2, leaves: list[Construct] = LEAVES) -> Struct:
    """A declared struct."""
    count = draw(st.integers(0, 4))
    return Struct(*[draw(fields(number, depth, leaves)) for number in range(count)])


@st.composite
def codecs(draw: Any) -> Codec:
    """A codec of a random message in a random version."""
    declared = message(
        "Thing", versions=f"0-{LAST_VERSION}", flexible=f"{FLEXIBLE_FROM}+", fields=draw(structs())
    )
    return declared.version(draw(versions))


def numbers(construct: Fixed) -> st.SearchStrategy[Any]:
    """The values of a type of fixed width."""
    if construct.code == "?":
        return st.booleans()
    if construct.code == "d":
        return st.floats(allow_nan=False)
    bits = construct.length * 8
    low, high = (
        (-(1 << bits - 1), (1 << bits - 1) - 1) if construct.code.islower() else (0, 2**bits - 1)
    )
    return st.integers(low, high)


def values(construct: Construct) -> st.SearchStrategy[Any]:
    """What a resolved construct can build, some fields missing."""
    nullable = st.none() if getattr(construct, "nullable", False) else st.nothing()
    match construct:
        case Fixed():
            return numbers(construct)
        case FixedBytes():
            return st.binary(min_size=16, max_size=16)
        case Text(kind="string"):
            return nullable | st.text(max_size=5) | st.just("é" * 100)
        case Text():
            return nullable | st.binary(max_size=5) | st.just(bytes(130))
        case Many():
            return nullable | st.lists(values(construct.element), max_size=3)
        case Optional():
            return st.none() | values(construct.subcon)
        case Fields():
            contents = {field.name: values(field.subcon) for field in construct.fields}
            contents |= {tag.name: values(tag.content) for tag in construct.tags}
            whole = st.fixed_dictionaries(contents)
            return whole | st.fixed_dictionaries({}, optional=contents)
    raise AssertionError(construct)


def outcome(function: Callable[[Any], Any], given: Any) -> tuple[Any, ...]:
    """What a function returns, or that it refuses."""
    try:
        return ("gave", function(given))
    except ProtocolError:
        return ("refused",)


def built(function: Callable[[Any], Any], given: Any) -> bytes | None:
    """What is built, or None when the value does not fit."""
    try:
        return bytes(function(given))
    except BUILD_FAULTS:
        return None


@MANY
@given(st.data())
def test_a_fused_codec_builds_and_parses_as_its_constructs_do(data: st.DataObject) -> None:
    codec = data.draw(codecs())
    value = data.draw(values(codec.construct.subcon))

    encoded = built(codec.build, value)

    assert encoded == built(codec.construct.build, value)
    if encoded is not None:
        parsed = codec.parse(encoded)
        assert parsed == codec.construct.parse(encoded)
        assert codec.parse_from(encoded)[1] == len(encoded)
        assert codec.build(parsed) == encoded
        assert codec.construct.build(parsed) == encoded
        assert b"".join(codec.build_segments(value)) == encoded


@MANY
@given(st.data())
def test_a_fused_codec_refuses_what_its_constructs_refuse(data: st.DataObject) -> None:
    codec = data.draw(codecs())
    encoded = bytearray(built(codec.build, data.draw(values(codec.construct.subcon))) or b"")
    for _ in range(data.draw(st.integers(1, 3))):
        if not encoded:
            break
        position = data.draw(st.integers(0, len(encoded) - 1))
        if data.draw(st.booleans()):
            encoded[position] = data.draw(st.sampled_from([0, 1, 2, 0x7F, 0x80, 0xFF]))
        else:
            del encoded[position : position + data.draw(st.integers(1, 4))]

    assert (
        repr(outcome(codec.parse, bytes(encoded))).split(" at 0x")[0]
        == (repr(outcome(codec.construct.parse, bytes(encoded))).split(" at 0x")[0])
    )


@MANY
@given(codecs(), st.binary(max_size=60))
def test_any_bytes_are_parsed_or_refused(codec: Codec, garbage: bytes) -> None:
    fused, oracle = outcome(codec.parse, garbage), outcome(codec.construct.parse, garbage)

    assert fused[0] == oracle[0]
