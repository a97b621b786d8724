"""The form in which answers of two brokers are compared: what each made up for itself gets a name.

- Fresh names, ids and the broker's port become `<group>`, `<group 2>`, `<id of topic>`, `<port>`.
- Ids made by the broker are numbered as they were first seen: `asker-<uuid 1>`, `<base64 id 1>`.
- A text that explains an error becomes `<text>`; null and empty stay what they are.
- Lists in answers are sorted, since brokers keep them in no order; a question's own lists are not.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterable, Mapping
from typing import Any

ZERO_ID = bytes(16)
_MADE = re.compile(
    r"(?P<uuid>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"
    r"|(?P<base64>(?<![\w-])(?=[\w-]*[A-Z0-9])[A-Za-z0-9_-]{22}(?![\w-]))"
)


class Answer(dict[str, Any]):
    """A struct of an answer."""


class Several(list[Any]):
    """An array of an answer."""


class Names:
    """What was made up during one question, by the asker and by the broker."""

    def __init__(self, port: int, known: Mapping[bytes, str]) -> None:
        self.port = port
        self._texts: dict[str, str] = {}
        self._ids: dict[bytes, str] = {ZERO_ID: "<zero id>", **known}
        self._counts: dict[str, int] = {}

    def fresh(self, kind: str) -> str:
        """Make up a name; it reads `<kind>` in the end, the second of a kind `<kind 2>`."""
        made = f"{kind}-{secrets.token_hex(6)}"
        self._texts[made] = f"<{self._numbered(kind)}>"
        return made

    def know(self, topic_id: bytes, name: str) -> None:
        """Remember a topic's id."""
        self._ids[topic_id] = f"<id of {self.readable(name).strip('<>')}>"

    def see(self, value: Any) -> None:
        """Number the ids in an answer that were not seen before."""
        if isinstance(value, dict):
            for each in value.values():
                self.see(each)
        elif isinstance(value, list):
            for each in value:
                self.see(each)
        elif isinstance(value, str) and value not in self._texts:
            for found in _MADE.finditer(value):
                self._number(found)

    def readable(self, text: str) -> str:
        """Replace whatever has a name in a text."""
        for made, name in self._texts.items():
            if made in text:
                text = text.replace(made, name)
        return text

    def readable_bytes(self, data: bytes) -> str:
        """Give a topic id and known bytes their name, and others as Python writes them."""
        if data in self._ids:
            return self._ids[data]
        if len(data) == len(ZERO_ID) and not data.isascii():
            return "<other id>"
        return self.readable(repr(bytes(data)))

    def _number(self, found: re.Match[str]) -> None:
        made = found.group()
        if made not in self._texts:
            kind = "uuid" if found.lastgroup == "uuid" else "base64 id"
            number = self._counts[kind] = self._counts.get(kind, 0) + 1
            self._texts[made] = f"<{kind} {number}>"

    def _numbered(self, kind: str) -> str:
        number = self._counts[kind] = self._counts.get(kind, 0) + 1
        return kind if number == 1 else f"{kind} {number}"


def plain(value: Any, names: Names) -> Any:
    """Give a value as JSON knows it, with names for everything that was made up."""
    match value:
        case dict():
            return {str(plain(k, names)): _field(k, v, names) for k, v in value.items()}
        case Several():
            return _in_order(plain(each, names) for each in value)
        case list() | tuple():
            return [plain(each, names) for each in value]
        case set() | frozenset():
            return _in_order(plain(each, names) for each in value)
        case bytes() | bytearray() | memoryview():
            return names.readable_bytes(bytes(value))
        case str():
            return names.readable(value)
        case _:
            return value


def _field(name: Any, value: Any, names: Names) -> Any:
    if name == "error_message" and value:
        return "<text>"
    if name == "port" and value == names.port:
        return "<port>"
    return plain(value, names)


def _in_order(values: Iterable[Any]) -> list[Any]:
    return sorted(values, key=json.dumps)
