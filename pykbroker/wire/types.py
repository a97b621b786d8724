"""The protocol guide's types, as constructs to declare messages with.

A declaration says what a field is in every version at once; it neither parses nor builds. Only
`resolve` turns it, for one version, into constructs that do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from construct import Construct, FormatField, Renamed

if TYPE_CHECKING:
    from pykbroker.wire.shape import Value

STRING_BYTES_MAX: Final = 0x7FFF
"""Longest string in UTF-8 bytes, inclusive, also where the length is a varint (Kafka's readers)."""

UUID_BYTES: Final = 16


class Fixed(FormatField):
    """A number of fixed width, the same in all versions: it declares, parses and builds.

    `code` is its `struct` format character; `zero` its value when nothing is said.
    """

    def __init__(self, code: str, zero: bool | float = 0) -> None:
        super().__init__(">", code)
        self.code = code
        self.zero = zero


class FixedBytes(Construct):
    """Sixteen raw bytes (`Uuid`): it declares, parses and builds. Its zero is 16 zero bytes."""

    code: Final = f"{UUID_BYTES}s"
    length: Final = UUID_BYTES
    zero: Final = bytes(UUID_BYTES)

    def _parse(self, stream: Any, _context: Any, path: str) -> bytes:
        data: bytes = stream.read(UUID_BYTES)
        if len(data) != UUID_BYTES:
            raise EOFError(f"{path}: {len(data)} bytes of {UUID_BYTES}")
        return data

    def _build(self, obj: bytes, stream: Any, _context: Any, path: str) -> bytes:
        if len(obj) != UUID_BYTES:
            raise ValueError(f"{path}: a uuid has {UUID_BYTES} bytes, not {len(obj)}")
        stream.write(obj)
        return obj


class Sized(Construct):
    """Text or bytes behind a length of the version's form: `String`, `Bytes`, `Records`."""

    def __init__(self, kind: str, zero: str | bytes) -> None:
        super().__init__()
        self.kind = kind
        self.zero = zero


class Array(Construct):
    """Many of one type. Kafka has no arrays of arrays and no null elements."""

    def __init__(self, element: Construct) -> None:
        super().__init__()
        self.element = element


class Struct(Construct):
    """Named fields in wire order: `Struct("name" / String, "port" / Int32)`.

    One declaration is one shape of value, wherever and in whichever version it is used.
    """

    def __init__(self, *fields: Renamed) -> None:
        super().__init__()
        self.fields = fields
        self.shape: type[Value] | None = None


class Said(Construct):
    """A type with one word of `schema` said about it; they nest in any order."""

    def __init__(self, subcon: Construct, **words: Any) -> None:
        super().__init__()
        self.subcon = subcon
        self.words = words


Boolean = Fixed("?", zero=False)
Int8 = Fixed("b")
Int16 = Fixed("h")
UInt16 = Fixed("H")
Int32 = Fixed("l")
UInt32 = Fixed("L")
Int64 = Fixed("q")
Float64 = Fixed("d", zero=0.0)
Uuid = FixedBytes()
String = Sized("string", "")
Bytes = Sized("bytes", b"")
Records = Sized("records", b"")
