"""The words: since, until, tagged, Nullable, default; what an Api and a Message know."""

from __future__ import annotations

from typing import Any

import pytest

from pykbroker.wire.schema import (
    Api,
    Message,
    Nullable,
    api,
    default,
    inflexible,
    message,
    since,
    tagged,
    until,
)
from pykbroker.wire.types import Array, Bytes, Int8, Int16, Int32, Said, String, Struct, Uuid


def a_message(*fields: Any, flexible: str = "2+") -> Message:
    return message("Thing", versions="0-3", flexible=flexible, fields=Struct(*fields))


def an_api(key: int = 7, **changes: Any) -> Api:
    given: dict[str, Any] = {
        "versions": "1-4", "flexible": "3+",
        "request": Struct("a" / Int8), "response": Struct("b" / Int8),
    }  # fmt: skip
    return api(key, "Thing", **{**given, **changes})


def bytes_by_version(declared: Message, value: dict[str, Any]) -> list[str]:
    return [declared.version(v).build(value).hex() for v in range(4)]


def test_a_field_exists_from_its_first_to_its_last_version() -> None:
    declared = a_message(
        "old" / until(1, Int8), "new" / since(2, Int8), "mid" / since(1, until(2, Int8)),
        flexible="none",
    )  # fmt: skip

    assert bytes_by_version(declared, {"old": 1, "new": 2, "mid": 3}) == [
        "01", "0103", "0203", "02",
    ]  # fmt: skip


def test_words_nest_in_any_order() -> None:
    one = a_message("f" / since(2, tagged(5, default(None, Nullable(String)))))
    other = a_message("f" / Nullable(default(None, tagged(5, since(2, String)))))

    values: list[dict[str, Any]] = [{}, {"f": None}, {"f": ""}, {"f": "x"}]
    for value in values:
        assert bytes_by_version(one, value) == bytes_by_version(other, value)


def test_what_a_version_lacks_reads_as_its_default() -> None:
    declared = a_message(
        "number" / since(3, Int8), "said" / since(3, default(-1, Int8)),
        "text" / since(3, Nullable(String)), "none" / since(3, default(None, Nullable(String))),
        "many" / since(3, Array(Int8)), "uuid" / since(3, Uuid), "data" / since(3, Bytes),
        "inner" / since(3, Struct("x" / default(7, Int8))),
        flexible="none",
    )  # fmt: skip

    value = declared.version(0).parse(b"")

    assert repr(value) == (
        "Thing(number=0, said=-1, text='', none=None, many=[], "
        f"uuid={bytes(16)!r}, data=b'', inner=ThingInner(x=7))"
    )
    assert value == declared.version(3).parse(declared.version(3).build({}))


def test_lists_among_the_defaults_are_fresh() -> None:
    codec = a_message("many" / since(3, Array(Int8)), flexible="none").version(0)

    for parse in (codec.parse, codec.construct.parse):
        parse(b"").many.append(1)

        assert parse(b"").many == []


def test_a_field_is_nullable_from_the_version_said() -> None:
    declared = a_message("f" / Nullable(String, since=1), flexible="none")

    with pytest.raises(AttributeError):
        declared.version(0).build({"f": None})
    assert declared.version(1).build({"f": None}) == b"\xff\xff"


def test_an_inflexible_field_keeps_its_old_length_among_tagged_ones() -> None:
    declared = a_message("f" / inflexible(Nullable(String)))

    assert bytes_by_version(declared, {"f": "x"})[1:3] == ["000178", "00017800"]


def test_a_tagged_field_is_written_when_it_is_not_its_default() -> None:
    declared = a_message(
        "number" / since(2, tagged(1, default(-1, Int16))),
        "text" / since(2, tagged(0, default(None, Nullable(String)))),
        "many" / since(2, tagged(3, Array(Int8))),
    )

    values: list[dict[str, Any]] = [
        {},
        {"number": -1, "text": None, "many": []},
        {"number": 5},
        {"text": ""},
        {"many": [1, 2], "text": "a"},
    ]

    encoded = [declared.version(2).build(value).hex() for value in values]

    assert encoded == ["00", "00", "0101020005", "01000101", "0200020261" + "0303030102"]
    assert bytes_by_version(declared, {"number": 5})[0] == ""


def test_a_tagged_field_is_written_though_others_are_missing() -> None:
    declared = a_message("a" / Int8, "b" / since(2, tagged(0, Int8)))

    assert declared.version(2).build({"b": 5}).hex() == "0001000105"


def test_a_tagged_struct_is_compared_with_its_defaults_as_a_whole() -> None:
    leader = Struct("id" / default(-1, Int32), "epoch" / default(-1, Int32))
    codec = a_message("leader" / since(2, tagged(0, leader))).version(2)

    assert codec.build({"leader": {"epoch": -1}}) == b"\x00"
    assert codec.build({"leader": {"epoch": 1}}).hex() == "010009ffffffff0000000100"
    assert codec.parse(b"\x00").leader.id == -1


def test_a_tagged_struct_may_be_null_behind_a_varint() -> None:
    point = Struct("x" / Int8)
    null = a_message("p" / since(2, tagged(0, default(None, Nullable(point))))).version(2)
    zero = a_message("p" / since(2, tagged(0, Nullable(point)))).version(2)

    assert null.build({}).hex() == "00"
    assert null.build({"p": {"x": 5}}).hex() == "010003010500"
    assert null.parse(bytes.fromhex("010003010500")).p.x == 5
    assert zero.build({}).hex() == "00"
    assert zero.build({"p": None}).hex() == "01000100"
    assert zero.parse(bytes.fromhex("01000100")).p is None
    assert zero.parse(bytes.fromhex("0100028000")).p is None  # a null of two bytes


def test_a_declared_struct_has_one_shape_wherever_it_is_used() -> None:
    point = Struct("x" / Int8)
    codec = a_message("a" / point, "many" / Array(point)).version(0)

    value = codec.parse(bytes.fromhex("010000000102"))

    assert type(value.a) is type(value.many[0])


def test_what_is_no_type_cannot_be_declared() -> None:
    with pytest.raises(TypeError, match="declared with"):
        _ = a_message("f" / Said(since(1, Array))).version(0).construct
    for element in (Array(Int8), Nullable(String)):
        with pytest.raises(TypeError, match="an array of"):
            _ = a_message("f" / Array(element)).version(0).construct


def test_an_api_knows_its_versions_and_headers() -> None:
    thing = an_api(unstable=4)

    assert (thing.key, thing.name, thing.unstable) == (7, "Thing", 4)
    assert (thing.min_version, thing.max_version, thing.flexible_from) == (1, 4, 3)
    assert [thing.is_flexible(v) for v in (2, 3, 99)] == [False, True, True]
    assert [thing.request_header_version(v) for v in (2, 3)] == [1, 2]
    assert [thing.response_header_version(v) for v in (2, 3)] == [0, 1]
    assert repr(thing) == "<Thing key 7 versions 1-4>"


def test_a_response_to_api_versions_has_the_old_header() -> None:
    thing = an_api(key=18)

    assert thing.request_header_version(4) == 2
    assert thing.response_header_version(4) == 0


def test_an_api_that_is_never_flexible_has_old_headers() -> None:
    thing = an_api(versions="0", flexible="none")

    assert (thing.min_version, thing.max_version, thing.is_flexible(0)) == (0, 0, False)


def test_a_version_has_one_codec_and_undeclared_ones_none() -> None:
    thing = an_api()

    assert thing.request(1) is thing.request(1)
    assert repr(thing.response(4)) == "<codec ThingResponse v4>"
    for version in (0, 5):
        with pytest.raises(LookupError, match=f"no version {version}"):
            thing.request(version)
