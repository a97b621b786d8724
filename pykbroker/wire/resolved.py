"""Constructs of one version of a message, with no conditionals left.

They parse and build by construct's own means, slowly and plainly: the oracle of the fused codecs,
which are written from the same tree. Both keep the rules stated in `codec`.
"""

from __future__ import annotations

import struct
from typing import Any, Final, NamedTuple

from construct import Construct, ConstructError, Container, Renamed, Subconstruct
from construct import Struct as ConstructStruct

from pykbroker.errors import ProtocolError
from pykbroker.wire.shape import Value, blank, complete
from pykbroker.wire.types import STRING_BYTES_MAX, Fixed, FixedBytes
from pykbroker.wire.varint import TAGS_MAX, longer_varint, unsigned_varint

BUDGET_ALLOWANCE_BYTES: Final = 1 << 20
"""What the elements of any message may cost in memory, however small the message is."""

BUDGET_PER_BYTE: Final = 12
"""What they may cost beyond that for each byte of the message."""

FAULTS: Final = (struct.error, LookupError, ValueError, OverflowError, EOFError, ConstructError)
"""What reading bytes that are not the protocol can raise: all become ProtocolError."""

_OBJECT_COST, _SLOT_COST, _LIST_COST, _ELEMENT_COST = 32, 8, 64, 10
_COSTS: Final = {"?": 0, "16s": 64, "string": 80, "bytes": 64, "records": 208}
_NUMBER_COST = 32
TAG_SECTION: Final = "tag section"


def read_varint(stream: Any) -> int:
    """Read one unsigned varint from a stream."""
    data = stream.read(5)
    number, position = data[0], 1
    if number > 0x7F:
        number, position = longer_varint(data, 1, number)
    stream.seek(position - len(data), 1)
    return int(number)


def remaining(stream: Any) -> int:
    """Count the bytes left in an in-memory stream."""
    return len(stream.getbuffer()) - int(stream.tell())


class Lengthed(Construct):
    """A length and what it counts; null is a negative length, compact lengths are one more."""

    def __init__(self, kind: str, *, compact: bool, nullable: bool) -> None:
        super().__init__()
        self.kind = kind
        self.compact = compact
        self.nullable = nullable
        self.length_code = "h" if kind == "string" else "l"
        self.min_bytes = 1 if compact else struct.calcsize(">" + self.length_code)

    def read_length(self, stream: Any, path: str) -> int:
        """Give the length, -1 for null. Raises ProtocolError where null is not allowed."""
        if self.compact:
            length = read_varint(stream) - 1
        else:
            (length,) = struct.unpack(">" + self.length_code, stream.read(self.min_bytes))
        if length < 0 and not self.nullable:
            raise ProtocolError(f"{path} is null")
        return max(length, -1)

    def write_length(self, length: int, stream: Any, path: str) -> None:
        """Write the length, -1 for null. Raises TypeError where null is not allowed."""
        if length < 0 and not self.nullable:
            raise TypeError(f"{path} is None")
        if self.compact:
            stream.write(unsigned_varint(length + 1))
        else:
            stream.write(struct.pack(">" + self.length_code, length))


class Text(Lengthed):
    """A string, bytes or records."""

    def __init__(self, kind: str, *, compact: bool, nullable: bool) -> None:
        super().__init__(kind, compact=compact, nullable=nullable)
        self.cost = _COSTS[kind]

    def _parse(self, stream: Any, _context: Any, path: str) -> Any:
        length = self.read_length(stream, path)
        if length < 0:
            return None
        if length > remaining(stream):
            raise ProtocolError(f"{path}: {length} bytes claimed, {remaining(stream)} left")
        if self.kind != "string":
            data = stream.read(length)
            return memoryview(data) if self.kind == "records" else data
        if length > STRING_BYTES_MAX:
            raise ProtocolError(f"{path}: a string of {length} bytes")
        return stream.read(length).decode()

    def _build(self, obj: Any, stream: Any, _context: Any, path: str) -> Any:
        if obj is None:
            self.write_length(-1, stream, path)
            return obj
        data = obj.encode() if self.kind == "string" else obj
        if self.kind == "string" and len(data) > STRING_BYTES_MAX:
            raise ValueError(f"{path}: a string of {len(data)} bytes")
        self.write_length(len(data), stream, path)
        stream.write(data)
        return obj


class Many(Lengthed):
    """An array of elements that are never null."""

    def __init__(self, element: Construct, *, compact: bool, nullable: bool) -> None:
        super().__init__("array", compact=compact, nullable=nullable)
        self.element = element
        self.cost = _LIST_COST
        self.element_min_bytes = max(1, min_bytes(element))
        self.element_cost = _ELEMENT_COST + cost(element)

    def _parse(self, stream: Any, context: Any, path: str) -> Any:
        count = self.read_length(stream, path)
        if count < 0:
            return None
        if count * self.element_min_bytes > remaining(stream):
            raise ProtocolError(f"{path}: {count} elements claimed, {remaining(stream)} bytes left")
        charge(context, count * self.element_cost, path)
        return [self.element._parsereport(stream, context, path) for _ in range(count)]

    def _build(self, obj: Any, stream: Any, context: Any, path: str) -> Any:
        self.write_length(-1 if obj is None else len(obj), stream, path)
        for element in obj or ():
            self.element._build(element, stream, context, path)
        return obj


class Tag(NamedTuple):
    """A tagged field of one version."""

    number: int
    name: str
    content: Construct
    default: Any
    default_bytes: bytes


class TagSection(Construct):
    """The tagged fields that end every struct of a flexible version (KIP-482)."""

    min_bytes = 1
    cost = 0

    def __init__(self, tags: tuple[Tag, ...]) -> None:
        super().__init__()
        self.flagbuildnone = True
        self.tags = tags

    def _parse(self, stream: Any, context: Any, path: str) -> dict[str, Any]:
        known = {tag.number: tag for tag in self.tags}
        values = {}
        count, previous = read_varint(stream), -1
        if count > TAGS_MAX:
            raise ProtocolError(f"{path}: {count} tagged fields")
        for _ in range(count):
            number, size = read_varint(stream), read_varint(stream)
            if number <= previous or size > remaining(stream):
                raise ProtocolError(f"{path}: tag {number} of {size} bytes after tag {previous}")
            previous, stop = number, stream.tell() + size
            if number in known:
                tag = known[number]
                charge(context, cost(tag.content), path)
                values[tag.name] = tag.content._parsereport(stream, context, path)
                if stream.tell() != stop:
                    raise ProtocolError(f"{path}: tag {number} has not {size} bytes")
            stream.seek(stop)
        return values

    def _build(self, obj: Any, stream: Any, context: Any, _path: str) -> Any:
        contents = {tag.number: tag.content.build(context[tag.name]) for tag in self.tags}
        told = [tag for tag in self.tags if contents[tag.number] != tag.default_bytes]
        stream.write(unsigned_varint(len(told)))
        for tag in told:
            content = contents[tag.number]
            stream.write(unsigned_varint(tag.number) + unsigned_varint(len(content)) + content)
        return obj


class Fields(ConstructStruct):
    """A struct: the untagged fields of its version, then its tag section if it is flexible."""

    def __init__(self, *fields: Renamed, section: TagSection | None, cls: type[Value]) -> None:
        tail = (TAG_SECTION / section,) if section else ()
        super().__init__(*fields, *tail)
        self.fields = fields
        self.section = section
        self.cls = cls
        self.tags = section.tags if section else ()
        present = {field.name for field in fields}
        self.absent = {name: v for name, v in cls.DEFAULTS.items() if name not in present}
        self.min_bytes = sum(min_bytes(field.subcon) for field in fields) + (1 if section else 0)
        self.cost = (
            _OBJECT_COST
            + _SLOT_COST * len(cls.DEFAULTS)
            + sum(cost(field.subcon) for field in fields)
            + sum(_LIST_COST for value in self.absent.values() if value == [])
        )

    def _parse(self, stream: Any, context: Any, path: str) -> Value:
        told = super()._parse(stream, context, path)
        value = blank(self.cls)
        for name, field in {**told, **told.get(TAG_SECTION, {})}.items():
            if name not in ("_io", TAG_SECTION):
                setattr(value, name, field)
        return value

    def _build(self, obj: Any, stream: Any, context: Any, path: str) -> Any:
        super()._build(Container(complete(obj, self.cls)), stream, context, path)
        return obj


class Optional(Subconstruct):
    """A struct that may be null: a marker first, an int8 or, in a tagged field, a varint."""

    min_bytes = 1

    def __init__(self, subcon: Fields, *, in_tag: bool) -> None:
        super().__init__(subcon)
        self.in_tag = in_tag
        self.cost = subcon.cost

    def _parse(self, stream: Any, context: Any, path: str) -> Any:
        null = read_varint(stream) == 0 if self.in_tag else stream.read(1)[0] > 0x7F
        return None if null else self.subcon._parsereport(stream, context, path)

    def _build(self, obj: Any, stream: Any, context: Any, path: str) -> Any:
        if obj is None:
            stream.write(b"\x00" if self.in_tag else b"\xff")
        else:
            stream.write(b"\x01")
            self.subcon._build(obj, stream, context, path)
        return obj


class Root(Subconstruct):
    """A whole message: it sets the budget, and only ProtocolError leaves its parse."""

    def __init__(self, subcon: Fields, label: str) -> None:
        super().__init__(subcon)
        self.label = label

    def _parse(self, stream: Any, context: Any, _path: str) -> Value:
        allowed = BUDGET_ALLOWANCE_BYTES + BUDGET_PER_BYTE * remaining(stream)
        context._params["budget"] = allowed
        try:
            value: Value = self.subcon._parsereport(stream, context, self.label)
        except FAULTS as fault:
            raise ProtocolError(f"{self.label}: {fault}") from None
        return value


def charge(context: Any, amount: int, path: str) -> None:
    """Take from the message's budget. Raises ProtocolError when it is used up."""
    context._params["budget"] -= amount
    if context._params["budget"] < 0:
        raise ProtocolError(f"{path}: too many elements for the size of the message")


def min_bytes(construct: Construct) -> int:
    """Give the least encoded size of a resolved construct."""
    if isinstance(construct, Fixed | FixedBytes):
        return int(construct.length)
    return int(construct.min_bytes)


def cost(construct: Construct) -> int:
    """Estimate the bytes of memory one decoded value takes, without the elements of its arrays.

    Text counts at its fixed overhead; its characters are within four bytes per byte read.
    """
    if isinstance(construct, Fixed | FixedBytes):
        return _COSTS.get(construct.code, _NUMBER_COST)
    return int(construct.cost)
