"""Values that prove themselves: who sent them, where to, and that no byte of them changed.

A value is its source (producer, sequence), padding, and a digest of both and of the partition it
was sent to under a secret of the run: what verifies was sent by this run, to there.
"""

from __future__ import annotations

import struct
from hashlib import blake2b

_SOURCE = struct.Struct(">IQ")
_DIGEST_BYTES = 16
_SEQUENCE_BITS = 40
VALUE_BYTES_MIN = _SOURCE.size + _DIGEST_BYTES

Source = int
"""Producer and sequence in one number; sequences of a producer count up per partition, from 0."""


def source_of(producer: int, sequence: int) -> Source:
    """Put producer and sequence into one number."""
    return producer << _SEQUENCE_BITS | sequence


def producer_and_sequence(source: Source) -> tuple[int, int]:
    """Take the number of `source_of` apart."""
    return source >> _SEQUENCE_BITS, source & ((1 << _SEQUENCE_BITS) - 1)


class Mint:
    """Makes the values of one run and knows them again."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def make(self, topic: str, partition: int, source: Source, padding: bytes = b"") -> bytes:
        """Return the value that `source` is to send to a partition."""
        body = _SOURCE.pack(*producer_and_sequence(source)) + padding
        return body + self._digest(topic, partition, body)

    def source(self, topic: str, partition: int, value: bytes | None) -> Source | None:
        """Tell who sent a value found in a partition; None when nobody sent it there as it is."""
        if value is None or len(value) < VALUE_BYTES_MIN:
            return None
        body = value[:-_DIGEST_BYTES]
        if value[-_DIGEST_BYTES:] != self._digest(topic, partition, body):
            return None
        return claimed_source(value)

    def _digest(self, topic: str, partition: int, body: bytes) -> bytes:
        person = struct.pack(">i", partition)
        digest = blake2b(body, digest_size=_DIGEST_BYTES, key=self._secret, person=person)
        digest.update(topic.encode())
        return digest.digest()


def claimed_source(value: bytes) -> Source:
    """Read who sent a value that is known to be whole."""
    return source_of(*_SOURCE.unpack_from(value))
