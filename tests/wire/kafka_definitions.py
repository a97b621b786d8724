"""Apache Kafka's own message definitions, where a checkout of them is at hand.

They are looked for in the folder named by PYKBROKER_KAFKA_DEFINITIONS, else in `shared/protocol`
beside the checkout; the project neither has nor needs them. `encode` is a second, plain encoder
that follows them and shares nothing with the product's.
"""

from __future__ import annotations

import json
import os
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

FOLDER: Final = Path(
    os.environ.get("PYKBROKER_KAFKA_DEFINITIONS")
    or Path(__file__).resolve().parents[2].parent / "shared" / "protocol"
)
FOREVER: Final = 1 << 30
FORMATS: Final = {
    "bool": ">?", "int8": ">b", "int16": ">h", "uint16": ">H", "int32": ">i", "uint32": ">I",
    "int64": ">q", "float64": ">d",
}  # fmt: skip
NAMES: Final = {"Enable2Pc": "enable_2pc", "KRaftVersion": "kraft_version",
                "KRaftVersionFeature": "kraft_version_feature"}  # fmt: skip
"""Names whose snake_case is not mechanical."""


def snake(name: str) -> str:
    """Spell a name of Kafka's in snake_case."""
    return NAMES.get(name) or re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def bounds(text: str) -> tuple[int, int]:
    """Read `3+`, `2-5`, `4` or `none` as first and last version, inclusive."""
    if text == "none":
        return FOREVER, -1
    first, _, last = text.rstrip("+").partition("-")
    return int(first), FOREVER if text.endswith("+") else int(last or first)


def is_in(version: int, text: str | None) -> bool:
    """Tell whether a version lies in a range as the definitions write it."""
    if text is None:
        return False
    first, last = bounds(text)
    return first <= version <= last


@dataclass(frozen=True, slots=True)
class DefinedField:
    """One field as defined; `fields` are those of its struct, if it is one or an array of them."""

    raw: Mapping[str, Any]
    fields: tuple[DefinedField, ...]

    @property
    def name(self) -> str:
        """Its name in snake_case."""
        return snake(self.raw["name"])

    @property
    def is_array(self) -> bool:
        """Whether it is an array."""
        return bool(self.raw["type"].startswith("[]"))

    @property
    def type(self) -> str:
        """Its type, or that of its elements."""
        return str(self.raw["type"].removeprefix("[]"))

    def present(self, version: int) -> bool:
        """Whether the version has it."""
        return is_in(version, self.raw.get("versions", self.raw.get("taggedVersions")))

    def tag(self, version: int) -> int | None:
        """Its tag, None where it is an ordinary field."""
        return self.raw["tag"] if is_in(version, self.raw.get("taggedVersions")) else None

    def nullable(self, version: int) -> bool:
        """Whether it may be null in a version."""
        return is_in(version, self.raw.get("nullableVersions"))

    def default(self) -> Any:
        """Its value when absent; for a struct that is not null, the dict of its fields'."""
        # A literal null states nothing: Kafka's generator takes it for no default at all.
        stated = self.raw.get("default")
        if stated == "null":
            return None
        if self.is_array:
            return []
        if self.fields:
            return {field.name: field.default() for field in self.fields}
        if self.type == "string":
            return stated or ""
        if self.type in ("bytes", "records"):
            return b""
        if self.type == "uuid":
            return bytes(16)
        if self.type == "bool":
            return str(stated).lower() == "true"
        return float(stated or 0) if self.type == "float64" else int(str(stated or 0), 0)


@dataclass(frozen=True, slots=True)
class Definition:
    """One message as defined."""

    raw: Mapping[str, Any]
    fields: tuple[DefinedField, ...]

    @property
    def versions(self) -> tuple[int, int] | None:
        """First and last version, inclusive; None when the message was removed."""
        return None if self.raw["validVersions"] == "none" else bounds(self.raw["validVersions"])

    def is_flexible(self, version: int) -> bool:
        """Whether the version has compact lengths and tagged fields."""
        return is_in(version, self.raw["flexibleVersions"])


def read_definition(path: Path) -> Definition:
    """Read one file: JSON with comments to the end of the line."""
    text = re.sub(r'("(?:[^"\\]|\\.)*")|//[^\n]*', lambda match: match[1] or "", path.read_text())
    raw = json.loads(re.sub(r",(\s*[}\]])", r"\1", text))
    structs = {each["name"]: each["fields"] for each in raw.get("commonStructs", [])}

    def field(each: Mapping[str, Any]) -> DefinedField:
        inner = each.get("fields") or structs.get(each["type"].removeprefix("[]"), [])
        return DefinedField(each, tuple(field(one) for one in inner))

    return Definition(raw, tuple(field(each) for each in raw.get("fields", [])))


def read_definitions() -> dict[str, Definition]:
    """Read every message that still has a version, by name; nothing where the folder is absent."""
    every = [read_definition(path) for path in sorted(FOLDER.glob("*/*.json"))]
    return {each.raw["name"]: each for each in every if each.versions is not None}


def varint(number: int) -> bytes:
    """Encode an unsigned varint."""
    head, number = number & 0x7F, number >> 7
    return bytes([head | 0x80]) + varint(number) if number else bytes([head])


def encode(definition: Definition, version: int, value: Mapping[str, Any]) -> bytes:
    """Encode a message in one version; missing fields have their defaults."""
    return encode_struct(definition.fields, version, definition.is_flexible(version), value)


def encode_struct(
    fields: tuple[DefinedField, ...], version: int, flexible: bool, value: Mapping[str, Any]
) -> bytes:
    """Encode the fields of a version in their order, then the tagged ones by their tags."""
    plain, tagged = [], []
    for field in fields:
        if not field.present(version):
            continue
        content = value.get(field.name, field.default())
        if (tag := field.tag(version)) is None:
            plain.append(encode_field(field, version, flexible, content, in_tag=False))
        elif filled(content, field) != filled(field.default(), field):
            tagged.append((tag, encode_field(field, version, flexible, content, in_tag=True)))
    if flexible:
        plain.append(varint(len(tagged)))
        plain += [varint(tag) + varint(len(data)) + data for tag, data in sorted(tagged)]
    return b"".join(plain)


def filled(value: Any, field: DefinedField) -> Any:
    """Fill in the defaults of a struct, so that two ways to write it compare equal."""
    if isinstance(value, Mapping):
        return {one.name: filled(value.get(one.name, one.default()), one) for one in field.fields}
    return value


def encode_field(
    field: DefinedField, version: int, flexible: bool, value: Any, *, in_tag: bool
) -> bytes:
    """Encode one field with what says that it is null, or how long it is."""
    nullable = field.nullable(version)
    assert value is not None or nullable, f"{field.name} is null in version {version}"
    flexible = flexible and is_in(version, field.raw.get("flexibleVersions", "0+"))
    if field.is_array:
        if value is None:
            return length(-1, ">i", flexible)
        elements = [encode_one(field, version, flexible, each) for each in value]
        return length(len(elements), ">i", flexible) + b"".join(elements)
    if field.fields and nullable:
        marks = (b"\x00", b"\x01") if in_tag else (b"\xff", b"\x01")
        return marks[0] if value is None else marks[1] + encode_one(field, version, flexible, value)
    return encode_one(field, version, flexible, value)


def encode_one(field: DefinedField, version: int, flexible: bool, value: Any) -> bytes:
    """Encode a value or an element."""
    if field.fields:
        return encode_struct(field.fields, version, flexible, value)
    if field.type == "uuid":
        return bytes(value)
    if field.type not in FORMATS:
        prefix = ">h" if field.type == "string" else ">i"
        if value is None:
            return length(-1, prefix, flexible)
        data = value.encode() if isinstance(value, str) else bytes(value)
        return length(len(data), prefix, flexible) + data
    return struct.pack(FORMATS[field.type], value)


def length(number: int, prefix: str, flexible: bool) -> bytes:
    """Encode a length, -1 for null."""
    return varint(number + 1) if flexible else struct.pack(prefix, number)
