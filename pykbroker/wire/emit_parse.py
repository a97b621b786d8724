"""Writes the function that parses one version of a message, from its resolved constructs.

Every read is at `p`, a position; slices may reach behind the end and come out short, because
whatever reads next then fails, and the last line compares `p` with the end.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from construct import Construct

from pykbroker.errors import ProtocolError
from pykbroker.wire import varint
from pykbroker.wire.resolved import (
    BUDGET_ALLOWANCE_BYTES,
    BUDGET_PER_BYTE,
    FAULTS,
    Fields,
    Many,
    Optional,
    Root,
    Tag,
    Text,
    cost,
)
from pykbroker.wire.source import UNROLLED_MAX, Source, struct_of, structs_of_many
from pykbroker.wire.types import Fixed, FixedBytes


def emit_parse(root: Root, *, has_records: bool) -> Callable[..., Any]:
    """Write `parse_from(data, p) -> (value, position)` for a message."""
    source = Source(
        ProtocolError=ProtocolError,
        FAULTS=FAULTS,
        CUT_SHORT=(struct.error, IndexError),
        longer_varint=varint.longer_varint,
        longer_string_varint=varint.longer_string_varint,
        read_tag=varint.read_tag,
        read_tag_count=varint.read_tag_count,
        skip_tags=varint.skip_tags,
    )
    parser = _Parser(source, text_of="str({}, 'utf-8')" if has_records else "{}.decode()")
    with source.block("try:"):
        if has_records:
            source.line("view = memoryview(data)")
        else:
            with source.block("if data.__class__ is not bytes:"):
                source.line("data = bytes(data)")
        source.line("end = len(data)")
        source.line(f"budget = {BUDGET_ALLOWANCE_BYTES} + {BUDGET_PER_BYTE} * (end - p)")
        parser.value(root.subcon, "value", "")
        parser.flush()
        with source.block("if p > end:"):
            source.line("raise ProtocolError('cut short')")
        source.line("return value, p")
    with source.block("except CUT_SHORT:"):
        source.line(f"raise ProtocolError({f'{root.label}: cut short'!r}) from None")
    with source.block("except FAULTS as fault:"):
        source.line(f"raise ProtocolError(f{f'{root.label}: {{fault}}'!r}) from None")
    with source.block("except ProtocolError as fault:"):
        source.line(f"raise ProtocolError(f{f'{root.label}: {{fault}}'!r}) from None")
    return source.function("parse_from(data, p=0)", f"parse {root.label}")


def _path(outer: str, name: str) -> str:
    return f"{outer}.{name}" if outer else name


class _Parser:
    """Walks the tree; adjacent fixed-width reads wait in `run` and become one unpack."""

    def __init__(self, source: Source, text_of: str) -> None:
        self.source = source
        self.text_of = text_of
        self.run: list[tuple[str, str]] = []

    def value(self, construct: Construct, target: str, path: str) -> None:
        """Read one value into `target`, an assignable expression."""
        if isinstance(construct, Fixed | FixedBytes):
            self.run.append((construct.code, target))
        elif isinstance(construct, Text):
            self.text(construct, target, path)
        elif isinstance(construct, Many):
            self.array(construct, target, path)
        elif isinstance(construct, Optional):
            self.optional(construct, target, path)
        else:
            self.fields(construct, target, path)

    def flush(self) -> None:
        """Read what waits."""
        source, run, self.run = self.source, self.run, []
        codes = "".join(code for code, _ in run)
        if codes in ("B", "?"):
            test = " != 0" if codes == "?" else ""
            source.line(f"{run[0][1]} = data[p]{test}")
            source.line("p += 1")
        elif run:
            unpack = source.mention_for(codes, struct_of(codes).unpack_from, "unpack")
            targets = ", ".join(target for _, target in run)
            source.line(f"{targets}{',' if len(run) == 1 else ''} = {unpack}(data, p)")
            source.line(f"p += {struct_of(codes).size}")

    def length(self, construct: Text | Many, reader: str) -> str:
        """Read a length; compact ones stay one too high. Give its name."""
        length = self.source.fresh("n")
        self.run.append(("B" if construct.compact else construct.length_code, length))
        self.flush()
        if construct.compact:
            with self.source.block(f"if {length} > 127:"):
                if construct.kind == "records":
                    self.two_byte_varint(length)
                else:
                    self.source.line(f"{length}, p = {reader}(data, p, {length})")
        return length

    def two_byte_varint(self, length: str) -> None:
        """Read on without a call: most record batches are longer than 126 bytes."""
        byte = self.source.fresh("b")
        self.source.line(f"{byte} = data[p]")
        with self.source.block(f"if {byte} < 128:"):
            self.source.line(f"{length} += ({byte} << 7) - 128")
            self.source.line("p += 1")
        with self.source.block("else:"):
            self.source.line(f"{length}, p = longer_varint(data, p, {length})")

    def null(self, construct: Text | Many, target: str, path: str) -> None:
        """Add the branch for a null."""
        with self.source.block("else:"):
            if construct.nullable:
                self.source.line(f"{target} = None")
            else:
                self.source.line(f"raise ProtocolError({f'{path} is null'!r})")

    def text(self, construct: Text, target: str, path: str) -> None:
        """Read a string, bytes or records."""
        string = construct.kind == "string"
        length = self.length(construct, "longer_string_varint" if string else "longer_varint")
        stop = self.source.fresh("q")
        cut = {"string": self.text_of.format(f"data[p:{stop}]"), "records": f"view[p:{stop}]"}
        with self.source.block(f"if {length}:" if construct.compact else f"if {length} >= 0:"):
            self.source.line(f"{stop} = p + {length}{' - 1' if construct.compact else ''}")
            self.source.line(f"{target} = {cut.get(construct.kind, f'bytes(data[p:{stop}])')}")
            self.source.line(f"p = {stop}")
        self.null(construct, target, path)

    def array(self, construct: Many, target: str, path: str) -> None:
        """Read an array, after its claimed count was compared with bytes left and budget."""
        source = self.source
        count = self.length(construct, "longer_varint")
        with source.block(f"if {count}:" if construct.compact else f"if {count} >= 0:"):
            if construct.compact:
                source.line(f"{count} -= 1")
            with source.block(f"if {count} * {construct.element_min_bytes} > end - p:"):
                claim = f"{path}: {{{count}}} elements claimed, {{end - p}} bytes left"
                source.line(f"raise ProtocolError(f{claim!r})")
            self.charge(f"{count} * {construct.element_cost}", path)
            if isinstance(construct.element, Fixed | FixedBytes):
                self.numbers(construct.element, target, count)
            else:
                self.elements(construct.element, target, count, path)
        self.null(construct, target, path)

    def charge(self, amount: str, path: str) -> None:
        """Take from the budget."""
        self.source.line(f"budget -= {amount}")
        with self.source.block("if budget < 0:"):
            refusal = f"{path}: too many elements for the size of the message"
            self.source.line(f"raise ProtocolError({refusal!r})")

    def numbers(self, element: Fixed | FixedBytes, target: str, count: str) -> None:
        """Read an array of numbers: a short one at once, a long one without a tuple of all."""
        source, code = self.source, element.code
        unpacks = tuple(s.unpack_from for s in structs_of_many(code))
        many = source.mention_for(code, unpacks, "many")
        iterate = source.mention_for(code, struct_of(code).iter_unpack, "iterate")
        stop = source.fresh("q")
        source.line(f"{stop} = p + {count} * {element.length}")
        with source.block(f"if {count} <= {UNROLLED_MAX}:"):
            source.line(f"{target} = list({many}[{count}](data, p))")
        with source.block("else:"):
            source.line(f"{target} = [x for (x,) in {iterate}(data[p:{stop}])]")
        source.line(f"p = {stop}")

    def elements(self, element: Construct, target: str, count: str, path: str) -> None:
        """Read an array of anything else, one by one."""
        array, one = self.source.fresh("a"), self.source.fresh("e")
        self.source.line(f"{target} = {array} = []")
        with self.source.block(f"for _ in range({count}):"):
            self.value(element, one, path)
            self.flush()
            self.source.line(f"{array}.append({one})")

    def optional(self, construct: Optional, target: str, path: str) -> None:
        """Read a struct behind a marker."""
        marker = self.source.fresh("m")
        self.run.append(("B" if construct.in_tag else "b", marker))
        self.flush()
        if construct.in_tag:
            with self.source.block(f"if {marker} > 127:"):
                self.source.line(f"{marker}, p = longer_varint(data, p, {marker})")
        with self.source.block(f"if {marker}:" if construct.in_tag else f"if {marker} >= 0:"):
            self.value(construct.subcon, target, path)
            self.flush()
        with self.source.block("else:"):
            self.source.line(f"{target} = None")

    def fields(self, construct: Fields, target: str, path: str) -> None:
        """Read a struct: its value is made first, then its fields are read into it."""
        cls = self.source.mention(construct.cls, "Value")
        value = target
        if target.isidentifier():
            self.source.line(f"{target} = {cls}()")
        else:
            value = self.source.fresh("v")
            self.source.line(f"{target} = {value} = {cls}()")
        for name, default in construct.absent.items():
            given = "[]" if default == [] else self.constant(default)
            self.source.line(f"{value}.{name} = {given}")
        for field in construct.fields:
            self.value(field.subcon, f"{value}.{field.name}", _path(path, field.name))
        if construct.section:
            count = self.source.fresh("t")
            self.run.append(("B", count))
            self.flush()
            with self.source.block(f"if {count}:"):
                if construct.tags:
                    self.tags(construct.tags, value, count, path)
                else:
                    self.source.line(f"p = skip_tags(data, p, {count}, end)")

    def constant(self, default: Any) -> str:
        """Give an expression for a default that may be shared."""
        simple = default is None or isinstance(default, bool | int | str | bytes)
        return repr(default) if simple else self.source.mention(default, "default")

    def tags(self, tags: tuple[Tag, ...], value: str, count: str, path: str) -> None:
        """Read a tag section that is not empty, where some tags are known."""
        source = self.source
        number, stop = source.fresh("g"), source.fresh("q")
        source.line(f"{count}, p = read_tag_count(data, p, {count})")
        source.line(f"{number} = -1")
        with source.block(f"for _ in range({count}):"):
            source.line(f"{number}, p, {stop} = read_tag(data, p, {number}, end)")
            for tag in tags:
                tag_path = _path(path, tag.name)
                with source.block(f"if {number} == {tag.number}:"):
                    self.charge(str(cost(tag.content)), tag_path)
                    self.value(tag.content, f"{value}.{tag.name}", tag_path)
                    self.flush()
                    with source.block(f"if p != {stop}:"):
                        source.line(f"raise ProtocolError({f'{tag_path}: wrong size'!r})")
            source.line(f"p = {stop}")
