"""Fused codecs and the constructs they are written from agree, on good bytes and on bad ones."""

from __future__ import annotations

from random import Random

import pytest

from pykbroker.errors import ProtocolError
from pykbroker.wire.codec import Codec
from pykbroker.wire.messages.every import EVERY_API
from pykbroker.wire.schema import Message
from tests.fuzz.mutations import mutated
from tests.fuzz.rounds import ROUNDS
from tests.fuzz.values import EVERY_MESSAGE, any_message, completed, plain

every_message = pytest.mark.parametrize("message", EVERY_MESSAGE, ids=lambda each: each.name)


def codecs_of(message: Message) -> list[Codec]:
    return [message.version(v) for v in range(message.min_version, message.max_version + 1)]


def test_the_list_of_apis_is_in_the_order_of_keys_and_names_each_once() -> None:
    keys = [api.key for api in EVERY_API]

    assert keys == sorted(set(keys))
    assert len({api.name for api in EVERY_API}) == len(EVERY_API) == 91


@every_message
def test_a_fused_codec_builds_and_parses_as_its_constructs_do(message: Message) -> None:
    random = Random(message.name)

    for codec in codecs_of(message):
        for _ in range(2 * ROUNDS):
            value = any_message(codec, random)
            data = codec.build(value)

            assert data == codec.construct.build(value)
            assert data == b"".join(bytes(each) for each in codec.build_segments(value))
            parsed = codec.parse(data)
            assert plain(parsed) == plain(codec.construct.parse(data))
            assert plain(parsed) == completed(value, codec.construct)
            assert codec.parse_from(b"...." + data + b"....", 4) == (parsed, 4 + len(data))
            assert codec.parse(memoryview(bytearray(data))) == parsed
            assert codec.build(parsed) == data


@every_message
def test_a_fused_codec_refuses_damaged_bytes_exactly_when_its_constructs_do(
    message: Message,
) -> None:
    random = Random(message.name)

    for codec in codecs_of(message):
        data = codec.build(any_message(codec, random))
        for _ in range(3 * ROUNDS):
            damaged = mutated(data, random)

            assert outcome_of(codec.parse, damaged) == outcome_of(codec.construct.parse, damaged)


def outcome_of(parse: object, data: bytes) -> object:
    try:
        return repr(plain(parse(data)))  # type: ignore[operator]
    except ProtocolError:
        return ProtocolError


@every_message
def test_a_message_cut_short_anywhere_is_refused(message: Message) -> None:
    random = Random(message.name)

    for codec in codecs_of(message):
        data = codec.build(any_message(codec, random))
        for cut in {*range(len(data))[:1], *range(len(data))[-1:], *some(data, random)}:
            with pytest.raises(ProtocolError):
                codec.parse(data[:cut])


def some(data: bytes, random: Random) -> list[int]:
    return random.sample(range(len(data)), min(4 * ROUNDS, len(data)))


@every_message
def test_an_empty_value_is_a_message_of_defaults(message: Message) -> None:
    for codec in codecs_of(message):
        parsed = codec.parse(codec.build({}))

        assert plain(parsed) == completed({}, codec.construct)
