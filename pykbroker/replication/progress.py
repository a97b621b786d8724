"""How far a partition is replicated: the in-sync replicas and the high watermark. Pure.

The high watermark is the smallest end offset of the in-sync replicas and never goes back within
a leader epoch. A broker alone is the case of one replica: its own end offset is the watermark.
"""

from __future__ import annotations

from collections.abc import Iterable


class Progress:
    """The leader's view of its replicas; follows `kafka.cluster.Partition`."""

    __slots__ = ("_end_offsets", "high_watermark", "in_sync_replicas", "replicas")

    def __init__(
        self, *, replicas: Iterable[int], in_sync_replicas: Iterable[int], high_watermark: int
    ) -> None:
        self.replicas = tuple(replicas)
        self.in_sync_replicas = frozenset(in_sync_replicas)
        self.high_watermark = high_watermark
        self._end_offsets: dict[int, int] = {}

    def advance(self, replica: int, end_offset: int) -> bool:
        """Note that `replica` holds all below `end_offset`; tell whether the watermark moved."""
        self._end_offsets[replica] = end_offset
        lowest = end_offset
        for member in self.in_sync_replicas:
            known = self._end_offsets.get(member, self.high_watermark)
            lowest = min(lowest, known)
        if lowest <= self.high_watermark:
            return False
        self.high_watermark = lowest
        return True

    def has_enough_replicas(self, min_insync_replicas: int) -> bool:
        """Tell whether acks=all may be promised.

        A partition with fewer replicas than `min.insync.replicas` needs only all of them
        (`Partition.effectiveMinIsr`).
        """
        return len(self.in_sync_replicas) >= min(min_insync_replicas, len(self.replicas))
