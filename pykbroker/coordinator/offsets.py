"""The committed offsets of one partition's groups: what is stored, and nothing of the rules.

Changed by `replay` only. Transactions will keep their pending offsets beside these (KIP-447).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pykbroker.coordinator.records import CommittedOffset, OffsetRecord

_NONE: Mapping[str, Mapping[int, CommittedOffset]] = {}


class Offsets:
    """Offsets by group, topic and partition; no level is ever empty."""

    def __init__(self) -> None:
        self._groups: dict[str, dict[str, dict[int, CommittedOffset]]] = {}

    def replay(self, record: OffsetRecord) -> None:
        """Keep or forget one offset."""
        if record.value is not None:
            topics = self._groups.setdefault(record.group_id, {})
            topics.setdefault(record.topic, {})[record.partition] = record.value
            return
        topics = self._groups.get(record.group_id, {})
        partitions = topics.get(record.topic, {})
        partitions.pop(record.partition, None)
        if record.topic in topics and not partitions:
            del topics[record.topic]
        if record.group_id in self._groups and not topics:
            del self._groups[record.group_id]

    def get(self, group_id: str, topic: str, partition: int) -> CommittedOffset | None:
        """Give what was committed, None where nothing was."""
        return self._groups.get(group_id, _NONE).get(topic, {}).get(partition)

    def of(self, group_id: str) -> Mapping[str, Mapping[int, CommittedOffset]]:
        """Give all that a group committed, by topic and partition; empty for an unknown group."""
        return self._groups.get(group_id, _NONE)

    def has_pending(self, group_id: str, topic: str, partition: int) -> bool:
        """Whether a transaction that is open has committed this offset: none yet can be."""
        del group_id, topic, partition
        return False

    @property
    def group_ids(self) -> Iterator[str]:
        """The groups that have committed anything."""
        return iter(tuple(self._groups))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Offsets) and self._groups == other._groups

    __hash__ = None  # type: ignore[assignment]  # mutable
