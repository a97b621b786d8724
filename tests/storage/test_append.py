"""Preparing batches: offsets, timestamps, codecs, duplicates, and the batches of a leader."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pykbroker.errors import ErrorCode, KafkaError
from pykbroker.storage.append import Duplicate, Origin, Prepared, prepare
from pykbroker.storage.log_config import LogConfig
from pykbroker.storage.producer_state import ProducerStates
from pykbroker.wire.compression import GZIP, LZ4, NAMES, NONE, SNAPPY, ZSTD, compress
from pykbroker.wire.records import (
    NewRecord,
    Record,
    assemble,
    build_batch,
    crc_of,
    iterate_records,
    parse_batch_header,
)

NOW = 1_700_000_000_000
TWO: list[NewRecord] = [(NOW - 5, b"k", b"one", (("h", b"1"),)), (NOW - 2, b"l", b"two", ())]
APPEND_TIME = LogConfig(message_timestamp_type=1)


def prepared(
    batch: bytes | bytearray | memoryview,
    *,
    config: LogConfig | None = None,
    producers: ProducerStates | None = None,
    next_offset: int = 100,
    origin: Origin = Origin.CLIENT,
) -> Prepared:
    result = prepare(
        memoryview(batch),
        config=config or LogConfig(),
        producers=producers or ProducerStates(),
        next_offset=next_offset,
        leader_epoch=7,
        now_ms=NOW,
        origin=origin,
    )
    assert isinstance(result, Prepared)
    return result


def refusal_of(batch: bytes, origin: Origin = Origin.CLIENT, **config: int) -> ErrorCode:
    with pytest.raises(KafkaError) as caught:
        prepared(batch, origin=origin, config=LogConfig(**config))  # type: ignore[arg-type]
    return caught.value.code


def read(result: Prepared) -> list[Record]:
    assert crc_of(result.batches) == result.header.crc
    return list(iterate_records(result.batches))


def test_a_batch_gets_the_next_offsets_and_the_leaders_epoch() -> None:
    result = prepared(build_batch(TWO, leader_epoch=0))

    assert bytes(result.batches) == build_batch(TWO, base_offset=100, leader_epoch=7)
    assert result == Prepared(
        headers=(parse_batch_header(result.batches),),
        batches=result.batches,
        first_offset=100,
        last_offset=101,
        max_timestamp=NOW - 2,
        offset_of_max_timestamp=101,
        log_append_time_ms=-1,
        producer_update=(),
    )
    assert result.header == result.headers[0]


def test_a_writable_batch_is_patched_in_place_and_another_copied() -> None:
    writable = bytearray(build_batch(TWO))
    fixed = build_batch(TWO)

    assert bytes(prepared(writable).batches) == bytes(writable)
    assert bytes(writable) == bytes(prepared(fixed).batches)
    assert fixed == build_batch(TWO)


def test_an_incomplete_batch_at_the_end_is_left_out() -> None:
    batch = build_batch(TWO)

    for tail in (b"!", batch[:60], batch[:-1]):
        assert len(prepared(batch + tail).batches) == len(batch)


def test_log_append_time_is_the_brokers() -> None:
    result = prepared(build_batch(TWO), config=APPEND_TIME)

    assert (result.max_timestamp, result.log_append_time_ms) == (NOW, NOW)
    assert (result.header.timestamp_type, result.header.max_timestamp) == (1, NOW)
    assert {record.timestamp for record in read(result)} == {NOW}


@pytest.mark.parametrize("codec", [NONE, GZIP])
def test_log_append_time_said_by_a_producer_is_cleared_where_the_topic_has_create_time(
    codec: int,
) -> None:
    batch = build_batch([(NOW - 5, b"k", b"v", ())], codec=codec, timestamp_type=1)
    stamped = assemble(parse_batch_header(batch)._replace(max_timestamp=NOW - 3), batch[61:])

    result = prepared(stamped)

    assert (result.header.timestamp_type, result.header.max_timestamp) == (0, NOW - 3)
    assert result.log_append_time_ms == -1
    assert result.header.crc == crc_of(memoryview(result.batches))


def test_log_append_time_takes_any_timestamp_of_the_producer() -> None:
    ancient = build_batch([(5, None, b"v", ()), (2**60, None, b"v", ())])

    assert prepared(ancient, config=APPEND_TIME).max_timestamp == NOW


def test_log_append_time_is_noted_even_when_the_producer_guessed_it() -> None:
    result = prepared(build_batch([(NOW, None, b"v", ())]), config=APPEND_TIME)

    assert (result.header.timestamp_type, result.header.max_timestamp) == (1, NOW)


def test_a_wrong_largest_timestamp_is_corrected() -> None:
    batch = build_batch(TWO)
    lying = assemble(parse_batch_header(batch)._replace(max_timestamp=NOW + 1), batch[61:])

    result = prepared(lying)

    assert bytes(result.batches) == build_batch(TWO, base_offset=100, leader_epoch=7)


@pytest.mark.parametrize(
    ("timestamps", "largest"), [([-1, -1], -1), ([-9, -5], -1), ([-1, NOW], NOW), ([0], 0)]
)
def test_the_largest_timestamp_is_at_least_minus_1(timestamps: list[int], largest: int) -> None:
    batch = build_batch([(timestamp, None, b"v", ()) for timestamp in timestamps])

    result = prepared(batch)

    assert (result.max_timestamp, result.header.max_timestamp) == (largest, largest)


@pytest.mark.parametrize("codec", [GZIP, SNAPPY, LZ4, ZSTD])
def test_what_the_producer_compressed_stays_as_it_is(codec: int) -> None:
    batch = build_batch(TWO * 50, codec=codec)

    assert bytes(prepared(batch).batches[61:]) == batch[61:]
    same = LogConfig(compression_type=NAMES[codec])
    assert bytes(prepared(batch, config=same).batches[61:]) == batch[61:]


@pytest.mark.parametrize("target", ["uncompressed", "gzip", "snappy", "lz4", "zstd"])
@pytest.mark.parametrize("codec", [NONE, GZIP, SNAPPY, LZ4, ZSTD])
def test_the_topics_compression_type_wins(codec: int, target: str) -> None:
    config = LogConfig(compression_type=target)
    batch = build_batch(TWO * 50, codec=codec, producer_id=5, producer_epoch=1, base_sequence=9)

    result = prepared(batch, config=config)

    assert result.header.compression == config.target_codec
    assert result.header == parse_batch_header(batch)._replace(
        base_offset=100,
        batch_length=len(result.batches) - 12,
        partition_leader_epoch=7,
        attributes=config.target_codec,
        crc=result.header.crc,
    )
    assert read(result) == [Record(100 + n, *row) for n, row in enumerate(TWO * 50)]


def test_a_recompressed_batch_must_fit_as_well() -> None:
    batch = build_batch([(NOW, None, bytes(10_000), ())], codec=GZIP)

    with pytest.raises(KafkaError) as caught:
        prepared(batch, config=LogConfig(compression_type="uncompressed", max_message_bytes=9_000))
    assert caught.value.code is ErrorCode.MESSAGE_TOO_LARGE


def misplaced(codec: int) -> bytes:
    """A batch whose records all say that they are the first (old clients compress so)."""
    one = build_batch([(NOW - 5, b"k", b"v", ())])
    payload = one[61:] * 3
    header = parse_batch_header(one)._replace(
        attributes=codec, last_offset_delta=2, records_count=3
    )
    return assemble(header, compress(codec, payload))


@pytest.mark.parametrize("codec", [NONE, GZIP])
def test_records_are_numbered_anew_when_their_offsets_are_wrong(codec: int) -> None:
    result = prepared(misplaced(codec))

    assert result.header.compression == codec
    assert read(result) == [Record(100 + n, NOW - 5, b"k", b"v", ()) for n in range(3)]
    assert (result.last_offset, result.max_timestamp) == (102, NOW - 5)


def test_a_batch_larger_than_a_segment_is_refused() -> None:
    batch = build_batch(TWO)

    assert refusal_of(batch, segment_bytes=len(batch) - 1) is ErrorCode.RECORD_LIST_TOO_LARGE
    assert prepared(batch, config=LogConfig(segment_bytes=len(batch)))


def idempotent(sequence: int, *, epoch: int = 0, transactional: bool = False) -> bytes:
    return build_batch(
        TWO,
        producer_id=5,
        producer_epoch=epoch,
        base_sequence=sequence,
        transactional=transactional,
    )


def test_a_repetition_is_answered_with_the_original() -> None:
    producers = ProducerStates()
    first = prepared(idempotent(0), producers=producers)
    producers.apply(first.producer_update)
    producers.apply(prepared(idempotent(2), producers=producers, next_offset=102).producer_update)

    again = bytearray(idempotent(0))
    result = prepare(
        memoryview(again),
        config=LogConfig(),
        producers=producers,
        next_offset=104,
        leader_epoch=8,
        now_ms=NOW,
        origin=Origin.CLIENT,
    )

    assert result == Duplicate(first_offset=100, last_offset=101, log_append_time_ms=NOW - 2)
    assert bytes(again) == idempotent(0)  # nothing was patched


def test_the_producers_update_is_the_final_header() -> None:
    result = prepared(idempotent(0))

    assert result.producer_update == (result.header,)


@pytest.mark.parametrize(
    ("sequence", "epoch", "code"),
    [
        (3, 1, ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER),
        (2, 0, ErrorCode.INVALID_PRODUCER_EPOCH),
        (2, 2, ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER),
    ],
)
def test_gaps_and_past_epochs_of_a_producer_are_refused(
    sequence: int, epoch: int, code: ErrorCode
) -> None:
    producers = ProducerStates()
    producers.apply(prepared(idempotent(0, epoch=1), producers=producers).producer_update)
    batch = bytearray(idempotent(sequence, epoch=epoch))

    with pytest.raises(KafkaError) as caught:
        prepared(batch, producers=producers)

    assert caught.value.code is code
    assert bytes(batch) == idempotent(sequence, epoch=epoch)


def test_a_coordinator_writes_control_batches_and_without_sequence_numbers() -> None:
    marker = build_batch(
        [(NOW, b"\0\0\0\1", b"\0\0\0\0\0\2", ())],
        producer_id=5,
        producer_epoch=1,
        transactional=True,
        control=True,
    )

    result = prepared(marker, origin=Origin.COORDINATOR, config=LogConfig(compression_type="zstd"))

    assert result.header.is_control
    assert result.header.compression == NONE
    assert result.producer_update == (result.header,)


def test_a_coordinator_of_a_past_epoch_is_refused() -> None:
    producers = ProducerStates()
    producers.apply(prepared(idempotent(0, epoch=3)).producer_update)
    batch = build_batch(TWO, producer_id=5, producer_epoch=2)

    with pytest.raises(KafkaError) as caught:
        prepared(batch, producers=producers, origin=Origin.COORDINATOR)
    assert caught.value.code is ErrorCode.INVALID_PRODUCER_EPOCH


def led(offset: int, *, epoch: int = 7, timestamp: int = NOW) -> bytes:
    rows: list[NewRecord] = [(timestamp, None, b"v", ())] * 2
    return build_batch(
        rows,
        base_offset=offset,
        leader_epoch=epoch,
        producer_id=5,
        producer_epoch=0,
        base_sequence=offset,
    )


def test_a_follower_takes_batches_as_they_are() -> None:
    fetched = led(100, timestamp=NOW + 9**12) + led(110, timestamp=5)  # compaction leaves gaps

    result = prepared(fetched + led(112)[:-1], origin=Origin.FOLLOWER)

    assert bytes(result.batches) == fetched
    assert [header.base_offset for header in result.headers] == [100, 110]
    assert (result.first_offset, result.last_offset) == (100, 111)
    assert (result.max_timestamp, result.offset_of_max_timestamp) == (NOW + 9**12, 101)
    assert result.producer_update == result.headers
    assert result.log_append_time_ms == -1


def test_a_follower_is_not_bound_by_the_size_of_messages() -> None:
    fetched = led(100)

    assert prepared(fetched, origin=Origin.FOLLOWER, config=LogConfig(max_message_bytes=10))


def test_a_follower_leaves_out_batches_of_a_leader_it_does_not_know_yet() -> None:
    result = prepared(led(100) + led(102, epoch=8) + led(104), origin=Origin.FOLLOWER)

    assert bytes(result.batches) == led(100)


@pytest.mark.parametrize(
    ("fetched", "code"),
    [
        (led(99), ErrorCode.UNKNOWN_SERVER_ERROR),
        (led(102) + led(103), ErrorCode.UNKNOWN_SERVER_ERROR),
        (led(100)[:-1] + b"!", ErrorCode.CORRUPT_MESSAGE),
        (led(100)[:-1], ErrorCode.CORRUPT_MESSAGE),
        (b"", ErrorCode.CORRUPT_MESSAGE),
        (led(100, epoch=8), ErrorCode.CORRUPT_MESSAGE),
    ],
)
def test_a_follower_refuses_damage_and_offsets_that_do_not_rise(
    fetched: bytes, code: ErrorCode
) -> None:
    assert refusal_of(fetched, Origin.FOLLOWER) is code


rows = st.lists(
    st.tuples(
        st.integers(0, NOW),
        st.binary(max_size=4),
        st.none() | st.binary(max_size=20),
        st.just(()),
    ),
    min_size=1,
    max_size=30,
)


@settings(deadline=None)
@given(rows, st.sampled_from([NONE, GZIP, SNAPPY, LZ4, ZSTD]), st.integers(0, 2**60))
def test_what_was_produced_is_what_is_read(
    records: list[NewRecord], codec: int, next_offset: int
) -> None:
    result = prepared(build_batch(records, codec=codec), next_offset=next_offset)

    assert read(result) == [Record(next_offset + n, *row) for n, row in enumerate(records)]
    assert result.max_timestamp == max(row[0] for row in records)
