"""Codecs: what parsing refuses, what it may allocate, and what building asks of its caller."""

from __future__ import annotations

import struct
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from pykbroker.errors import ProtocolError
from pykbroker.wire.codec import Codec
from pykbroker.wire.resolved import BUDGET_ALLOWANCE_BYTES
from pykbroker.wire.schema import Nullable, default, message, since, tagged
from pykbroker.wire.types import (
    Array,
    Bytes,
    Int8,
    Int16,
    Int32,
    Int64,
    Records,
    String,
    Struct,
    Uuid,
)
from pykbroker.wire.varint import unsigned_varint

LEADER = Struct("id" / default(-1, Int32), "epoch" / default(-1, Int32))


def a_codec(*fields: Any, flexible: bool = True) -> Codec:
    declared = message("Thing", versions="0-1", flexible="1+", fields=Struct(*fields))
    return declared.version(int(flexible))


def an_all_round_codec() -> Codec:
    return a_codec(
        "name" / String,
        "uuid" / Uuid,
        "topics" / Nullable(Array(Struct(
            "name" / Nullable(String),
            "partitions" / Array(Int32),
            "data" / Bytes,
            "leader" / tagged(0, LEADER),
            "note" / tagged(2, default(None, Nullable(String))),
        ))),
        "end" / Nullable(Struct("x" / Int8)),
        "flag" / tagged(1, Int8),
    )  # fmt: skip


ALL_ROUND = {
    "name": "n" * 130,
    "uuid": bytes(16),
    "topics": [
        {"name": None, "partitions": [1, 2], "data": b"d", "leader": {"id": 1}, "note": "é"},
        {"name": "t", "partitions": [], "data": b""},
    ],
    "end": {"x": 1},
    "flag": 3,
}


def refused(codec: Codec, data: bytes, words: str | None = None) -> None:
    with pytest.raises(ProtocolError, match=words):
        codec.parse(data)
    with pytest.raises(ProtocolError):
        codec.construct.parse(data)


@contextmanager
def allocating_at_most(bytes_max: int) -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak <= bytes_max


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_any_buffer_is_parsed_and_bytes_behind_the_message_are_left(kind: Any) -> None:
    codec = an_all_round_codec()
    encoded = codec.build(ALL_ROUND)

    value, position = codec.parse_from(kind(b"head" + encoded + b"tail"), 4)

    assert position == 4 + len(encoded)
    assert value == codec.parse(kind(encoded + b"tail")) == codec.construct.parse(encoded)


def test_a_message_cut_anywhere_is_refused() -> None:
    codec = an_all_round_codec()
    encoded = codec.build(ALL_ROUND)

    for cut in range(len(encoded)):
        refused(codec, encoded[:cut])


def test_a_refusal_says_which_message_and_field() -> None:
    with pytest.raises(ProtocolError, match=r"^Thing v1: topics\.name is null$"):
        a_codec("topics" / Array(Struct("name" / String))).parse(b"\x02\x00\x00")


@pytest.mark.parametrize("data", [b"", b"\0", b"\0\0\0\1", b"\0\0\0\1\3a"])
def test_a_refusal_of_a_message_that_ends_early_says_so(data: bytes) -> None:
    with pytest.raises(ProtocolError, match=r"^Thing v1: cut short$"):
        a_codec("number" / Int32, "name" / String, "last" / Int8).parse(data)


@pytest.mark.parametrize("flexible", [False, True])
@pytest.mark.parametrize("declared", [String, Bytes, Records, Array(Int8), Array(Struct())])
def test_a_negative_length_is_null_or_refused(declared: Any, flexible: bool) -> None:
    required = a_codec("f" / declared, flexible=flexible)
    nullable = a_codec("f" / Nullable(declared), flexible=flexible)
    width = 2 if declared is String else 4
    for null in [b"\x00"] if flexible else [b"\xff" * width, b"\x80" + bytes(width - 1)]:
        assert nullable.parse(null + b"\x00").f is None
        assert nullable.construct.parse(null + b"\x00").f is None
        refused(required, null + b"\x00", "null")


@pytest.mark.parametrize("marker", [0x80, 0xFE, 0xFF])
def test_a_negative_marker_is_a_null_struct(marker: int) -> None:
    codec = a_codec("f" / Nullable(Struct("x" / Int8)))

    assert codec.parse(bytes([marker, 0])).f is None
    assert codec.parse(bytes([0, 7, 0, 0])).f.x == 7


@pytest.mark.parametrize("claim", ["02", "04", "80808008", "ffffffff0f"])
@pytest.mark.parametrize("element", [Int32, Uuid, String, Struct("a" / Int32, "b" / String)])
def test_an_array_claims_no_more_elements_than_the_bytes_left_could_hold(
    claim: str, element: Any
) -> None:
    codec, data = a_codec("f" / Array(element)), bytes.fromhex(claim)
    refused(codec, data)

    with allocating_at_most(20_000), pytest.raises(ProtocolError, match="elements claimed"):
        codec.parse(data)


@pytest.mark.parametrize("declared", [String, Bytes, Records, Array(Int8), Array(Int64)])
def test_nothing_is_allocated_by_a_claimed_length(declared: Any) -> None:
    claims = {True: "ffffff7f", False: "7fff" if declared is String else "7fffffff"}
    for flexible, claim in claims.items():
        codec, data = a_codec("f" / declared, flexible=flexible), bytes.fromhex(claim) + b"xyz"
        refused(codec, data)

        with allocating_at_most(20_000), pytest.raises(ProtocolError):
            codec.parse(data)


def test_elements_without_any_bytes_are_bounded_by_the_bytes_left() -> None:
    codec = a_codec("f" / Array(Struct()), flexible=False)

    assert len(codec.parse(bytes.fromhex("00000002 ffff")).f) == 2
    refused(codec, bytes.fromhex("00000003 ffff"))


@pytest.mark.parametrize(
    ("length", "why"),
    [
        ("8080808080", "a sixth byte to come"),
        ("808080808000", "six bytes"),
        ("8180808010", "33 bits"),
        ("ffffffffff7f", "eleven bits too many"),
    ],
)
def test_a_varint_has_five_bytes_and_32_bits(length: str, why: str) -> None:
    assert why
    for declared in (String, Records, Array(Int8), tagged(0, Int8)):
        codec = a_codec("f" / Nullable(declared))
        refused(codec, bytes.fromhex(length) + bytes(20))


def test_a_varint_may_be_padded() -> None:
    for declared in (Bytes, Records, Array(Int8)):
        codec = a_codec("f" / declared)
        for padded in ("82808000", "828000", "8200"):
            assert len(codec.parse(bytes.fromhex(padded) + b"\x07\x00").f) == 1


def test_text_that_is_not_utf_8_is_refused() -> None:
    refused(a_codec("f" / String), bytes.fromhex("02ff00"))
    refused(a_codec("f" / String, "r" / Records), bytes.fromhex("03c328" + "01" + "00"))


def test_a_string_has_at_most_32767_bytes() -> None:
    codec = a_codec("f" / String)
    longest = codec.build({"f": "x" * 32_767})

    assert codec.parse(longest).f == "x" * 32_767
    refused(codec, b"\x81\x80\x02" + bytes(32_769), "string of 32768 bytes")
    for build in (codec.build, codec.construct.build):
        with pytest.raises(ValueError, match="string"):
            build({"f": "x" * 32_768})


@pytest.mark.parametrize(
    ("section", "why"),
    [
        ("02 0000 0000", "the same tag twice"),
        ("02 0500 0400", "tags that fall"),
        ("01 0002 07", "more than the bytes left"),
        ("01 0102 0700", "a known tag larger than its content"),
        ("01 0100", "a known tag smaller than its content"),
        ("02 0100 0200", "a known tag that eats the next"),
        ("01 05ff7f 00", "an unknown tag larger than the bytes left"),
        ("e907", "1001 tags"),
        ("01 8080808010 00", "a tag of 33 bits"),
        ("01 8080808080 00", "a tag of six bytes"),
    ],
)
def test_a_broken_tag_section_is_refused(section: str, why: str) -> None:
    assert why
    refused(a_codec("f" / tagged(1, Int8)), bytes.fromhex(section))
    if "known tag " not in why or "unknown" in why:
        refused(a_codec("f" / Int8), b"\x01" + bytes.fromhex(section))


def test_unknown_tags_are_skipped() -> None:
    section = bytes.fromhex("04 0001aa 010107 0502bbbb 8001 00")

    known, position = a_codec("f" / tagged(1, Int8)).parse_from(section)
    unknown = a_codec("f" / Int8).parse_from(b"\x07" + section)

    assert (known.f, position) == (7, len(section))
    assert (unknown[0].f, unknown[1]) == (7, len(section) + 1)


def test_a_thousand_tags_are_the_most() -> None:
    def tags(count: int) -> bytes:
        heads = [bytes([n & 0x7F | 0x80, n >> 7, 0]) for n in range(count)]
        return bytes([count & 0x7F | 0x80, count >> 7]) + b"".join(heads)

    codec = a_codec("f" / Int8)

    assert codec.parse(b"\x01" + tags(1000)).f == 1
    refused(codec, b"\x01" + tags(1001), "1001 tagged fields")


def test_a_thousand_topics_of_two_letters_are_an_ordinary_request() -> None:
    codec = a_codec("topics" / Array(Struct("topic_id" / since(9, Uuid), "name" / String)))
    names = [f"{first}{second}" for first in "abcdefghij" * 10 for second in "abcdefghij"]

    value = codec.parse(codec.build({"topics": [{"name": name} for name in names]}))

    assert [topic.name for topic in value.topics] == names


@pytest.mark.parametrize(
    ("element", "encoded"),
    [
        (Int8, b"\x81"),
        (Int16, b"\x47\x47"),
        (Int32, b"\x47" * 4),
        (Uuid, b"\x47" * 16),
        (String, b"\x03ab"),
        (String, b"\x08\xf0\x9f\x98\x80abc"),
        (Bytes, b"\x03ab"),
        (Struct("r" / Records), b"\x03ab\x00"),
        (Struct("a" / String, "b" / String, "c" / String), b"\x03ab" * 3 + b"\x00"),
        (Struct("a" / Int8), b"\x81\x00"),
        (Struct("a" / Int64, "b" / since(9, Array(Int8)), "c" / String), b"\x47" * 8 + b"\x03ab\0"),
        (Struct("a" / Array(Int8)), b"\x02\x81\x00"),
        (Struct("a" / tagged(0, LEADER)), b"\x01\x00\x09" + b"\x47" * 8 + b"\x00"),
    ],
)
@pytest.mark.parametrize("size", [10_000, 250_000])
def test_a_parse_allocates_at_most_about_sixteen_times_its_bytes(
    element: Any, encoded: bytes, size: int
) -> None:
    count = size // len(encoded)
    codec = a_codec("many" / Array(element))
    data = unsigned_varint(count + 1) + encoded * count + b"\x00"
    assert codec.parse(codec.build({})).many == []
    value = None

    with allocating_at_most(16 * len(data) + BUDGET_ALLOWANCE_BYTES):
        try:
            value = codec.parse(data)
        except ProtocolError as refusal:
            assert "too many elements for the size" in str(refusal)  # noqa: PT017

    if value is None:
        refused(codec, data, "too many elements")
    else:
        assert len(value.many) == count


def test_records_are_views_and_bytes_are_copies() -> None:
    codec = a_codec("r" / Records, "b" / Bytes)
    data = bytearray(codec.build({"r": b"records", "b": b"bytes"}))

    value = codec.parse(memoryview(data))
    value.r[0:1] = b"R"

    assert bytes(data[1:8]) == b"Records"
    assert value.b == b"bytes"
    assert type(value.b) is bytes


class Slice:
    """Records that are somewhere else, such as in a file."""

    def __len__(self) -> int:
        return 300


def test_records_are_a_segment_as_they_are() -> None:
    codec = a_codec(
        "many" / Array(Struct("index" / Int8, "r" / Nullable(Records), "last" / Int8)),
    )
    there, view = Slice(), memoryview(b"view")

    segments = codec.build_segments(
        {
            "many": [
                {"index": 1, "r": there, "last": 2},
                {"index": 3, "r": None, "last": 4},
                {"index": 5, "r": b"", "last": 6},
                {"index": 7, "r": view, "last": 8},
            ]
        }
    )

    assert segments == [
        bytes.fromhex("0501ad02"), there, bytes.fromhex("0200 03000400 05010600 0705"), view,
        bytes.fromhex("080000"),
    ]  # fmt: skip
    assert segments[1] is there
    assert segments[3] is view


def test_a_message_without_records_is_one_segment() -> None:
    codec = a_codec("f" / Int8)

    assert codec.build_segments({"f": 1}) == [b"\x01\x00"]


@pytest.mark.parametrize("oracle", [False, True])
def test_missing_fields_are_defaults_and_unknown_ones_a_mistake(oracle: bool) -> None:
    codec = a_codec(
        "a" / default(-1, Int8), "b" / Int8, "later" / since(2, Int8),
        "c" / tagged(0, Struct("d" / Int8)), "e" / Array(Struct("g" / Int8)), "h" / Struct(),
    )  # fmt: skip
    build = codec.construct.build if oracle else codec.build

    assert build({"b": 2}).hex() == "ff02010000"
    assert build({"a": 1, "b": 2, "e": [{}], "h": {}, "later": 9}).hex() == "01020200000000"
    full = {"a": 1, "b": 2, "c": {"d": 1}, "e": [{"g": 1}], "h": {}}
    assert build(full).hex() == "01020201000001000201" + "00"
    for wrong in (
        {"x": 1}, {**full, "x": 1}, {**full, "c": {"x": 1}}, {**full, "c": {"d": 1, "x": 1}},
        {"e": [{"x": 1}]}, {"e": [{"g": 1, "x": 1}]}, {**full, "h": {"x": 1}},
    ):  # fmt: skip
        with pytest.raises(TypeError, match="has no field x"):
            build(wrong)


def test_none_where_null_is_not_allowed_is_a_mistake() -> None:
    for declared in (String, Bytes, Records, Array(Int8), Struct("x" / Int8), Int8):
        codec = a_codec("f" / declared)
        with pytest.raises((TypeError, AttributeError, struct.error)):
            codec.build({"f": None})


def test_a_value_is_read_by_attribute_and_as_a_mapping() -> None:
    codec = a_codec("a" / Int8, "b" / String)
    value = codec.parse(b"\x01\x02x\x00")

    assert (value.a, value["b"]) == (1, "x")
    assert dict(value) == {"a": 1, "b": "x"}
    assert (list(value), value.keys(), len(value)) == (["a", "b"], ("a", "b"), 2)
    assert "a" in value
    assert "c" not in value
    with pytest.raises(KeyError):
        value["c"]
    assert repr(value) == "Thing(a=1, b='x')"


def test_values_are_equal_by_their_fields() -> None:
    one, other = (a_codec("a" / Int8).parse(b"\x01\x00") for _ in range(2))

    assert one == other
    assert one != a_codec("a" / Int8).parse(b"\x02\x00\x00")
    assert one != a_codec("b" / Int8).parse(b"\x01\x00")
    assert one != {"a": 1}
