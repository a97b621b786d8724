"""The newest record of each key, in memory of a fixed size: 16 bytes tell a key, 4 its record.

As Kafka's SkimpyOffsetMap, but a key is never taken for another on purpose: digests are keyed with
a salt that no client knows, and keys of up to 15 bytes are kept as they are. Instead of offsets it
has the numbers of records within one pass, so that marks can be a byte each.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b

SLOT_BYTES = 20
NUMBER_MAX = 2**32 - 2
_PRINT_BYTES = 16
_PADDING = tuple(bytes(_PRINT_BYTES - 1 - length) + bytes((length,)) for length in range(16))


class OffsetMap:
    """Keys and the number of the newest record of each; open addressing over preallocated memory.

    Memory is touched, and so used, where keys come to lie. Numbers are from 0 to NUMBER_MAX.
    """

    __slots__ = ("_numbers", "_prints", "_salt", "_slots", "size")

    def __init__(self, slots: int, salt: bytes) -> None:
        self._slots = _prime_from(slots + 1)
        self._salt = salt
        self._prints = bytearray(self._slots * _PRINT_BYTES)
        self._numbers = memoryview(bytearray(self._slots * 4)).cast("I")
        """The number plus one; 0 where the slot is empty."""
        self.size = 0
        """How many keys there are."""

    @property
    def slots(self) -> int:
        """How many keys there may be, at ever longer searches: one slot stays empty to end them."""
        return self._slots - 1

    def put_all(self, keys: Iterable[bytes | None], first: int) -> list[int]:
        """Note that keys belong to the records `first` and following; None belongs to no key.

        Returns the numbers of the records that are not the newest of their keys any more. The
        caller sees to it that there is room for all.
        """
        superseded: list[int] = []
        prints, numbers, slots, salt = self._prints, self._numbers, self._slots, self._salt
        new = 0
        for number, key in enumerate(keys, first + 1):
            if key is None:
                continue
            length = len(key)
            if length < _PRINT_BYTES:
                mark = key + _PADDING[length]
            else:
                mark = blake2b(key, digest_size=_PRINT_BYTES, key=salt).digest()
            code = hash(mark)
            slot = code % slots
            found = numbers[slot]
            while found:
                at = slot << 4
                if prints[at : at + 16] == mark:
                    superseded.append(found - 1)
                    break
                slot = (slot + 1 + (code >> 13) % (slots - 1)) % slots
                found = numbers[slot]
            else:
                at = slot << 4
                prints[at : at + 16] = mark
                new += 1
            numbers[slot] = number
        self.size += new
        return superseded

    def find_all(self, keys: Iterable[bytes | None]) -> list[int]:
        """Return the indexes of those among `keys` that are in the map."""
        present: list[int] = []
        prints, numbers, slots, salt = self._prints, self._numbers, self._slots, self._salt
        for index, key in enumerate(keys):
            if key is None:
                continue
            length = len(key)
            if length < _PRINT_BYTES:
                mark = key + _PADDING[length]
            else:
                mark = blake2b(key, digest_size=_PRINT_BYTES, key=salt).digest()
            code = hash(mark)
            slot = code % slots
            while numbers[slot]:
                at = slot << 4
                if prints[at : at + 16] == mark:
                    present.append(index)
                    break
                slot = (slot + 1 + (code >> 13) % (slots - 1)) % slots
        return present


def _prime_from(number: int) -> int:
    """Return the first prime from `number` on: then every step of a search reaches every slot."""
    number = max(number, 3) | 1
    while not all(number % divisor for divisor in range(3, int(number**0.5) + 1, 2)):
        number += 2
    return number
