"""Addresses as a person writes them after --bootstrap-server."""

from __future__ import annotations

import pytest

from pykbroker.commands.admin.address import Address, parse_addresses


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        ("127.0.0.1:9093", (Address("127.0.0.1", 9093),)),
        ("a.example:1, b:65535", (Address("a.example", 1), Address("b", 65535))),
        ("localhost", (Address("localhost", 9092),)),
        ("[::1]:9093", (Address("::1", 9093),)),
        ("[::1]", (Address("::1", 9092),)),
        ("::1", (Address("::1", 9092),)),
    ],
)
def test_an_address_is_a_host_and_mostly_a_port(text: str, addresses: tuple[Address, ...]) -> None:
    assert parse_addresses(text) == addresses


@pytest.mark.parametrize("text", ["", "a:b", ":9092", "a:0", "a:65536", "a:1,", "a:²"])
def test_what_is_no_address_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no address; write HOST:PORT, as 127.0.0.1:9092"):
        parse_addresses(text)


def test_an_address_is_written_as_it_is_read() -> None:
    assert str(Address("::1", 9092)) == "[::1]:9092"
    assert str(Address("a", 1)) == "a:1"
