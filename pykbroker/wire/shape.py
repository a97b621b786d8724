"""Values of messages: one slotted class per declared struct, in its newest shape.

A value has every field the struct has in any version; what its version lacks reads as the
field's default. Lists among the defaults are fresh, everything else is shared: values are read,
not changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar


class Value:
    """A decoded struct: attributes, and the same by key, as a mapping has them."""

    __slots__ = ()

    NAMES: ClassVar[frozenset[str]]
    """The names of all its fields."""

    DEFAULTS: ClassVar[Mapping[str, Any]]
    """Every field in wire order with the value it has when absent; never hand out its lists."""

    __hash__ = None  # type: ignore[assignment]

    def keys(self) -> tuple[str, ...]:
        """List the names of all fields, in wire order."""
        return tuple(self.DEFAULTS)

    def __getitem__(self, name: str) -> Any:
        if name not in self.NAMES:
            raise KeyError(name)
        return getattr(self, name)

    def __contains__(self, name: object) -> bool:
        return name in self.NAMES

    def __iter__(self) -> Iterator[str]:
        return iter(self.DEFAULTS)

    def __len__(self) -> int:
        return len(self.NAMES)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Value):
            return NotImplemented
        return self.NAMES == other.NAMES and all(self[name] == other[name] for name in self)

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={self[name]!r}" for name in self)
        return f"{type(self).__name__}({fields})"


def shape(name: str, defaults: Mapping[str, Any]) -> type[Value]:
    """Make the class of one struct's values."""
    return type(
        name,
        (Value,),
        {"__slots__": tuple(defaults), "NAMES": frozenset(defaults), "DEFAULTS": defaults},
    )


def blank(cls: type[Value]) -> Value:
    """Make a value of which every field is its default."""
    value = cls()
    for name, default in cls.DEFAULTS.items():
        setattr(value, name, [] if default == [] else default)
    return value


def complete(fields: Any, cls: type[Value]) -> dict[str, Any]:
    """Add the defaults to a struct about to be built. Raises TypeError on unknown names."""
    check_names(fields, cls)
    return {**cls.DEFAULTS, **fields}


def check_names(fields: Any, cls: type[Value]) -> None:
    """Raise TypeError if a struct about to be built has fields that its declaration lacks."""
    if not cls.NAMES.issuperset(fields):
        unknown = ", ".join(sorted(set(fields) - cls.NAMES))
        raise TypeError(f"{cls.__name__} has no field {unknown}")
