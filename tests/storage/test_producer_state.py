"""What a log remembers of its producers, and what it refuses because of it."""

from __future__ import annotations

import struct

import pytest
from crc32c import crc32c
from hypothesis import given
from hypothesis import strategies as st

from pykbroker.errors import ErrorCode, KafkaError
from pykbroker.storage.producer_state import BatchMetadata, ProducerStates
from pykbroker.wire.records import BatchHeader

SEQUENCE_MAX = 2**31 - 1
NOW = 1_700_000_000_000


def a_batch(
    sequence: int = 0,
    *,
    count: int = 1,
    epoch: int = 0,
    offset: int = 0,
    producer_id: int = 7,
    attributes: int = 0,
    timestamp: int = NOW,
) -> BatchHeader:
    return BatchHeader(
        base_offset=offset,
        batch_length=100,
        partition_leader_epoch=0,
        magic=2,
        crc=0,
        attributes=attributes,
        last_offset_delta=count - 1,
        base_timestamp=timestamp,
        max_timestamp=timestamp,
        producer_id=producer_id,
        producer_epoch=epoch,
        base_sequence=sequence,
        records_count=count,
    )


TRANSACTIONAL, CONTROL = 0x10, 0x20


def states_after(*batches: BatchHeader) -> ProducerStates:
    states = ProducerStates()
    states.apply(batches)
    return states


def refusal_of(states: ProducerStates, batch: BatchHeader) -> ErrorCode:
    with pytest.raises(KafkaError) as caught:
        states.check(batch)
    return caught.value.code


def test_an_unknown_producer_may_begin_with_any_sequence_number() -> None:
    assert ProducerStates().check(a_batch(41)) is None


def test_the_next_sequence_number_is_accepted_and_a_gap_is_not() -> None:
    states = states_after(a_batch(0, count=5))

    assert states.check(a_batch(5)) is None
    assert refusal_of(states, a_batch(6)) is ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
    assert refusal_of(states, a_batch(4)) is ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER


def test_checking_changes_nothing() -> None:
    states = states_after(a_batch(0, count=5))

    states.check(a_batch(5, count=3, epoch=1 - 1))
    with pytest.raises(KafkaError):
        states.check(a_batch(9))

    assert states.snapshot() == states_after(a_batch(0, count=5)).snapshot()


def test_each_of_the_last_five_batches_is_known_again_and_the_sixth_is_not() -> None:
    batches = [a_batch(10 * n, count=10, offset=100 + 10 * n, timestamp=NOW + n) for n in range(6)]
    states = states_after(*batches)

    assert [states.check(batch) for batch in batches[1:]] == [
        BatchMetadata(10 * n + 9, 100 + 10 * n + 9, 9, NOW + n) for n in range(1, 6)
    ]
    assert refusal_of(states, batches[0]) is ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER


def test_a_duplicate_knows_where_it_begins() -> None:
    states = states_after(a_batch(3, count=4, offset=50))

    duplicate = states.check(a_batch(3, count=4))

    assert duplicate is not None
    assert (duplicate.first_offset, duplicate.first_sequence) == (50, 3)


def test_part_of_a_known_batch_is_no_duplicate() -> None:
    states = states_after(a_batch(0, count=4))

    assert refusal_of(states, a_batch(0, count=3)) is ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
    assert refusal_of(states, a_batch(1, count=3)) is ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER


def test_an_epoch_that_is_over_is_refused_even_for_a_repetition() -> None:
    states = states_after(a_batch(0, epoch=3), a_batch(0, epoch=4))

    assert refusal_of(states, a_batch(0, epoch=3)) is ErrorCode.INVALID_PRODUCER_EPOCH


def test_a_new_epoch_begins_with_sequence_0() -> None:
    states = states_after(a_batch(0, count=9, epoch=1))

    assert states.check(a_batch(0, epoch=2)) is None
    assert refusal_of(states, a_batch(9, epoch=2)) is ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER


def test_sequence_numbers_wrap_to_0_after_the_largest() -> None:
    states = states_after(a_batch(SEQUENCE_MAX - 1, count=2))
    assert states.check(a_batch(0)) is None

    across = a_batch(SEQUENCE_MAX - 1, count=4, offset=10)
    states = states_after(across)
    assert states.check(a_batch(2)) is None
    assert states.check(across) == BatchMetadata(1, 13, 3, NOW)


def test_after_a_marker_the_same_epoch_begins_with_sequence_0() -> None:
    states = states_after(
        a_batch(0, count=3, attributes=TRANSACTIONAL),
        a_batch(-1, attributes=TRANSACTIONAL | CONTROL, epoch=1),
    )

    assert states.check(a_batch(0, epoch=1)) is None
    assert refusal_of(states, a_batch(3, epoch=1)) is ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER


def test_outside_of_its_open_transaction_a_producer_may_not_write() -> None:
    states = states_after(a_batch(0, attributes=TRANSACTIONAL, offset=5))

    assert states.entries[7].current_txn_first_offset == 5
    assert refusal_of(states, a_batch(1)) is ErrorCode.INVALID_TXN_STATE
    assert states.check(a_batch(1, attributes=TRANSACTIONAL)) is None

    states.replay(a_batch(1, attributes=TRANSACTIONAL, offset=6))
    assert states.entries[7].current_txn_first_offset == 5
    states.replay(a_batch(-1, attributes=TRANSACTIONAL | CONTROL), coordinator_epoch=3)
    assert states.entries[7].current_txn_first_offset == -1
    assert states.entries[7].coordinator_epoch == 3


def test_a_coordinator_is_held_to_epoch_and_transaction_only() -> None:
    states = states_after(a_batch(0, epoch=2, attributes=TRANSACTIONAL))

    states.check_epoch(a_batch(-1, epoch=2, attributes=TRANSACTIONAL | CONTROL))
    states.check_epoch(a_batch(-1, producer_id=8))
    with pytest.raises(KafkaError) as caught:
        states.check_epoch(a_batch(-1, epoch=1))
    assert caught.value.code is ErrorCode.INVALID_PRODUCER_EPOCH
    with pytest.raises(KafkaError) as caught:
        states.check_epoch(a_batch(-1, epoch=2))
    assert caught.value.code is ErrorCode.INVALID_TXN_STATE


def test_batches_without_a_producer_leave_nothing() -> None:
    assert not states_after(a_batch(-1, producer_id=-1)).entries


def test_idle_producers_are_forgotten_unless_their_transaction_is_open() -> None:
    states = states_after(
        a_batch(0, producer_id=1, timestamp=NOW),
        a_batch(0, producer_id=2, timestamp=NOW + 1),
        a_batch(0, producer_id=3, timestamp=NOW, attributes=TRANSACTIONAL),
    )

    states.expire(NOW + 1000, 1000)

    assert set(states.entries) == {2, 3}


def test_a_snapshot_has_kafkas_bytes() -> None:
    states = states_after(
        a_batch(0, count=2, offset=10, epoch=3, timestamp=NOW),
        a_batch(2, count=5, offset=12, epoch=3, timestamp=NOW + 1, attributes=TRANSACTIONAL),
        a_batch(-1, producer_id=9, epoch=1, attributes=TRANSACTIONAL | CONTROL, timestamp=NOW + 2),
    )

    rows = struct.pack(">i", 2)
    rows += struct.pack(">qhiqiqiq", 7, 3, 6, 16, 4, NOW + 1, -1, 12)
    rows += struct.pack(">qhiqiqiq", 9, 1, -1, -1, 0, NOW + 2, -1, -1)
    assert states.snapshot() == struct.pack(">hI", 1, crc32c(rows)) + rows


def test_a_snapshot_keeps_the_last_batch_of_each_producer() -> None:
    states = states_after(a_batch(0, offset=3), a_batch(1, count=2, offset=4))

    loaded = ProducerStates.from_snapshot(states.snapshot())

    assert loaded.entries[7].batches == [BatchMetadata(2, 5, 1, NOW)]
    assert loaded.check(a_batch(1, count=2)) == BatchMetadata(2, 5, 1, NOW)
    assert loaded.check(a_batch(3)) is None
    assert loaded.snapshot() == states.snapshot()


def test_a_marker_survives_a_snapshot() -> None:
    states = states_after(a_batch(-1, epoch=5, attributes=TRANSACTIONAL | CONTROL))

    loaded = ProducerStates.from_snapshot(states.snapshot())

    assert loaded.entries[7].batches == []
    assert refusal_of(loaded, a_batch(0, epoch=4)) is ErrorCode.INVALID_PRODUCER_EPOCH


@pytest.mark.parametrize("position", range(56))
def test_a_damaged_snapshot_is_refused(position: int) -> None:
    damaged = bytearray(states_after(a_batch(0)).snapshot())
    damaged[position] ^= 1

    with pytest.raises(ValueError, match="snapshot"):
        ProducerStates.from_snapshot(bytes(damaged))


@pytest.mark.parametrize("size", [0, 1, 9, 10, 55])
def test_a_snapshot_that_is_cut_off_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match="snapshot"):
        ProducerStates.from_snapshot(states_after(a_batch(0)).snapshot()[:size])


def test_a_snapshot_of_a_wrong_count_is_refused() -> None:
    rows = struct.pack(">i", 3)

    with pytest.raises(ValueError, match="announces 3"):
        ProducerStates.from_snapshot(struct.pack(">hI", 1, crc32c(rows)) + rows)


@given(
    st.lists(st.tuples(st.integers(1, 3), st.integers(1, 40), st.booleans()), max_size=40),
    st.integers(0, 40),
)
def test_a_snapshot_and_the_batches_above_it_rebuild_the_state(
    steps: list[tuple[int, int, bool]], cut: int
) -> None:
    batches: list[BatchHeader] = []
    next_sequence: dict[int, int] = {}
    offset = 0
    for producer_id, count, transactional in steps:
        sequence = next_sequence.get(producer_id, 0)
        attributes = TRANSACTIONAL if transactional else 0
        batches.append(
            a_batch(
                sequence,
                count=count,
                offset=offset,
                producer_id=producer_id,
                attributes=attributes,
            )
        )
        next_sequence[producer_id] = sequence + count
        offset += count

    rebuilt = ProducerStates.from_snapshot(states_after(*batches[:cut]).snapshot())
    rebuilt.apply(batches[cut:])

    assert rebuilt.snapshot() == states_after(*batches).snapshot()


@given(st.lists(st.integers(1, 1000), min_size=1, max_size=12), st.integers(0, SEQUENCE_MAX))
def test_a_producer_that_counts_on_is_never_refused(counts: list[int], first: int) -> None:
    states = ProducerStates()
    sequence, offset = first, 0
    for count in counts:
        batch = a_batch(sequence, count=count, offset=offset)
        assert states.check(batch) is None
        states.replay(batch)
        assert states.check(batch) == states.entries[7].batches[-1]
        sequence = (sequence + count) % (SEQUENCE_MAX + 1)
        offset += count
