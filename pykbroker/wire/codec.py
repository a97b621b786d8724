"""One version of a message: its resolved constructs, fused into one function per direction.

The functions are written at their first use. What they keep whatever bytes come, as `construct`
does, slowly, for tests to compare with:

- Nothing is allocated by a claimed length: content is cut from bytes that are there, and an array
  claims at most as many elements as the bytes left could hold.
- Memory: the decoded elements of all arrays together, estimated at their cost before they are
  read, may cost BUDGET_ALLOWANCE_BYTES + BUDGET_PER_BYTE * len(data). Text takes at most 4 bytes
  per byte besides, so that parsing allocates at most about 16 * len(data) + 1 MiB; an ordinary
  request of a thousand two-letter topic names costs more than 16 times its size, and passes.
- Work is linear in the bytes, without recursion; varints have at most 5 bytes, strings 32,767,
  tag sections 1,000 fields with rising tags, each exactly of its stated size.
- The only exception out of a parse is ProtocolError.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

from construct import Construct

from pykbroker.wire.emit_build import emit_build
from pykbroker.wire.emit_parse import emit_parse
from pykbroker.wire.resolve import resolve
from pykbroker.wire.resolved import Fields, Many, Optional, Root, Text
from pykbroker.wire.types import Struct
from pykbroker.wire.varint import Buffer


class Codec:
    """Parses and builds one version of one message."""

    def __init__(self, name: str, declared: Struct, version: int, *, flexible: bool) -> None:
        self.name = name
        self.version = version
        self.flexible = flexible
        self._declared = declared

    def __repr__(self) -> str:
        return f"<codec {self.name} v{self.version}>"

    @cached_property
    def construct(self) -> Root:
        """The constructs of this version, which parse and build by interpretation."""
        return resolve(self._declared, self.name, self.version, flexible=self.flexible)

    @cached_property
    def has_records(self) -> bool:
        """Whether a field of this version is record batches."""
        return _has_records(self.construct.subcon)

    @cached_property
    def parse_from(self) -> Callable[..., tuple[Any, int]]:
        """`parse_from(data, position=0) -> (value, position behind it)`; bytes may follow.

        Records are views of `data` and live as long as its owner lets them; everything else is
        copied. `data` other than bytes is copied as a whole first when the message has no
        records. Raises ProtocolError.
        """
        return emit_parse(self.construct, has_records=self.has_records)

    @cached_property
    def parse(self) -> Callable[[Buffer], Any]:
        """`parse(data) -> value`, as `parse_from`; bytes behind the message are ignored."""
        parse_from = self.parse_from

        def parse(data: Buffer) -> Any:
            return parse_from(data)[0]

        return parse

    @cached_property
    def build(self) -> Callable[[Any], bytes]:
        """`build(value) -> bytes`, of a value or of mappings; records must be bytes-like.

        Missing fields are their defaults, fields of other versions are left out. Raises TypeError
        for unknown fields, and TypeError, ValueError, AttributeError or struct.error for values
        that do not fit: bugs of the caller.
        """
        if not self.has_records:
            return self._build_message
        build_segments: Callable[[Any], list[Any]] = self._build_message

        def build(value: Any) -> bytes:
            return b"".join(build_segments(value))

        return build

    @cached_property
    def build_segments(self) -> Callable[[Any], list[Any]]:
        """`build_segments(value) -> list`, as `build`: records as they are between joined bytes.

        Records that are empty or null are no segment.
        """
        build_message = self._build_message
        return build_message if self.has_records else lambda value: [build_message(value)]

    @cached_property
    def _build_message(self) -> Callable[[Any], Any]:
        return emit_build(self.construct, has_records=self.has_records)


def _has_records(construct: Construct) -> bool:
    match construct:
        case Text():
            return construct.kind == "records"
        case Many():
            return _has_records(construct.element)
        case Optional():
            return _has_records(construct.subcon)
        case Fields():
            return any(_has_records(field.subcon) for field in construct.fields)
    return False
