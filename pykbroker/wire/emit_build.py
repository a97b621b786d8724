"""Writes the function that builds one version of a message, from its resolved constructs.

Chunks are appended to a list and joined once; records stay the objects they are, between them.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, Final

from construct import Construct

from pykbroker.wire import varint
from pykbroker.wire.resolved import Fields, Many, Optional, Root, Tag, Text
from pykbroker.wire.shape import check_names, complete
from pykbroker.wire.source import UNROLLED_MAX, Source, struct_of, structs_of_many
from pykbroker.wire.types import UUID_BYTES, Fixed, FixedBytes

_ZERO_BYTE: Final = ("x", "")


def emit_build(root: Root, *, has_records: bool) -> Callable[..., Any]:
    """Write `build_message(value)`: it returns bytes or, with records, the list of segments."""
    source = Source(
        ONE_BYTE=varint.ONE_BYTE,
        unsigned_varint=varint.unsigned_varint,
        string_varint=varint.string_varint,
        complete=complete,
        check_names=check_names,
        wrong_uuid=_wrong_uuid,
        pack=struct.pack,
    )
    builder = _Builder(source)
    source.line("out = []")
    if has_records:
        source.line("segments = []")
    builder.value(root.subcon, "value")
    builder.flush()
    if has_records:
        with source.block("if out:"):
            source.line("segments.append(b''.join(out))")
        source.line("return segments")
    else:
        source.line("return b''.join(out)")
    return source.function("build_message(value)", f"build {root.label}")


def _wrong_uuid(uuid: bytes) -> None:
    raise ValueError(f"a uuid has {UUID_BYTES} bytes, not {len(uuid)}")


class _Builder:
    """Walks the tree; adjacent fixed-width writes wait in `run` and become one pack."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.out = "out"
        self.run: list[tuple[str, str]] = []

    def value(self, construct: Construct, given: str) -> None:
        """Write the value of a local name."""
        if isinstance(construct, Fixed):
            self.run.append((construct.code, given))
        elif isinstance(construct, FixedBytes):
            with self.source.block(f"if len({given}) != {UUID_BYTES}:"):
                self.source.line(f"wrong_uuid({given})")
            self.run.append((construct.code, given))
        elif isinstance(construct, Text):
            self.text(construct, given)
        elif isinstance(construct, Many):
            self.array(construct, given)
        elif isinstance(construct, Optional):
            self.optional(construct, given)
        else:
            self.fields(construct, given)

    def flush(self, *more: tuple[str, str]) -> None:
        """Write what waits, then `more`."""
        run, self.run = [*self.run, *more], []
        codes = "".join(code for code, _ in run)
        if codes.strip("x"):
            name = self.source.mention_for(codes, struct_of(codes).pack, "pack")
            given = ", ".join(expression for code, expression in run if code != "x")
            self.source.line(f"{self.out}.append({name}({given}))")
        elif codes:
            self.source.line(f"{self.out}.append({bytes(len(codes))!r})")

    def measure(self, construct: Text | Many, given: str, content: str, taken: str) -> str:
        """Take the content, an empty one for null, and write its length. Give the length's name."""
        source, length = self.source, self.source.fresh("n")
        measured = f"{length} = len({content}){' + 1' if construct.compact else ''}"
        if construct.nullable:
            with source.block(f"if {given} is None:"):
                source.line(f"{content} = b''")
                source.line(f"{length} = {0 if construct.compact else -1}")
            with source.block("else:"):
                source.line(f"{content} = {taken}")
                source.line(measured)
        else:
            if taken != content:
                source.line(f"{content} = {taken}")
            source.line(measured)
        if construct.compact:
            self.compact_length(length, construct.kind)
        else:
            self.flush((construct.length_code, length))
        return length

    def compact_length(self, length: str, kind: str) -> None:
        """Write a varint, together with what waits when it is one byte, of records also two."""
        longer = f"{'string' if kind == 'string' else 'unsigned'}_varint({length})"
        if not self.run:
            short = f"ONE_BYTE[{length}] if {length} < 128 else {longer}"
            self.source.line(f"{self.out}.append({short})")
            return
        waiting = list(self.run)
        with self.source.block(f"if {length} < 128:"):
            self.flush(("B", length))
        self.run = waiting
        if kind == "records":
            with self.source.block(f"elif {length} < 16384:"):
                self.flush(("B", f"{length} & 127 | 128"), ("B", f"{length} >> 7"))
            self.run = waiting
        with self.source.block("else:"):
            self.flush()
            self.source.line(f"{self.out}.append({longer})")

    def text(self, construct: Text, given: str) -> None:
        """Write a string, bytes or records; records that are not empty become a segment."""
        source, content = self.source, self.source.fresh("s")
        taken = f"{given}.encode()" if construct.kind == "string" else given
        length = self.measure(construct, given, content, taken)
        if construct.kind != "records":
            source.line(f"{self.out}.append({content})")
            return
        with source.block(f"if {length} > {1 if construct.compact else 0}:"):
            source.line(f"segments.append(b''.join({self.out}))")
            source.line(f"segments.append({content})")
            source.line(f"{self.out}.clear()")

    def array(self, construct: Many, given: str) -> None:
        """Write an array."""
        source, content, element = self.source, self.source.fresh("a"), construct.element
        self.measure(construct, given, content, given)
        if isinstance(element, Fixed):
            code = element.code
            packs = tuple(s.pack for s in structs_of_many(code))
            many = source.mention_for(code, packs, "many")
            short = f"{many}[len({content})](*{content})"
            longer = f"pack(f'>{{len({content})}}{code}', *{content})"
            source.line(
                f"{self.out}.append({short} if len({content}) <= {UNROLLED_MAX} else {longer})"
            )
            return
        one = source.fresh("e")
        with source.block(f"for {one} in {content}:"):
            self.value(element, one)
            self.flush()

    def optional(self, construct: Optional, given: str) -> None:
        """Write a struct behind a marker."""
        self.flush()
        with self.source.block(f"if {given} is None:"):
            null = b"\x00" if construct.in_tag else b"\xff"
            self.source.line(f"{self.out}.append({null!r})")
        with self.source.block("else:"):
            self.run.append(("B", "1"))
            self.value(construct.subcon, given)
            self.flush()

    def fields(self, construct: Fields, given: str) -> None:
        """Write a struct, looking up its fields first; what is missing sends for the defaults."""
        source = self.source
        cls, more = source.mention(construct.cls, "Value"), source.fresh("more")
        names = [(source.fresh("f"), field) for field in construct.fields]
        with source.block("try:"):
            self.look_up(names, given)
            source.line(f"{more} = len({given}) > {len(names)}")
        with source.block("except KeyError:"):
            source.line(f"{given} = complete({given}, {cls})")
            self.look_up(names, given)
            source.line(f"{more} = {bool(construct.tags)}")
        if not construct.tags:
            with source.block(f"if {more}:"):
                source.line(f"check_names({given}, {cls})")
        for name, field in names:
            self.value(field.subcon, name)
        if construct.tags:
            self.flush()
            with source.block(f"if {more}:"):
                source.line(f"{given} = complete({given}, {cls})")
                self.tags(construct.tags, given)
            with source.block("else:"):
                source.line(f"{self.out}.append({bytes(1)!r})")
        elif construct.section:
            self.run.append(_ZERO_BYTE)

    def look_up(self, names: list[tuple[str, Any]], given: str) -> None:
        """Load fields into local names."""
        for name, field in names:
            self.source.line(f"{name} = {given}[{field.name!r}]")

    def tags(self, tags: tuple[Tag, ...], given: str) -> None:
        """Write a tag section: the fields that encode otherwise than their default does."""
        source, outer = self.source, self.out
        told, count = source.fresh("told"), source.fresh("t")
        source.line(f"{told} = []")
        source.line(f"{count} = 0")
        for tag in tags:
            name, content = source.fresh("f"), source.fresh("s")
            self.out = source.fresh("out")
            source.line(f"{self.out} = []")
            source.line(f"{name} = {given}[{tag.name!r}]")
            self.value(tag.content, name)
            self.flush()
            source.line(f"{content} = b''.join({self.out})")
            with source.block(f"if {content} != {tag.default_bytes!r}:"):
                number = varint.unsigned_varint(tag.number)
                source.line(f"{told} += ({number!r}, unsigned_varint(len({content})), {content})")
                source.line(f"{count} += 1")
        self.out = outer
        source.line(f"{outer}.append(unsigned_varint({count}))")
        source.line(f"{outer} += {told}")
