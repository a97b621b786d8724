"""Ways to damage bytes: what a broken or hostile peer could send instead of a message."""

from __future__ import annotations

from random import Random
from typing import Final

LENGTHS: Final = (
    b"\xff\xff\xff\xff",
    b"\x7f\xff\xff\xff",
    b"\x80\x00\x00\x00",
    b"\x3b\x9a\xca\x00",
    b"\x00\x01\x00\x00",
    b"\xff\xff",
    b"\x7f\xff",
    b"\x80\x00",
)
"""Claims of fixed width: -1, the greatest, the least, a thousand million, and some between."""

VARINTS: Final = (
    b"\x00",
    b"\x01",
    b"\x80\x00",
    b"\x80\x80\x80\x80\x00",
    b"\xff\xff\xff\xff\x07",
    b"\xff\xff\xff\xff\x0f",
    b"\xff\xff\xff\xff\x10",
    b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
    b"\x80\x94\xeb\xdc\x03",
    b"\xe9\x07",
    b"\x81\x80\x02",
)
"""Null, overlong, the greatest of 31 and of 32 bits, too long, a thousand million and some more."""


def mutated(data: bytes, random: Random, other: bytes = b"") -> bytes:
    """Damage bytes once to a few times; `other` is what pieces are spliced in from."""
    for _ in range(random.choice((1, 1, 1, 2, 3, 5))):
        data = mutated_once(data, random, other or data)
    return data


def mutated_once(data: bytes, random: Random, other: bytes) -> bytes:
    """Damage bytes in one place."""
    at = random.randrange(len(data) + 1)
    match random.randrange(9):
        case 0:
            return flipped(data, at, random)
        case 1:
            return data[:at]
        case 2:
            return data[:at] + data[at + random.randrange(1, 9) :]
        case 3:
            return data[:at] + random.randbytes(random.randrange(1, 9)) + data[at:]
        case 4:
            claim = random.choice(LENGTHS)
            return data[:at] + claim + data[at + len(claim) :]
        case 5:
            return data[:at] + random.choice(VARINTS) + data[at + 1 :]
        case 6:
            return data[:at] + random.choice(VARINTS) + data[at + random.randrange(6) :]
        case 7:
            cut = random.randrange(len(other) + 1)
            return data[:at] + other[cut : cut + random.randrange(1, 65)] + data[at:]
    return stepped(data, at, random)


def flipped(data: bytes, at: int, random: Random) -> bytes:
    """Flip one bit."""
    if at == len(data):
        return data + b"\x00"
    return data[:at] + bytes([data[at] ^ 1 << random.randrange(8)]) + data[at + 1 :]


def stepped(data: bytes, at: int, random: Random) -> bytes:
    """Make one byte a little greater or less: lengths that are off by one."""
    if at == len(data):
        return data
    return data[:at] + bytes([(data[at] + random.choice((-2, -1, 1, 2))) % 256]) + data[at + 1 :]


def swollen(data: bytes, random: Random) -> bytes:
    """Put in a claim of thousands of elements, and as many small elements as it claims."""
    at = random.randrange(len(data) + 1)
    element = random.choice((b"\x00", b"\x01", b"\x02", b"\x00\x00", b"\x01\x00", b"\x00\x02\x01"))
    count = random.choice((200, 2_000, 20_000, 100_000))
    content = element * count
    claim = random.choice((count, count // 2, len(content), len(content) // 4))
    length = claim.to_bytes(4, "big") if random.random() < 0.4 else varint(claim + 1)
    cut = at + random.choice((0, 1, 4))
    return data[:at] + length + content + data[cut:]


def varint(number: int) -> bytes:
    """Encode an unsigned varint."""
    head, number = number & 0x7F, number >> 7
    return bytes([head | 0x80]) + varint(number) if number else bytes([head])
