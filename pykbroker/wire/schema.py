"""The words a message is declared with, and what a declared message offers.

A declaration is read once per version, on first use; the versions' codecs are kept.
"""

from __future__ import annotations

from typing import Any

from construct import Construct

from pykbroker.wire.codec import Codec
from pykbroker.wire.types import Said, Struct

API_VERSIONS_KEY = 18


def since(first_version: int, subcon: Construct) -> Said:
    """Declare a field that exists from `first_version` on, inclusive."""
    return Said(subcon, first=first_version)


def until(last_version: int, subcon: Construct) -> Said:
    """Declare a field that exists up to `last_version`, inclusive."""
    return Said(subcon, last=last_version)


def tagged(tag: int, subcon: Construct) -> Said:
    """Declare a tagged field (KIP-482): written only when it differs from its default."""
    return Said(subcon, tag=tag)


def Nullable(subcon: Construct, since: int = 0) -> Said:  # noqa: N802 - stands among types
    """Declare a type that may be null, from version `since` on, inclusive."""
    return Said(subcon, nullable_since=since)


def default(value: Any, subcon: Construct) -> Said:
    """Declare the value of a field that is absent: only where Kafka's definition states one.

    A field without this word has its type's zero, even when nullable; a struct has the struct of
    defaults.
    """
    return Said(subcon, default=value)


def inflexible(subcon: Construct) -> Said:
    """Declare a field whose length keeps its old form in flexible versions too: client_id."""
    return Said(subcon, inflexible=True)


class Message:
    """A versioned struct outside a request: headers, records of the internal topics."""

    def __init__(
        self, name: str, fields: Struct, versions: tuple[int, int], flexible_from: int | None
    ) -> None:
        self.name = name
        self.fields = fields
        self.min_version, self.max_version = versions
        self.flexible_from = flexible_from
        self._codecs: dict[int, Codec] = {}

    def __repr__(self) -> str:
        return f"<{self.name} versions {self.min_version}-{self.max_version}>"

    def is_flexible(self, version: int) -> bool:
        """Tell whether `version` has compact lengths and tagged fields (KIP-482)."""
        return self.flexible_from is not None and version >= self.flexible_from

    def version(self, version: int) -> Codec:
        """Give the codec of one version. Raises LookupError outside the declared versions."""
        try:
            return self._codecs[version]
        except KeyError:
            pass
        if not self.min_version <= version <= self.max_version:
            raise LookupError(f"{self!r} has no version {version}")
        codec = Codec(self.name, self.fields, version, flexible=self.is_flexible(version))
        self._codecs[version] = codec
        return codec


class Api:
    """One API key: its request and response in every declared version.

    `unstable` is the first version still under development, which brokers do not offer by
    default; None when all are stable.
    """

    def __init__(
        self,
        key: int,
        name: str,
        request: Message,
        response: Message,
        unstable: int | None,
    ) -> None:
        self.key = key
        self.name = name
        self.min_version = request.min_version
        self.max_version = request.max_version
        self.flexible_from = request.flexible_from
        self.unstable = unstable
        self.request_message = request
        self.response_message = response
        self.request = request.version
        self.response = response.version
        self.is_flexible = request.is_flexible

    def __repr__(self) -> str:
        return f"<{self.name} key {self.key} versions {self.min_version}-{self.max_version}>"

    def request_header_version(self, version: int) -> int:
        """Give 2 for flexible versions, else 1."""
        return 2 if self.is_flexible(version) else 1

    def response_header_version(self, version: int) -> int:
        """Give 1 for flexible versions, else 0; always 0 for ApiVersions, which a client must be
        able to read before it knows the broker's versions (KIP-511)."""
        return 1 if self.key != API_VERSIONS_KEY and self.is_flexible(version) else 0


def api(
    key: int,
    name: str,
    *,
    versions: str,
    flexible: str,
    request: Struct,
    response: Struct,
    unstable: int | None = None,
) -> Api:
    """Declare an API: `versions="0-2"` or `"3"`, inclusive; `flexible="2+"` or `"none"`."""
    return Api(
        key,
        name,
        message(f"{name}Request", versions=versions, flexible=flexible, fields=request),
        message(f"{name}Response", versions=versions, flexible=flexible, fields=response),
        unstable,
    )


def message(name: str, *, versions: str, flexible: str, fields: Struct) -> Message:
    """Declare a message that is no request: `versions` and `flexible` as for `api`."""
    first, _, last = versions.partition("-")
    flexible_from = None if flexible == "none" else int(flexible.removesuffix("+"))
    return Message(name, fields, (int(first), int(last or first)), flexible_from)
