"""Leader epochs and their start offsets, with the answers of Kafka's LeaderEpochFileCache."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pykbroker.storage.leader_epochs import EpochEntry, LeaderEpochs


def epochs_of(*entries: tuple[int, int]) -> LeaderEpochs:
    leader_epochs = LeaderEpochs()
    for epoch, start_offset in entries:
        leader_epochs.assign(epoch, start_offset)
    return leader_epochs


def entries_of(leader_epochs: LeaderEpochs) -> list[tuple[int, int]]:
    return [(entry.epoch, entry.start_offset) for entry in leader_epochs.entries]


def test_a_log_without_records_has_no_epoch() -> None:
    leader_epochs = LeaderEpochs()

    assert leader_epochs.latest == -1
    assert leader_epochs.entries == ()
    assert leader_epochs.end_offset_for(0, 10) == (-1, -1)
    assert leader_epochs.epoch_for_offset(0) == -1


def test_an_epoch_begins_where_it_was_first_seen() -> None:
    leader_epochs = LeaderEpochs()

    assert leader_epochs.assign(2, 10)
    assert not leader_epochs.assign(2, 11)
    assert not leader_epochs.assign(2, 10)
    assert leader_epochs.entries == (EpochEntry(2, 10),)
    assert leader_epochs.latest == 2


@pytest.mark.parametrize(
    ("before", "assigned", "after"),
    [
        ([(1, 0), (2, 10)], (3, 10), [(1, 0), (3, 10)]),
        ([(1, 0), (2, 10)], (3, 5), [(1, 0), (3, 5)]),
        ([(1, 0), (2, 10)], (3, 0), [(3, 0)]),
        ([(1, 0), (2, 10)], (2, 8), [(1, 0), (2, 8)]),
        ([(1, 0), (4, 10)], (2, 12), [(1, 0), (2, 12)]),
        ([(3, 5)], (1, 7), [(1, 7)]),
    ],
)
def test_entries_that_contradict_a_new_one_are_dropped(
    before: list[tuple[int, int]], assigned: tuple[int, int], after: list[tuple[int, int]]
) -> None:
    leader_epochs = epochs_of(*before)

    assert leader_epochs.assign(*assigned)
    assert entries_of(leader_epochs) == after


@pytest.mark.parametrize(("epoch", "start_offset"), [(-1, 0), (0, -1)])
def test_negative_epochs_and_offsets_are_refused(epoch: int, start_offset: int) -> None:
    with pytest.raises(ValueError, match="cannot begin"):
        LeaderEpochs().assign(epoch, start_offset)


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        (-1, (-1, -1)),  # undefined
        (0, (0, 3)),  # older than all: the start of the log
        (1, (1, 10)),
        (2, (1, 10)),  # never led here: the one before
        (3, (3, 20)),
        (5, (5, 35)),  # the latest ends with the log
        (6, (-1, -1)),  # newer than all
    ],
)
def test_the_end_of_an_epoch_is_the_start_of_the_next(asked: int, answer: tuple[int, int]) -> None:
    assert epochs_of((1, 3), (3, 10), (5, 20)).end_offset_for(asked, 35) == answer


@pytest.mark.parametrize(
    ("offset", "epoch"), [(2, -1), (3, 1), (9, 1), (10, 3), (19, 3), (20, 5), (10**12, 5)]
)
def test_an_offset_belongs_to_the_epoch_that_began_before(offset: int, epoch: int) -> None:
    assert epochs_of((1, 3), (3, 10), (5, 20)).epoch_for_offset(offset) == epoch


@pytest.mark.parametrize(
    ("end_offset", "after", "changed"),
    [
        (21, [(1, 3), (3, 10), (5, 20)], False),
        (20, [(1, 3), (3, 10)], True),
        (11, [(1, 3), (3, 10)], True),
        (10, [(1, 3)], True),
        (0, [], True),
        (-1, [(1, 3), (3, 10), (5, 20)], False),
    ],
)
def test_truncation_drops_epochs_that_begin_at_or_above_the_end(
    end_offset: int, after: list[tuple[int, int]], changed: bool
) -> None:
    leader_epochs = epochs_of((1, 3), (3, 10), (5, 20))

    assert leader_epochs.truncate_from_end(end_offset) is changed
    assert entries_of(leader_epochs) == after


@pytest.mark.parametrize(
    ("start_offset", "after", "changed"),
    [
        (2, [(1, 3), (3, 10), (5, 20)], False),
        (3, [(1, 3), (3, 10), (5, 20)], False),
        (4, [(1, 4), (3, 10), (5, 20)], True),
        (10, [(3, 10), (5, 20)], True),
        (15, [(3, 15), (5, 20)], True),
        (99, [(5, 99)], True),
    ],
)
def test_a_raised_log_start_keeps_the_epoch_it_falls_into(
    start_offset: int, after: list[tuple[int, int]], changed: bool
) -> None:
    leader_epochs = epochs_of((1, 3), (3, 10), (5, 20))

    assert leader_epochs.truncate_from_start(start_offset) is changed
    assert entries_of(leader_epochs) == after


def test_truncating_nothing_changes_nothing() -> None:
    leader_epochs = LeaderEpochs()

    assert not leader_epochs.truncate_from_start(5)
    assert not leader_epochs.truncate_from_end(0)


def test_the_checkpoint_has_kafkas_text() -> None:
    assert epochs_of((0, 0), (4, 120)).to_checkpoint() == "0\n2\n0 0\n4 120\n"
    assert LeaderEpochs().to_checkpoint() == "0\n0\n"


@pytest.mark.parametrize("text", ["", "0\n", "0\n0\n"])
def test_a_checkpoint_without_entries_is_empty(text: str) -> None:
    assert LeaderEpochs.from_checkpoint(text).entries == ()


@pytest.mark.parametrize(
    "text", ["1\n0\n", "0\n2\n0 0\n", "0\n1\n0\n", "0\nx\n", "0\n1\na b\n", "0\n1\n-1 0\n"]
)
def test_a_damaged_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - each fault has its own words
        LeaderEpochs.from_checkpoint(text)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 30)), max_size=20))
def test_epochs_and_offsets_always_rise_and_survive_the_checkpoint(
    assigned: list[tuple[int, int]],
) -> None:
    leader_epochs = epochs_of(*assigned)

    entries = entries_of(leader_epochs)
    assert entries == sorted(set(entries))
    assert [start for _, start in entries] == sorted({start for _, start in entries})
    assert LeaderEpochs.from_checkpoint(leader_epochs.to_checkpoint()).entries == (
        leader_epochs.entries
    )


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 30)), max_size=20), st.integers(0, 30))
def test_every_offset_lies_before_the_end_of_its_epoch(
    assigned: list[tuple[int, int]], offset: int
) -> None:
    leader_epochs = epochs_of(*assigned)

    epoch = leader_epochs.epoch_for_offset(offset)

    if epoch >= 0:
        assert leader_epochs.end_offset_for(epoch, 31)[0] == epoch
        assert leader_epochs.end_offset_for(epoch, 31)[1] > offset
