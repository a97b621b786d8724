"""Reads Java's properties format, the format of server.properties (`java.util.Properties.load`).

A logical line is a key and a value parted by `=`, `:` or white space; `#` and `!` begin comment
lines; a backslash at the end joins the next line; `\\t`, `\\n`, `\\r`, `\\f` and `\\uXXXX` are
escapes and any other escaped character is itself. `a\\ b = c \\` + `d` gives {"a b": "c d"}.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pykbroker.config.property import ConfigError

_BREAK = re.compile(r"\r\n|\r|\n")
_PAIR = re.compile(
    r"(?P<key>(?:\\.|[^\\=: \t\f])*)[ \t\f]*[=:]?[ \t\f]*(?P<value>.*)",
    re.DOTALL,
)
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_ESCAPED = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}
_BLANK = " \t\f"


def parse_properties(text: str, *, source: str) -> dict[str, str]:
    """Give the properties in `text`; the last of equal keys wins.

    Raises ConfigError, naming `source` and the line, for a broken `\\u` escape.
    """
    properties: dict[str, str] = {}
    for number, line in _logical_lines(text):
        pair = _PAIR.fullmatch(line)
        assert pair is not None
        try:
            properties[_unescaped(pair["key"])] = _unescaped(pair["value"])
        except ValueError:
            raise ConfigError(
                f"{source}, line {number}: \\u needs four hexadecimal digits;"
                " write \\\\u for a backslash and a u"
            ) from None
    return properties


def render_properties(properties: dict[str, str]) -> str:
    """Give text that `parse_properties` reads back as the same properties."""
    return "".join(
        f"{_escaped(key, '=: ')}={_escaped(value)}\n" for key, value in properties.items()
    )


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Give each line that holds a property, joined and without its indent, with its number."""
    joined, start = "", 0
    for number, natural in enumerate(_BREAK.split(text), start=1):
        line = natural.lstrip(_BLANK)
        if not joined:
            start = number
            if not line or line[0] in "#!":
                continue
        joined += line
        backslashes = len(joined) - len(joined.rstrip("\\"))
        if backslashes % 2:
            joined = joined[:-1] or " "  # a blank keeps a line open that has no text yet
            continue
        if joined.strip(_BLANK):
            yield start, joined.lstrip(_BLANK)
        joined = ""
    if joined.strip(_BLANK):
        yield start, joined.lstrip(_BLANK)


def _unescaped(text: str) -> str:
    def character(escape: re.Match[str]) -> str:
        code = escape[1]
        if code[0] == "u":
            if len(code) != 5:
                raise ValueError(code)
            return chr(int(code[1:], 16))
        return _ESCAPED.get(code, code)

    return _ESCAPE.sub(character, text)


def _escaped(text: str, also: str = "") -> str:
    out = text.replace("\\", "\\\\")
    for letter, character in _ESCAPED.items():
        out = out.replace(character, f"\\{letter}")
    for character in also:
        out = out.replace(character, f"\\{character}")
    if out[:1] in (" ", "#", "!"):
        out = f"\\{out}"
    return out
