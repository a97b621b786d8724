"""The store of offsets keeps the last one of each partition and nothing of what was forgotten."""

from __future__ import annotations

from pykbroker.coordinator.offsets import Offsets
from pykbroker.coordinator.records import CommittedOffset, OffsetRecord

FIVE, SIX = CommittedOffset(5, commit_timestamp_ms=1000), CommittedOffset(6)


def some_offsets(*records: tuple[str, str, int, CommittedOffset | None]) -> Offsets:
    """Replay offsets by group, topic and partition."""
    offsets = Offsets()
    for group_id, topic, partition, value in records:
        offsets.replay(OffsetRecord(group_id, topic, partition, value))
    return offsets


def test_the_last_offset_of_a_partition_counts() -> None:
    offsets = some_offsets(("g", "t", 0, FIVE), ("g", "t", 0, SIX), ("g", "t", 1, FIVE))

    assert offsets.get("g", "t", 0) == SIX
    assert offsets.of("g") == {"t": {0: SIX, 1: FIVE}}


def test_groups_topics_and_partitions_are_apart() -> None:
    offsets = some_offsets(("g", "t", 0, FIVE))

    assert offsets.get("h", "t", 0) is None
    assert offsets.get("g", "u", 0) is None
    assert offsets.get("g", "t", 1) is None
    assert offsets.of("h") == {}


def test_a_tombstone_forgets_one_offset() -> None:
    offsets = some_offsets(("g", "t", 0, FIVE), ("g", "t", 1, SIX), ("g", "t", 0, None))

    assert offsets.of("g") == {"t": {1: SIX}}


def test_nothing_is_left_of_a_group_whose_offsets_are_all_forgotten() -> None:
    offsets = some_offsets(
        ("g", "t", 0, FIVE), ("g", "u", 0, FIVE), ("g", "t", 0, None), ("g", "u", 0, None)
    )

    assert list(offsets.group_ids) == []
    assert offsets == Offsets()


def test_a_tombstone_of_what_is_not_there_changes_nothing() -> None:
    offsets = some_offsets(
        ("g", "t", 0, FIVE), ("h", "t", 0, None), ("g", "u", 0, None), ("g", "t", 1, None)
    )

    assert offsets == some_offsets(("g", "t", 0, FIVE))


def test_the_groups_that_committed_are_told() -> None:
    offsets = some_offsets(("g", "t", 0, FIVE), ("h", "t", 0, FIVE), ("g", "t", 1, FIVE))

    assert list(offsets.group_ids) == ["g", "h"]


def test_no_offset_is_pending_as_there_are_no_transactions_yet() -> None:
    assert not some_offsets(("g", "t", 0, FIVE)).has_pending("g", "t", 0)
