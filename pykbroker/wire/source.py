"""Python source in the making: lines, fresh names, and the objects the lines mention."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

UNROLLED_MAX: Final = 16
"""Longest array of numbers, inclusive, read or written by a struct kept for its length."""

_structs: dict[str, struct.Struct] = {}
_tables: dict[str, tuple[struct.Struct, ...]] = {}


class Source:
    """The body of one function, generated once per codec and direction."""

    def __init__(self, **mentioned: Any) -> None:
        self.lines: list[str] = []
        self.depth = 1
        self.mentioned: dict[str, Any] = dict(mentioned)
        self._count = 0

    def line(self, text: str) -> None:
        """Add a line at the present depth."""
        self.lines.append("    " * self.depth + text)

    @contextmanager
    def block(self, header: str) -> Iterator[None]:
        """Add a header such as `if x:`; what is added inside the `with` is its body."""
        self.line(header)
        self.depth += 1
        yield
        self.depth -= 1

    def fresh(self, stem: str) -> str:
        """Give a name not used before."""
        self._count += 1
        return f"{stem}{self._count}"

    def mention(self, thing: Any, stem: str) -> str:
        """Give the name under which the lines can mention an object."""
        name = self.fresh(stem)
        self.mentioned[name] = thing
        return name

    def mention_for(self, codes: str, thing: Any, stem: str) -> str:
        """Give the name of what belongs to format characters; the same one every time."""
        name = f"{stem}_{codes.replace('?', 'Bool')}"
        self.mentioned[name] = thing
        return name

    def function(self, signature: str, label: str) -> Callable[..., Any]:
        """Compile the lines as the body of a function."""
        text = f"def {signature}:\n" + "\n".join(self.lines) + "\n"
        exec(compile(text, f"<{label}>", "exec"), self.mentioned)  # noqa: S102 - our own source
        function: Callable[..., Any] = self.mentioned[signature.partition("(")[0]]
        return function


def struct_of(codes: str) -> struct.Struct:
    """Give the big-endian struct of some format characters, always the same one."""
    if codes not in _structs:
        _structs[codes] = struct.Struct(">" + codes)
    return _structs[codes]


def structs_of_many(code: str) -> tuple[struct.Struct, ...]:
    """Give the structs of 0 to UNROLLED_MAX times one format character."""
    if code not in _tables:
        _tables[code] = tuple(struct_of(code * count) for count in range(UNROLLED_MAX + 1))
    return _tables[code]
