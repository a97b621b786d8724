"""Ids that a coordinator makes up, of random bytes in the forms that Kafka's have."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Callable

from pykbroker.errors import ErrorCode, KafkaError

RandomBytes = Callable[[int], bytes]
STRING_BYTES_MAX = 32_767
"""What a string of the protocol holds."""


def classic_member_id(prefix: str, random_bytes: RandomBytes) -> str:
    """Give a new member id: the client's id, or its instance's, a dash and a UUID.

    Raises UNKNOWN_SERVER_ERROR, as Kafka answers, where nobody could be told so long an id.
    """
    text = _uuid(random_bytes).hex()
    member_id = f"{prefix}-{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
    if len(member_id.encode()) > STRING_BYTES_MAX:
        raise KafkaError(
            ErrorCode.UNKNOWN_SERVER_ERROR, "a client or instance id leaves no room for a member id"
        )
    return member_id


def consumer_member_id(random_bytes: RandomBytes) -> str:
    """Give a new member id as Kafka's Uuid prints: 22 characters of base64, no dash in front."""
    while (text := urlsafe_b64encode(_uuid(random_bytes)).decode().rstrip("=")).startswith("-"):
        pass
    return text


def _uuid(random_bytes: RandomBytes) -> bytes:
    """Give the bytes of a UUID of version 4 (RFC 9562)."""
    number = bytearray(random_bytes(16))
    number[6] = number[6] & 0x0F | 0x40
    number[8] = number[8] & 0x3F | 0x80
    return bytes(number)
