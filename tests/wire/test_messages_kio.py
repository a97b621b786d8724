"""Every request and response has the same bytes as kio, an independent codec, gives it.

Values are drawn from kio's own classes, so that neither our declarations nor our codec take part
in choosing them. kio speaks of durations, times, error codes and uuids where Kafka has numbers
and bytes: `as_ours` translates.
"""

from __future__ import annotations

import io
import types
from collections.abc import Iterator
from dataclasses import Field, fields, is_dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Final, get_args, get_origin
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from kio.index import load_payload_module
from kio.schema.errors import ErrorCode
from kio.schema.index import api_key_map, schema_name_map
from kio.serial import entity_reader, entity_writer
from kio.static.constants import EntityType

from pykbroker.wire.codec import Codec
from pykbroker.wire.messages.every import EVERY_API
from pykbroker.wire.resolved import Fields, Many, Optional
from tests.fuzz.rounds import ROUNDS
from tests.fuzz.values import TEXTS, completed, plain

SIDES: Final[dict[Any, str]] = {EntityType.request: "request", EntityType.response: "response"}
UNKNOWN_TO_KIO: Final = {"StreamsGroupTopologyDescriptionUpdate", "UnregisterController"}
OUR_NAMES: Final = {
    "acceptable_recovery_lag": "acceptable_recovery_lag_legacy",
    "enable2_pc": "enable_2pc",
    "generation_id": "generation_id_or_member_epoch",
    "id_": "id",
    "k_raft_version_feature": "kraft_version_feature",
}
"""Names kio spells otherwise, or has from before Kafka renamed them."""
MS: Final = timedelta(milliseconds=1)
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def every_shared_version() -> Iterator[Any]:
    """List the codecs of ours of which kio has the same version."""
    for api in EVERY_API:
        known = schema_name_map.get(api_key_map.get(api.key, ""), {})
        for version in range(api.min_version, api.max_version + 1):
            for entity, side in SIDES.items():
                if entity in known.get(version, {}):
                    codec = getattr(api, side)(version)
                    module = load_payload_module(api.key, version, entity)
                    theirs = getattr(module, f"{api.name}{side.capitalize()}")
                    yield pytest.param(codec, theirs, id=f"{api.name}-{version}-{side}")


SHARED: Final = list(every_shared_version())


def test_kio_lacks_only_what_is_newer_than_it() -> None:
    known = {parameter.id.split("-")[0] for parameter in SHARED}

    assert {api.name for api in EVERY_API} - known <= UNKNOWN_TO_KIO


@pytest.mark.parametrize(("codec", "theirs"), SHARED)
def test_a_message_has_the_bytes_kio_gives_it(codec: Codec, theirs: Any) -> None:
    write, read = entity_writer(theirs), entity_reader(theirs)

    @settings(
        max_examples=2 * ROUNDS,
        deadline=None,
        database=None,
        derandomize=ROUNDS == 1,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(values_of(theirs))
    def compare(value: Any) -> None:
        buffer = io.BytesIO()
        write(buffer, value)
        data, ours = buffer.getvalue(), as_ours(value, codec.construct.subcon)

        parsed = codec.parse(data)

        assert plain(parsed) == completed(ours, codec.construct)
        assert codec.build(parsed) == data
        assert codec.build(ours) == data
        assert read(codec.build(ours), 0)[0] == value

    compare()


@cache
def values_of(theirs: type) -> st.SearchStrategy[Any]:
    """Draw instances of one of kio's classes."""
    return st.builds(theirs, **{field.name: field_values(field) for field in fields(theirs)})


def field_values(field: Field[Any]) -> st.SearchStrategy[Any]:
    """Draw values of one field: what may be null often is, arrays are short."""
    inner, nullable = without_none(field.type)
    if get_origin(inner) is tuple:
        element = without_none(get_args(inner)[0])[0]
        several = st.lists(one_value(field, element, nullable=False), max_size=2).map(tuple)
        return st.one_of(st.none(), several) if nullable else several
    return one_value(field, inner, nullable=nullable)


def without_none(declared: Any) -> tuple[Any, bool]:
    """Split a type into itself without None, and whether that was there."""
    if isinstance(declared, types.UnionType) or get_origin(declared) is not None:
        others = [each for each in get_args(declared) if each is not types.NoneType]
        if len(others) == 1 and len(get_args(declared)) == 2 and get_origin(declared) is not tuple:
            return others[0], True
    return declared, False


def one_value(field: Field[Any], inner: Any, *, nullable: bool) -> st.SearchStrategy[Any]:
    """Draw a value or an element. What kio calls no uuid is Kafka's zero, no time its -1."""
    kind = field.metadata.get("kafka_type")
    strategy = PRIMITIVES[kind] if kind else values_of(inner)
    return st.one_of(st.none(), strategy) if nullable else strategy


def integers(bits: int) -> st.SearchStrategy[int]:
    """Draw signed integers of a width."""
    return st.integers(-(1 << bits - 1), (1 << bits - 1) - 1)


PRIMITIVES: Final[dict[str, st.SearchStrategy[Any]]] = {
    "bool": st.booleans(),
    "int8": integers(8),
    "int16": integers(16),
    "uint16": st.integers(0, 0xFFFF),
    "int32": integers(32),
    "int64": integers(64),
    "float64": st.floats(allow_nan=False),
    "string": st.one_of(st.sampled_from(TEXTS), st.text(max_size=20)),
    "bytes": st.binary(max_size=200),
    "records": st.binary(max_size=200),
    "uuid": st.uuids(),
    "error_code": st.sampled_from(ErrorCode),
    "timedelta_i32": integers(32).map(lambda ms: ms * MS),
    "timedelta_i64": integers(42).map(lambda ms: ms * MS),
    "datetime_i64": st.integers(0, 1 << 42).map(lambda ms: EPOCH + ms * MS),
}


def as_ours(value: Any, fields_: Fields) -> dict[str, Any]:
    """Translate an instance of kio's; both must have exactly the same fields in this version."""
    contents = {field.name: field.subcon for field in fields_.fields}
    contents |= {tag.name: tag.content for tag in fields_.tags}
    names = {field: our_name(field.name, contents) for field in fields(value)}
    assert sorted(names.values()) == sorted(contents)
    return {
        name: our_value(getattr(value, field.name), contents[name], field)
        for field, name in names.items()
    }


def our_name(name: str, ours: dict[str, Any]) -> str:
    """Give our name of a field: kio leaves the unit out where the type has it."""
    return name if name in ours else OUR_NAMES.get(name, f"{name}_ms")


def our_value(value: Any, construct: Any, field: Field[Any]) -> Any:
    """Translate one value, of a field or of an array."""
    match value:
        case tuple():
            return [our_value(element, construct.element, field) for element in value]
        case None:
            absent = {"uuid": bytes(16), "datetime_i64": -1}
            is_array = isinstance(construct, Many)
            return None if is_array else absent.get(field.metadata.get("kafka_type", ""))
        case UUID():
            return value.bytes
        case ErrorCode():
            return value.value
        case datetime():
            return (value - EPOCH) // MS
        case timedelta():
            return value // MS
    if is_dataclass(value):
        return as_ours(value, construct.subcon if isinstance(construct, Optional) else construct)
    return value
