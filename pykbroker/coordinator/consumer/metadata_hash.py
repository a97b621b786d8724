"""The hash of the topics that a group subscribes to: another hash, another target (KIP-1101).

The value is Kafka's (Utils.computeTopicHash, computeGroupHash), but where two replicas of a
partition share a rack: racks are sets here, so it is counted once.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from struct import Struct, pack

from xxhash import xxh3_64_intdigest

from pykbroker.coordinator.assignors.assignment import TopicShape
from pykbroker.coordinator.topics import Topics

NO_TOPICS_HASH = 0
"""Of a group that subscribes to no topic that exists."""
_VERSION = b"\0"
_INT32 = Struct("<i")
_UINT64 = Struct("<Q")
_SIGNED_MAX = 1 << 63


def group_hash(topic_names: Iterable[str], topics: Topics) -> int:
    """Hash those of the topics that exist; a signed 64-bit number."""
    shapes = [shape for name in sorted(topic_names) if (shape := topics.by_name.get(name))]
    if not shapes:
        return NO_TOPICS_HASH
    value = xxh3_64_intdigest(b"".join(_UINT64.pack(topic_hash(shape)) for shape in shapes))
    return value - 2 * _SIGNED_MAX if value >= _SIGNED_MAX else value


@lru_cache(maxsize=1024)
def topic_hash(shape: TopicShape) -> int:
    """Hash a topic's id, name, number of partitions and racks; unsigned."""
    parts = [
        _VERSION,
        shape.topic_id[7::-1],
        shape.topic_id[:7:-1],
        _text(shape.name),
        _INT32.pack(shape.partitions),
    ]
    for partition in range(shape.partitions):
        parts.append(_INT32.pack(partition))
        racks = shape.racks[partition] if partition < len(shape.racks) else ()
        for rack in sorted(racks):
            parts += [pack("<i", len(rack.encode("utf-16-le")) // 2), _text(rack)]
    return xxh3_64_intdigest(b"".join(parts))


def _text(text: str) -> bytes:
    """Write a string as hash4j puts one: its UTF-16 units, then how many they are."""
    units = text.encode("utf-16-le", "surrogatepass")
    return units + _INT32.pack(len(units) // 2)
