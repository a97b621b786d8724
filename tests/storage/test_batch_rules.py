"""What of a Produce request is refused, with which code, and in which order."""

from __future__ import annotations

import contextlib
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pykbroker.errors import ErrorCode, KafkaError
from pykbroker.storage.append import (
    Origin,
    RecordErrors,
    check_partition_records,
    check_request_records,
    prepare,
)
from pykbroker.storage.log_config import LogConfig
from pykbroker.storage.producer_state import ProducerStates
from pykbroker.wire.compression import GZIP, LZ4, NONE, SNAPPY, ZSTD, compress
from pykbroker.wire.records import NewRecord, assemble, build_batch, parse_batch_header

NOW = 1_700_000_000_000
HOUR_MS = 3_600_000
TWO: list[NewRecord] = [(NOW, b"k", b"one", ()), (NOW, b"l", b"two", ())]
BATCH = build_batch(TWO)
COMPACTED = LogConfig(cleanup_policy=frozenset({"compact"}))


def changed(batch: bytes = BATCH, **fields: int) -> bytes:
    """The batch with other header fields and a right CRC."""
    return assemble(parse_batch_header(batch)._replace(**fields), batch[61:])


def at(position: int, replacement: bytes, batch: bytes = BATCH) -> bytes:
    """The batch with other bytes and the CRC it had."""
    return batch[:position] + replacement + batch[position + len(replacement) :]


def refusal(
    batch: bytes, config: LogConfig | None = None, origin: Origin = Origin.CLIENT
) -> KafkaError:
    before = bytearray(batch)
    view = memoryview(before)
    with pytest.raises(KafkaError) as caught:
        prepare(
            view,
            config=config or LogConfig(),
            producers=ProducerStates(),
            next_offset=0,
            leader_epoch=0,
            now_ms=NOW,
            origin=origin,
        )
    assert bytes(before) == batch  # a refused batch is not changed
    assert caught.value.message
    return caught.value


def code_of(batch: bytes, config: LogConfig | None = None) -> ErrorCode:
    return refusal(batch, config).code


@pytest.mark.parametrize("length", [-(2**31), -1, 0, 13])
def test_an_impossible_batch_length_fails_the_whole_request(length: int) -> None:
    with pytest.raises(KafkaError) as caught:
        check_request_records(at(8, struct.pack(">i", length)))
    assert caught.value.code is ErrorCode.CORRUPT_MESSAGE


@pytest.mark.parametrize("magic", [3, 7, 127, 128, 255])
def test_an_impossible_magic_fails_the_whole_request(magic: int) -> None:
    with pytest.raises(KafkaError) as caught:
        check_request_records(at(16, bytes([magic])))
    assert caught.value.code is ErrorCode.CORRUPT_MESSAGE


@pytest.mark.parametrize(
    "records",
    [
        b"",
        BATCH[:11],
        BATCH[:12],
        BATCH[:16],
        at(16, b"\0"),
        at(8, struct.pack(">i", 14)),
        at(8, struct.pack(">i", 1 << 30)),
        BATCH + b"\xff" * 50,  # only the first batch counts here
    ],
)
def test_other_faults_concern_their_partition_alone(records: bytes) -> None:
    assert check_request_records(records) is False


def test_a_request_shows_whether_it_is_transactional() -> None:
    assert check_request_records(changed(attributes=0x10)) is True
    assert check_request_records(memoryview(BATCH)) is False


@pytest.mark.parametrize(
    ("records", "code"),
    [
        (b"", ErrorCode.INVALID_RECORD),
        (BATCH[:-1], ErrorCode.INVALID_RECORD),  # reaches beyond the data: no batch at all
        (at(8, struct.pack(">i", 1 << 30)), ErrorCode.INVALID_RECORD),
        (at(16, b"\0"), ErrorCode.INVALID_RECORD),
        (at(16, b"\1"), ErrorCode.INVALID_RECORD),
        (BATCH + BATCH, ErrorCode.INVALID_RECORD),
        (BATCH + at(8, b"\xff\xff\xff\xff"), ErrorCode.CORRUPT_MESSAGE),
        (BATCH + at(16, b"\x09"), ErrorCode.CORRUPT_MESSAGE),
        (at(8, b"\0\0\0\x0d"), ErrorCode.CORRUPT_MESSAGE),
    ],
)
def test_a_partition_has_exactly_one_batch_of_magic_2(records: bytes, code: ErrorCode) -> None:
    with pytest.raises(KafkaError) as caught:
        check_partition_records(records, version=9)
    assert caught.value.code is code
    assert refusal(records).code is code


def test_a_batch_cut_off_behind_another_is_no_batch() -> None:
    check_partition_records(BATCH + BATCH[:-1], version=9)


def test_zstd_needs_produce_version_7() -> None:
    batch = build_batch(TWO, codec=ZSTD)

    with pytest.raises(KafkaError) as caught:
        check_partition_records(batch, version=6)
    assert caught.value.code is ErrorCode.UNSUPPORTED_COMPRESSION_TYPE
    check_partition_records(batch, version=7)
    check_partition_records(build_batch(TWO, codec=LZ4), version=3)


@pytest.mark.parametrize("position", [17, 21, 23, 61, len(BATCH) - 1])
def test_a_wrong_crc_is_corrupt(position: int) -> None:
    damaged = at(position, bytes([BATCH[position] ^ 0x80]))

    assert code_of(damaged) is ErrorCode.CORRUPT_MESSAGE


def test_a_batch_too_short_for_its_header_is_corrupt_for_its_partition() -> None:
    short = at(8, struct.pack(">i", 48))[:60]

    assert check_request_records(short) is False
    assert code_of(short) is ErrorCode.CORRUPT_MESSAGE


def test_the_leader_epoch_of_a_client_is_ignored() -> None:
    batch = bytearray(build_batch(TWO, leader_epoch=55))

    prepare(
        memoryview(batch),
        config=LogConfig(),
        producers=ProducerStates(),
        next_offset=0,
        leader_epoch=3,
        now_ms=NOW,
        origin=Origin.CLIENT,
    )

    assert parse_batch_header(batch).partition_leader_epoch == 3


def test_the_base_offset_of_a_client_is_0() -> None:
    assert code_of(build_batch(TWO, base_offset=1)) is ErrorCode.INVALID_RECORD


def test_a_batch_larger_than_max_message_bytes_is_too_large() -> None:
    config = LogConfig(max_message_bytes=len(BATCH) - 1)

    assert code_of(BATCH, config) is ErrorCode.MESSAGE_TOO_LARGE


@pytest.mark.parametrize("codec", [5, 6, 7])
def test_an_unknown_codec_is_an_unknown_error(codec: int) -> None:
    assert code_of(changed(attributes=codec)) is ErrorCode.UNKNOWN_SERVER_ERROR


@pytest.mark.parametrize(
    "batch",
    [
        changed(records_count=0, last_offset_delta=-1),
        changed(BATCH[:61], records_count=0, last_offset_delta=-1),
        changed(records_count=-1),
        changed(records_count=3),
        changed(last_offset_delta=5),
        changed(last_offset_delta=-3),
        changed(records_count=3, last_offset_delta=2),  # consistent, but two are there
        changed(records_count=1, last_offset_delta=0),
        changed(records_count=2**31 - 1, last_offset_delta=2**31 - 2),
        changed(attributes=0x20),
        changed(producer_id=5, producer_epoch=0, base_sequence=-1),
        changed(producer_id=5, producer_epoch=0, base_sequence=-5),
    ],
)
def test_an_inconsistent_batch_is_an_invalid_record(batch: bytes) -> None:
    fault = refusal(batch)

    assert fault.code is ErrorCode.INVALID_RECORD
    assert not isinstance(fault, RecordErrors)


def test_a_batch_without_records_is_refused_from_a_coordinator_as_well() -> None:
    empty = changed(BATCH[:61], records_count=0, last_offset_delta=-1)

    assert refusal(empty, origin=Origin.COORDINATOR).code is ErrorCode.INVALID_RECORD


@pytest.mark.parametrize("codec", [NONE, GZIP])
def test_records_of_a_compacted_topic_need_a_key(codec: int) -> None:
    rows: list[NewRecord] = [(NOW, key, b"v", ()) for key in (b"", None, b"k", None)]

    fault = refusal(build_batch(rows, codec=codec), COMPACTED)

    assert isinstance(fault, RecordErrors)
    assert fault.code is ErrorCode.INVALID_RECORD
    assert [index for index, _ in fault.record_errors] == [1, 3]
    assert all("key" in message for _, message in fault.record_errors)
    assert "record 1" in str(fault.message)


def test_only_three_of_many_record_errors_are_told_in_the_message() -> None:
    fault = refusal(build_batch([(NOW, None, b"v", ())] * 9), COMPACTED)

    assert isinstance(fault, RecordErrors)
    assert len(fault.record_errors) == 9
    assert str(fault.message).count("must have a key") == 3


@pytest.mark.parametrize("codec", [NONE, LZ4])
@pytest.mark.parametrize(
    "timestamp", [NOW + HOUR_MS + 1, 2**63 - 1, -(2**63), NOW - 2**63], ids=str
)
def test_timestamps_out_of_range_are_invalid(timestamp: int, codec: int) -> None:
    rows: list[NewRecord] = [(NOW, b"k", b"v", ()), (timestamp, b"k", b"v", ())]

    fault = refusal(build_batch(rows, codec=codec))

    assert isinstance(fault, RecordErrors)
    assert fault.code is ErrorCode.INVALID_TIMESTAMP
    assert [index for index, _ in fault.record_errors] == [1]


def test_timestamps_older_than_before_max_ms_are_invalid() -> None:
    config = LogConfig(message_timestamp_before_max_ms=1000)
    rows: list[NewRecord] = [(NOW - age, b"k", b"v", ()) for age in (0, 1000, 1001)]

    fault = refusal(build_batch(rows), config)

    assert isinstance(fault, RecordErrors)
    assert fault.code is ErrorCode.INVALID_TIMESTAMP
    assert [index for index, _ in fault.record_errors] == [2]


def accepted(batch: bytes, config: LogConfig) -> bool:
    prepare(
        memoryview(batch),
        config=config,
        producers=ProducerStates(),
        next_offset=0,
        leader_epoch=0,
        now_ms=NOW,
        origin=Origin.CLIENT,
    )
    return True


@pytest.mark.parametrize(
    ("timestamp", "config"),
    [
        (NOW + HOUR_MS, LogConfig()),
        (-5, LogConfig()),
        (-1, LogConfig(message_timestamp_before_max_ms=1000)),  # no timestamp at all
        (2**63 - 1, LogConfig(message_timestamp_type=1)),
    ],
)
def test_timestamps_that_kafka_accepts_are_accepted(timestamp: int, config: LogConfig) -> None:
    assert accepted(build_batch([(timestamp, b"k", b"v", ())]), config)


def test_a_client_must_not_say_log_append_time_where_the_topic_has_it() -> None:
    fault = refusal(build_batch(TWO, timestamp_type=1), LogConfig(message_timestamp_type=1))

    assert isinstance(fault, RecordErrors)
    assert fault.code is ErrorCode.INVALID_TIMESTAMP
    assert [index for index, _ in fault.record_errors] == [0, 1]


@pytest.mark.parametrize("stamped", [-1, NOW + 2 * HOUR_MS])
def test_log_append_time_said_by_a_producer_makes_every_timestamp_the_batchs(stamped: int) -> None:
    batch = build_batch(TWO, timestamp_type=1)

    fault = refusal(assemble(parse_batch_header(batch)._replace(max_timestamp=stamped), batch[61:]))

    assert isinstance(fault, RecordErrors)
    assert fault.code is ErrorCode.INVALID_TIMESTAMP
    assert [index for index, _ in fault.record_errors] == [0, 1]


def test_a_malformed_record_counts_before_records_at_fault() -> None:
    batch = build_batch([(2**62, None, b"v", ())] * 2)

    fault = refusal(assemble(parse_batch_header(batch), batch[61:-1]), COMPACTED)

    assert fault.code is ErrorCode.INVALID_RECORD
    assert not isinstance(fault, RecordErrors)


@pytest.mark.parametrize("codec", [GZIP, SNAPPY, LZ4, ZSTD])
def test_broken_compression_is_an_invalid_record(codec: int) -> None:
    batch = build_batch(TWO, codec=codec)

    assert code_of(assemble(parse_batch_header(batch), batch[61:-9])) is ErrorCode.INVALID_RECORD


@pytest.mark.parametrize("codec", [GZIP, LZ4, ZSTD])
def test_a_bomb_is_too_large(codec: int) -> None:
    header = parse_batch_header(BATCH)._replace(attributes=codec)
    config = LogConfig(max_message_bytes=1 << 17)

    bomb = assemble(header, compress(codec, bytes(16 << 17)))
    assert code_of(bomb, config) is ErrorCode.INVALID_RECORD  # within the bound: no records
    bomb = assemble(header, compress(codec, bytes((16 << 17) + 1)))
    assert code_of(bomb, config) is ErrorCode.MESSAGE_TOO_LARGE


def test_faults_are_told_in_kafkas_order() -> None:
    """Each batch has the faults of all those after it, and is told the first one."""
    keyless = build_batch([(NOW, None, b"v", ())] * 2, producer_id=5, base_sequence=-1)
    small = LogConfig(cleanup_policy=frozenset({"compact"}), max_message_bytes=10, segment_bytes=10)
    roomy = LogConfig(cleanup_policy=frozenset({"compact"}), segment_bytes=10)
    damaged = at(61, b"!", keyless)

    assert code_of(at(0, b"\1", damaged), small) is ErrorCode.INVALID_RECORD
    assert code_of(damaged, small) is ErrorCode.MESSAGE_TOO_LARGE
    assert code_of(damaged, roomy) is ErrorCode.CORRUPT_MESSAGE
    assert "sequence" in str(refusal(keyless, roomy))
    keyless = changed(keyless, base_sequence=0)
    assert isinstance(refusal(keyless, roomy), RecordErrors)
    assert code_of(changed(producer_id=5, base_sequence=0), roomy) is (
        ErrorCode.RECORD_LIST_TOO_LARGE
    )


@pytest.mark.parametrize("codec", [NONE, GZIP, SNAPPY, LZ4, ZSTD])
@settings(deadline=None)
@given(st.data())
def test_a_mutated_batch_is_accepted_or_refused_but_nothing_else(
    codec: int, data: st.DataObject
) -> None:
    batch = bytearray(build_batch(TWO * 4, codec=codec))
    for _ in range(data.draw(st.integers(1, 3))):
        batch[data.draw(st.integers(12, len(batch) - 1))] = data.draw(st.integers(0, 255))
    repaired = assemble(parse_batch_header(batch), bytes(batch[61:]))

    for records in (bytes(batch), repaired):
        with contextlib.suppress(KafkaError):
            check_request_records(records)
            check_partition_records(records, version=9)
            accepted(records, LogConfig(compression_type="gzip"))
