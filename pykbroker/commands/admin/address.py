"""Addresses of brokers as a person writes them: HOST:PORT, with commas between several."""

from __future__ import annotations

from typing import NamedTuple

DEFAULT_PORT = 9092
"""Taken when only a host is written; the port that brokers listen on unless told otherwise."""

_PORT_MAX = 65_535


class Address(NamedTuple):
    """Where a broker listens; an IPv6 host is without brackets."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_addresses(text: str) -> tuple[Address, ...]:
    """Read `HOST:PORT,…`. Raises ValueError with a sentence saying what to write."""
    return tuple(_address(each.strip()) for each in text.split(","))


def _address(text: str) -> Address:
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        port = rest.removeprefix(":")
    elif text.count(":") > 1:  # an IPv6 address without a port
        host, port = text, ""
    else:
        host, _, port = text.partition(":")
    is_port = port.isascii() and port.isdecimal() and 0 < int(port) <= _PORT_MAX
    if not host or (port and not is_port):
        raise ValueError(f"{text!r} is no address; write HOST:PORT, as 127.0.0.1:{DEFAULT_PORT}")
    return Address(host, int(port) if port else DEFAULT_PORT)
