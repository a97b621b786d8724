"""A declaration and a version become constructs of that version alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from construct import Construct, Renamed

from pykbroker.wire.resolved import Fields, Many, Optional, Root, Tag, TagSection, Text
from pykbroker.wire.shape import Value, blank, shape
from pykbroker.wire.types import Array, Fixed, FixedBytes, Said, Sized, Struct

_UNSAID: Final = object()


class Field(NamedTuple):
    """A declared field with all words about it; versions are inclusive."""

    name: str
    type: Construct
    first: int = 0
    last: float = float("inf")
    tag: int | None = None
    nullable_since: float = float("inf")
    inflexible: bool = False
    default: Any = _UNSAID

    def is_in(self, version: int) -> bool:
        """Tell whether the field exists in a version."""
        return self.first <= version <= self.last

    def is_nullable(self, version: int) -> bool:
        """Tell whether the field may be null in a version."""
        return version >= self.nullable_since

    def default_value(self, path: str) -> Any:
        """Give the value of the field when it is absent: the one declared, else the type's zero."""
        if self.default is not _UNSAID:
            return self.default
        if isinstance(self.type, Array):
            return []
        if isinstance(self.type, Struct):
            return blank(shape_of(self.type, f"{path}{_camel(self.name)}"))
        return self.type.zero


def read_field(declared: Renamed) -> Field:
    """Collect the words said about a field. Raises TypeError for what is no declaration."""
    words: dict[str, Any] = {}
    subcon = declared.subcon
    while isinstance(subcon, Said):
        words |= subcon.words
        subcon = subcon.subcon
    if not isinstance(subcon, Fixed | FixedBytes | Sized | Array | Struct):
        raise TypeError(f"{declared.name} is declared with {subcon!r}")
    return Field(declared.name, subcon, **words)


def shape_of(declared: Struct, name: str) -> type[Value]:
    """Give the class of a struct's values, made at the first call and then the same."""
    if declared.shape is None:
        fields = [read_field(field) for field in declared.fields]
        declared.shape = shape(name, {f.name: f.default_value(name) for f in fields})
    return declared.shape


class Resolver:
    """Resolves the declarations of one message in one version."""

    def __init__(self, version: int, *, flexible: bool) -> None:
        self.version = version
        self.flexible = flexible

    def fields(self, declared: Struct, name: str) -> Fields:
        """Resolve a struct; `name` is its class's, where it is not named yet."""
        cls = shape_of(declared, name)
        present = [f for f in map(read_field, declared.fields) if f.is_in(self.version)]
        plain = [f.name / self.type_of(f, name) for f in present if f.tag is None]
        section = TagSection(tuple(self.tags(present, cls, name))) if self.flexible else None
        return Fields(*plain, section=section, cls=cls)

    def tags(self, present: list[Field], cls: type[Value], name: str) -> Iterator[Tag]:
        """Resolve the tagged fields of a struct, in the order of their tags."""
        numbered = [(field.tag, field) for field in present if field.tag is not None]
        for number, field in sorted(numbered, key=lambda pair: pair[0]):
            content = self.type_of(field, name)
            default = cls.DEFAULTS[field.name]
            yield Tag(number, field.name, content, default, content.build(default))

    def type_of(self, field: Field, path: str) -> Construct:
        """Resolve the type of a field that exists in this version."""
        nullable = field.is_nullable(self.version)
        compact = self.flexible and not field.inflexible
        name = f"{path}{_camel(field.name)}"
        if isinstance(field.type, Sized):
            return Text(field.type.kind, compact=compact, nullable=nullable)
        if isinstance(field.type, Array):
            element = self.element(field.type.element, name)
            return Many(element, compact=compact, nullable=nullable)
        if isinstance(field.type, Struct):
            inner = self.fields(field.type, name)
            return Optional(inner, in_tag=field.tag is not None) if nullable else inner
        return field.type

    def element(self, declared: Construct, name: str) -> Construct:
        """Resolve the element of an array. Raises TypeError for an array of arrays or of nulls."""
        if isinstance(declared, Struct):
            return self.fields(declared, name)
        if isinstance(declared, Sized):
            return Text(declared.kind, compact=self.flexible, nullable=False)
        if isinstance(declared, Fixed | FixedBytes):
            return declared
        raise TypeError(f"{name} is an array of {declared!r}")


def resolve(declared: Struct, name: str, version: int, *, flexible: bool) -> Root:
    """Resolve a message for one version."""
    fields = Resolver(version, flexible=flexible).fields(declared, name)
    return Root(fields, f"{name} v{version}")


def _camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))
