"""The declarations say what Apache Kafka's own definitions say (where these are at hand)."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from construct import Construct

from pykbroker.wire import types
from pykbroker.wire.messages.every import EVERY_API
from pykbroker.wire.resolve import Field, read_field
from pykbroker.wire.schema import Api, Message
from pykbroker.wire.types import Array, Struct
from tests.fuzz.rounds import ROUNDS
from tests.fuzz.values import (
    CONSUMER_OFFSETS_TABLES,
    EVERY_MESSAGE,
    RECORD_TABLES,
    any_message,
    completed,
    plain,
)
from tests.wire.kafka_definitions import DefinedField, encode, read_definitions

pytestmark = pytest.mark.kafka_definitions

DEFINITIONS = read_definitions()
TYPES = {
    "bool": types.Boolean,
    "int8": types.Int8,
    "int16": types.Int16,
    "uint16": types.UInt16,
    "int32": types.Int32,
    "uint32": types.UInt32,
    "int64": types.Int64,
    "float64": types.Float64,
    "uuid": types.Uuid,
    "string": types.String,
    "bytes": types.Bytes,
    "records": types.Records,
}
every_message = pytest.mark.parametrize("message", EVERY_MESSAGE, ids=lambda each: each.name)


def test_every_message_that_still_has_a_version_is_declared() -> None:
    assert {message.name for message in EVERY_MESSAGE} == set(DEFINITIONS)
    assert len({message.name for message in EVERY_MESSAGE}) == len(EVERY_MESSAGE)


@pytest.mark.parametrize("api", EVERY_API, ids=lambda each: each.name)
def test_an_api_has_the_key_and_name_of_its_definition(api: Api) -> None:
    request, response = DEFINITIONS[f"{api.name}Request"], DEFINITIONS[f"{api.name}Response"]

    assert (api.key, api.key) == (request.raw["apiKey"], response.raw["apiKey"])
    unstable = api.max_version if request.raw.get("latestVersionUnstable") else None
    assert api.unstable == unstable


def test_every_record_of_the_internal_topics_has_its_type() -> None:
    defined = {
        name.removesuffix("Key"): definition.raw["apiKey"]
        for name, definition in DEFINITIONS.items()
        if definition.raw["type"] == "coordinator-key"
    }

    declared = {
        key.name.removesuffix("Key"): record_type
        for table in RECORD_TABLES
        for record_type, (key, value) in table.items()
        if key.name.removesuffix("Key") == value.name.removesuffix("Value")
    }

    assert declared == defined


def test_no_two_records_of_consumer_offsets_share_a_type() -> None:
    record_types = sorted(each for table in CONSUMER_OFFSETS_TABLES for each in table)

    assert record_types == sorted(set(record_types))


@every_message
def test_a_message_has_the_versions_of_its_definition(message: Message) -> None:
    definition = DEFINITIONS[message.name]

    versions = range(message.min_version, message.max_version + 1)

    assert (versions[0], versions[-1]) == definition.versions
    assert [message.is_flexible(v) for v in versions] == [
        definition.is_flexible(v) for v in versions
    ]


@every_message
def test_a_message_has_the_fields_and_defaults_of_its_definition_in_every_version(
    message: Message,
) -> None:
    definition = DEFINITIONS[message.name]

    for version in range(message.min_version, message.max_version + 1):
        message.version(version)  # names the classes of its values
        assert declared_fields(message.fields, version) == defined_fields(
            definition.fields, version
        ), f"version {version}"


@every_message
def test_a_message_reads_and_writes_the_bytes_of_its_definition(message: Message) -> None:
    definition, random = DEFINITIONS[message.name], Random(message.name)

    for version in range(message.min_version, message.max_version + 1):
        codec = message.version(version)
        for _ in range(2 * ROUNDS):
            value = any_message(codec, random)
            data = encode(definition, version, value)

            assert codec.build(value) == data
            assert plain(codec.parse(data)) == completed(value, codec.construct)


def defined_fields(fields: tuple[DefinedField, ...], version: int) -> list[Any]:
    return [
        (
            field.name,
            field.is_array,
            defined_fields(field.fields, version) if field.fields else TYPES[field.type],
            field.nullable(version),
            field.tag(version),
            field.default(),
        )
        for field in fields
        if field.present(version)
    ]


def declared_fields(declared: Struct, version: int) -> list[Any]:
    fields = [read_field(field) for field in declared.fields]
    return [declared_field(field, version) for field in fields if field.is_in(version)]


def declared_field(field: Field, version: int) -> tuple[Any, ...]:
    is_array = isinstance(field.type, Array)
    inner: Construct = field.type.element if is_array else field.type
    content = declared_fields(inner, version) if isinstance(inner, Struct) else inner
    nullable, absent = field.is_nullable(version), plain(field.default_value(""))
    return field.name, is_array, content, nullable, field.tag, absent
