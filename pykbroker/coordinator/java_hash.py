"""Java's hash of a string, by which Kafka spreads groups and transactions over partitions."""

from __future__ import annotations

_BITS = 0xFFFF_FFFF


def java_string_hash(text: str) -> int:
    """Give Java's `String.hashCode`, from -2³¹ to 2³¹ - 1; it counts UTF-16 units."""
    units = text.encode("utf-16-be", "surrogatepass")
    value = 0
    for position in range(0, len(units), 2):
        value = (31 * value + (units[position] << 8 | units[position + 1])) & _BITS
    return value - (1 << 32) if value >> 31 else value


def partition_for(key: str, partitions: int) -> int:
    """Give the partition that keeps a key's state (`GroupCoordinatorService.partitionFor`).

    As `Utils.abs`, the smallest integer has the absolute value 0.
    """
    value = java_string_hash(key)
    return (0 if value == -(1 << 31) else abs(value)) % partitions
