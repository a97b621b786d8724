"""Values of any declared message, drawn by an injected Random.

Drawn from the resolved schema of one version: numbers lean to the edges of their width, text to
the empty and to what is not ASCII, what may be null often is, and a tagged field often has its
default, which must then not be written.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from random import Random
from typing import Any

from pykbroker.wire.codec import Codec
from pykbroker.wire.header import RequestHeaderMessage, ResponseHeaderMessage
from pykbroker.wire.messages.aborted_transaction import AbortedTxn
from pykbroker.wire.messages.consumer_protocol import (
    ConsumerProtocolAssignment,
    ConsumerProtocolSubscription,
)
from pykbroker.wire.messages.control_records import (
    ControlRecordTypeSchema,
    EndTxnMarker,
    KRaftVersionRecord,
    LeaderChangeMessage,
    SnapshotFooterRecord,
    SnapshotHeaderRecord,
    VotersRecord,
)
from pykbroker.wire.messages.every import EVERY_API
from pykbroker.wire.messages.group_records import GROUP_RECORDS
from pykbroker.wire.messages.offsets_records import OFFSETS_RECORDS
from pykbroker.wire.messages.principal import DefaultPrincipalData
from pykbroker.wire.messages.share_group_records import SHARE_GROUP_RECORDS
from pykbroker.wire.messages.share_records import SHARE_RECORDS
from pykbroker.wire.messages.streams_records import STREAMS_RECORDS
from pykbroker.wire.messages.transaction_records import TRANSACTION_RECORDS
from pykbroker.wire.resolved import Fields, Many, Optional, Root, Text
from pykbroker.wire.schema import Message
from pykbroker.wire.types import Fixed, FixedBytes

CONSUMER_OFFSETS_TABLES = (OFFSETS_RECORDS, GROUP_RECORDS, SHARE_GROUP_RECORDS, STREAMS_RECORDS)
"""The records of one topic, by their types."""

RECORD_TABLES = (*CONSUMER_OFFSETS_TABLES, TRANSACTION_RECORDS, SHARE_RECORDS)
"""The records of the internal topics, by their types."""

EVERY_MESSAGE: tuple[Message, ...] = (
    *(message for api in EVERY_API for message in (api.request_message, api.response_message)),
    *(message for table in RECORD_TABLES for pair in table.values() for message in pair),
    ControlRecordTypeSchema,
    EndTxnMarker,
    LeaderChangeMessage,
    SnapshotHeaderRecord,
    SnapshotFooterRecord,
    KRaftVersionRecord,
    VotersRecord,
    ConsumerProtocolSubscription,
    ConsumerProtocolAssignment,
    DefaultPrincipalData,
    AbortedTxn,
    RequestHeaderMessage,
    ResponseHeaderMessage,
)
"""Every declared message."""

TEXTS = ("", "a", "topic-1", "Größe", "日本", "\U0001f600\x00", "x" * 126, "y" * 127, "z" * 300)
LENGTHS = (0, 0, 1, 1, 1, 2, 2, 3)


def every_codec() -> list[Codec]:
    """List the codec of every version of every message."""
    return [
        message.version(version)
        for message in EVERY_MESSAGE
        for version in range(message.min_version, message.max_version + 1)
    ]


def any_message(codec: Codec, random: Random) -> dict[str, Any]:
    """Draw a value the codec can build: the fields of its version, as dicts and lists."""
    value: dict[str, Any] = any_value(codec.construct, random)
    return value


def any_value(construct: Any, random: Random) -> Any:
    """Draw a value of one resolved construct."""
    match construct:
        case Root():
            return any_value(construct.subcon, random)
        case Fields():
            return any_struct(construct, random)
        case Optional():
            return None if random.random() < 0.4 else any_value(construct.subcon, random)
        case Many():
            if construct.nullable and random.random() < 0.3:
                return None
            return [any_value(construct.element, random) for _ in range(random.choice(LENGTHS))]
        case Text():
            return any_text(construct, random)
        case FixedBytes():
            return bytes(16) if random.random() < 0.3 else random.randbytes(16)
        case Fixed():
            return any_number(construct.code, random)
    raise TypeError(f"no value for {construct!r}")


def any_struct(fields: Fields, random: Random) -> dict[str, Any]:
    """Draw all fields of a version; a tagged one is left out as often as it is drawn."""
    value = {field.name: any_value(field.subcon, random) for field in fields.fields}
    for tag in fields.tags:
        if random.random() < 0.5:
            value[tag.name] = any_value(tag.content, random)
    return value


def any_text(text: Text, random: Random) -> str | bytes | None:
    """Draw a string, bytes or records."""
    if text.nullable and random.random() < 0.3:
        return None
    if text.kind == "string":
        return random.choice(TEXTS)
    return random.randbytes(random.choice((0, 1, 3, 61, 127, 200)))


def any_number(code: str, random: Random) -> bool | int | float:
    """Draw a number by its format character."""
    if code == "?":
        return random.random() < 0.5
    if code == "d":
        return random.choice((0.0, -1.5, 1e300, float("inf"), random.random()))
    bits = 8 * struct.calcsize(">" + code)
    low, high = (0, 2**bits - 1) if code.isupper() else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    if random.random() < 0.5:
        return random.choice((low, high, max(low, -1), 0, 1, 127))
    return random.randint(low, high)


def swollen_message(codec: Codec, random: Random) -> dict[str, Any]:
    """Give a value with thousands of the smallest elements in one of its arrays.

    That is what takes the most memory for the least bytes.
    """
    paths = list(array_paths(codec.construct.subcon))
    count = random.choice((200, 2_000, 2_000, 20_000, 20_000, 100_000))
    value: dict[str, Any] = swell(codec.construct.subcon, random.choice(paths), count, random)
    return value


def array_paths(fields: Fields) -> Iterator[tuple[str, ...]]:
    """List the names that lead to each array, through what lies round it."""
    for name, content in contents_of(fields):
        inner = content.element if isinstance(content, Many) else content
        if isinstance(content, Many):
            yield (name,)
        inner = inner.subcon if isinstance(inner, Optional) else inner
        if isinstance(inner, Fields):
            for path in array_paths(inner):
                yield name, *path


def swell(fields: Fields, path: tuple[str, ...], count: int, random: Random) -> dict[str, Any]:
    """Give a smallest value in which the array at the end of the path has `count` elements.

    Now and then an array on the way has many elements too, which share those of the last.
    """
    value = {name: smallest(content) for name, content in contents_of(fields)}
    content = dict(contents_of(fields))[path[0]]
    inner = content.element if isinstance(content, Many) else content
    if len(path) == 1:
        value[path[0]] = [smallest(inner)] * count
        return value
    own = min(count, random.choice((1, 1, 10, 1_000)))
    inner = inner.subcon if isinstance(inner, Optional) else inner
    element = swell(inner, path[1:], count // own, random)
    value[path[0]] = [element] * own if isinstance(content, Many) else element
    return value


def contents_of(fields: Fields) -> list[tuple[str, Any]]:
    """List the names and constructs of all fields of a version, tagged ones too."""
    named = [(field.name, field.subcon) for field in fields.fields]
    return named + [(tag.name, tag.content) for tag in fields.tags]


def smallest(construct: Any) -> Any:
    """Give the value of the fewest bytes that is not null."""
    match construct:
        case Optional():
            return None
        case Many():
            return []
        case Fields():
            return {field.name: smallest(field.subcon) for field in construct.fields}
        case Text():
            return "" if construct.kind == "string" else b""
    return construct.zero


def plain(value: Any) -> Any:
    """Turn a parsed value into dicts, lists and bytes."""
    if isinstance(value, list):
        return [plain(element) for element in value]
    if isinstance(value, memoryview):
        return bytes(value)
    return {name: plain(value[name]) for name in value} if hasattr(value, "keys") else value


def completed(value: Any, construct: Any) -> Any:
    """Add to a drawn value the defaults of what its version lacks, at every depth."""
    match construct:
        case Root():
            return completed(value, construct.subcon)
        case Optional():
            return None if value is None else completed(value, construct.subcon)
        case Many() if value is not None:
            return [completed(element, construct.element) for element in value]
        case Fields():
            types = {field.name: field.subcon for field in construct.fields}
            types |= {tag.name: tag.content for tag in construct.tags}
            told = {name: completed(value[name], types[name]) for name in value}
            return {**plain_defaults(construct), **told}
    return value


def plain_defaults(fields: Fields) -> dict[str, Any]:
    """Give the defaults of a struct as `plain` gives values."""
    return {name: plain(default) for name, default in fields.cls.DEFAULTS.items()}
