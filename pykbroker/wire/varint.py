"""Unsigned varints as lengths, counts and tags have them: at most 5 bytes, 32 bits."""

from __future__ import annotations

from typing import Final

from pykbroker.errors import ProtocolError
from pykbroker.wire.types import STRING_BYTES_MAX

TAGS_MAX: Final = 1000
"""Most tagged fields in one section, inclusive."""

ONE_BYTE: Final = tuple(bytes([number]) for number in range(0x80))
"""The encodings of 0 to 127."""

Buffer = bytes | bytearray | memoryview


def unsigned_varint(number: int) -> bytes:
    """Encode 0 to 2**32 - 1, inclusive. Raises ValueError outside."""
    if 0 <= number < 1 << 14:
        if number < 1 << 7:
            return ONE_BYTE[number]
        return bytes((number & 0x7F | 0x80, number >> 7))
    if not 0 <= number < 1 << 32:
        raise ValueError(f"{number} does not fit an unsigned varint")
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def string_varint(length: int) -> bytes:
    """Encode the length of a string plus one. Raises ValueError for one too long."""
    if length > STRING_BYTES_MAX + 1:
        raise ValueError(f"a string has at most {STRING_BYTES_MAX} bytes, not {length - 1}")
    return unsigned_varint(length)


def longer_varint(data: Buffer, position: int, first: int) -> tuple[int, int]:
    """Read on after a first byte above 127; give the number and the position behind it.

    Raises ProtocolError if it is longer than 5 bytes or 32 bits, IndexError if data ends.
    """
    byte = data[position]
    position += 1
    number = first & 0x7F | (byte & 0x7F) << 7
    if byte < 0x80:
        return number, position
    for shift in (14, 21, 28):
        byte = data[position]
        position += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            if number >> 32:
                break
            return number, position
    raise ProtocolError("a varint of more than 32 bits")


def longer_string_varint(data: Buffer, position: int, first: int) -> tuple[int, int]:
    """Read on as `longer_varint`, for the length of a string plus one."""
    number, position = longer_varint(data, position, first)
    if number > STRING_BYTES_MAX + 1:
        raise ProtocolError(f"a string of {number - 1} bytes")
    return number, position


def read_tag_count(data: Buffer, position: int, first: int) -> tuple[int, int]:
    """Read on the number of tagged fields; give it and the position behind it."""
    count = first
    if first > 0x7F:
        count, position = longer_varint(data, position, first)
    if count > TAGS_MAX:
        raise ProtocolError(f"{count} tagged fields")
    return count, position


def read_tag(data: Buffer, position: int, previous: int, end: int) -> tuple[int, int, int]:
    """Read tag and size of a tagged field; give tag, position of its content and behind it.

    Raises ProtocolError unless the tag is above `previous` and the content ends by `end`.
    """
    tag = data[position]
    position += 1
    if tag > 0x7F:
        tag, position = longer_varint(data, position, tag)
    size = data[position]
    position += 1
    if size > 0x7F:
        size, position = longer_varint(data, position, size)
    if tag <= previous:
        raise ProtocolError(f"tag {tag} after tag {previous}")
    if position + size > end:
        raise ProtocolError(f"tag {tag} of {size} bytes, {end - position} left")
    return tag, position, position + size


def skip_tags(data: Buffer, position: int, first: int, end: int) -> int:
    """Read over a section of unknown tagged fields; give the position behind it."""
    count, position = read_tag_count(data, position, first)
    previous = -1
    for _ in range(count):
        previous, _, position = read_tag(data, position, previous, end)
    return position
