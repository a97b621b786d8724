"""Lengths that claim more than is there are refused, wherever a message has one (R1, R2)."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any, Final

import pytest

from pykbroker.errors import ProtocolError
from pykbroker.wire.codec import Codec
from pykbroker.wire.resolved import Fields, Many, Optional, Root, Tag, Text
from pykbroker.wire.schema import Message
from pykbroker.wire.types import Fixed
from pykbroker.wire.varint import unsigned_varint
from tests.fuzz.values import EVERY_MESSAGE

CLAIMS: Final = (0x7FFFFFFF, 1_000_000_000, 0x10000, 0x7FFF)
"""A string's fixed width holds the last alone, which is also more than any message here has."""

every_message = pytest.mark.parametrize("message", EVERY_MESSAGE, ids=lambda each: each.name)


@every_message
def test_a_length_beyond_the_end_is_refused(
    message: Message, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = Random(message.name)

    for codec in codecs_of(message):
        for construct in lengths_of(codec.construct):
            claim = CLAIMS[-1] if is_short(construct) else random.choice(CLAIMS)
            with monkeypatch.context() as patch:
                patch.setattr(construct, "write_length", claiming(construct, claim))
                data = codec.construct.build(full(codec.construct))

            with pytest.raises(ProtocolError):
                codec.parse(data)


@every_message
def test_a_tagged_field_that_is_not_as_long_as_it_says_is_refused(
    message: Message, monkeypatch: pytest.MonkeyPatch
) -> None:
    for codec in codecs_of(message):
        for tag in tags_of(codec.construct):
            build = tag.content.build
            with monkeypatch.context() as patch:
                patch.setattr(tag.content, "build", lambda value, of=build: of(value) + b"\x00")
                data = codec.construct.build(full(codec.construct))

            with pytest.raises(ProtocolError):
                codec.parse(data)


@every_message
def test_null_is_refused_where_a_version_has_none(
    message: Message, monkeypatch: pytest.MonkeyPatch
) -> None:
    for codec in codecs_of(message):
        for construct in lengths_of(codec.construct):
            with monkeypatch.context() as patch:
                patch.setattr(construct, "write_length", claiming(construct, -1))
                data = codec.construct.build(full(codec.construct))

            if not construct.nullable:
                with pytest.raises(ProtocolError):
                    codec.parse(data)


def codecs_of(message: Message) -> list[Codec]:
    return [message.version(v) for v in range(message.min_version, message.max_version + 1)]


def claiming(construct: Text | Many, claim: int) -> Any:
    def write_length(_length: int, stream: Any, _path: str) -> None:
        if construct.compact:
            stream.write(unsigned_varint(claim + 1))
        else:
            stream.write(claim.to_bytes(construct.min_bytes, "big", signed=True))

    return write_length


def is_short(construct: Text | Many) -> bool:
    return not construct.compact and construct.min_bytes == 2


def lengths_of(construct: Any) -> Iterator[Text | Many]:
    for inner in walk(construct):
        if isinstance(inner, Text | Many):
            yield inner


def tags_of(construct: Any) -> Iterator[Tag]:
    for inner in walk(construct):
        if isinstance(inner, Fields):
            yield from inner.tags


def walk(construct: Any) -> Iterator[Any]:
    yield construct
    match construct:
        case Root() | Optional():
            yield from walk(construct.subcon)
        case Many():
            yield from walk(construct.element)
        case Fields():
            for field in construct.fields:
                yield from walk(field.subcon)
            for tag in construct.tags:
                yield from walk(tag.content)


def full(construct: Any) -> Any:
    """Give a value in which nothing is null, empty or its default."""
    match construct:
        case Root() | Optional():
            return full(construct.subcon)
        case Many():
            return [full(construct.element)]
        case Fields():
            fields = {field.name: full(field.subcon) for field in construct.fields}
            return fields | {tag.name: full(tag.content) for tag in construct.tags}
        case Text():
            return "text" if construct.kind == "string" else b"bytes"
        case Fixed():
            return True if construct.code == "?" else 77
    return b"sixteen bytes id"
