"""The batches and records of Produce through a real socket: what is refused and what is stored."""

from __future__ import annotations

import time
from typing import Any

import pytest

from pykbroker.errors import ErrorCode
from pykbroker.wire.compression import GZIP, ZSTD
from pykbroker.wire.messages.delete_records import DeleteRecords
from pykbroker.wire.messages.produce import Produce
from pykbroker.wire.records import iterate_records, parse_batch_header
from tests.api.requests import (
    NOW_MS,
    a_batch,
    create_topic,
    fetched,
    produce,
    produce_raw,
    refused,
    resealed,
)
from tests.kafka_client import Client

HOUR_MS = 3_600_000
LOG_APPEND_TIME_BIT, CONTROL_BIT = 0x08, 0x20
PRODUCER: dict[str, Any] = {"producer_id": 7_000, "producer_epoch": 0}


@pytest.mark.row(49)
@pytest.mark.bad_input(22)
def test_two_batches_for_one_partition_are_an_invalid_record(client: Client, topic: str) -> None:
    create_topic(client, topic)

    assert refused(client, topic, a_batch() + a_batch()) is ErrorCode.INVALID_RECORD


@pytest.mark.row(49)
@pytest.mark.bad_input(22)
@pytest.mark.parametrize("magic", [0, 1])
def test_a_batch_of_an_old_magic_is_an_invalid_record(
    client: Client, topic: str, magic: int
) -> None:
    create_topic(client, topic)

    records = resealed(a_batch(), magic=magic)
    assert refused(client, topic, records) is ErrorCode.INVALID_RECORD


@pytest.mark.row(49)
@pytest.mark.bad_input(21, 22)
@pytest.mark.parametrize("fields", [{"magic": 7}, {"batch_length": 13}, {"batch_length": -1}])
def test_an_impossible_frame_fails_every_partition_of_the_request(
    client: Client, topic: str, fields: dict[str, int]
) -> None:
    create_topic(client, topic, partitions=2)
    partitions = [
        {"index": 0, "records": a_batch()},
        {"index": 1, "records": resealed(a_batch(), **fields)},
    ]
    request = {
        "acks": -1,
        "timeout_ms": 5_000,
        "topic_data": [{"name": topic, "partition_data": partitions}],
    }

    answers = client.call(Produce, request, version=12).responses[0].partition_responses

    assert [answer.error_code for answer in answers] == [ErrorCode.CORRUPT_MESSAGE] * 2
    assert fetched(client, topic) == b""


@pytest.mark.row(49)
@pytest.mark.bad_input(21)
@pytest.mark.parametrize("length", [14, 48])
def test_a_length_below_a_batch_header_is_corrupt(client: Client, topic: str, length: int) -> None:
    create_topic(client, topic)

    records = resealed(a_batch(), batch_length=length)
    assert refused(client, topic, records) is ErrorCode.CORRUPT_MESSAGE


@pytest.mark.row(50)
@pytest.mark.bad_input(26)
def test_zstd_is_refused_below_version_7(client: Client, topic: str) -> None:
    create_topic(client, topic)

    records = a_batch(codec=ZSTD)
    unsupported = ErrorCode.UNSUPPORTED_COMPRESSION_TYPE
    assert refused(client, topic, records, version=6) is unsupported
    assert produce_raw(client, topic, records, version=7).error_code == ErrorCode.NONE


@pytest.mark.row(51)
@pytest.mark.bad_input(20)
def test_a_wrong_crc_fails_its_partition_only(client: Client, topic: str) -> None:
    create_topic(client, topic, partitions=2)
    broken = bytearray(a_batch())
    broken[-1] ^= 1
    partitions = [{"index": 0, "records": bytes(broken)}, {"index": 1, "records": a_batch()}]
    request = {
        "acks": -1,
        "timeout_ms": 5_000,
        "topic_data": [{"name": topic, "partition_data": partitions}],
    }

    answers = client.call(Produce, request, version=12).responses[0].partition_responses

    assert [a.error_code for a in answers] == [ErrorCode.CORRUPT_MESSAGE, ErrorCode.NONE]
    assert fetched(client, topic) == b""


@pytest.mark.row(51)
@pytest.mark.bad_input(21)
def test_a_batch_that_is_not_all_there_is_no_batch(client: Client, topic: str) -> None:
    create_topic(client, topic)

    assert refused(client, topic, a_batch()[:-1]) is ErrorCode.INVALID_RECORD


@pytest.mark.row(52)
@pytest.mark.bad_input(28)
def test_a_batch_above_max_message_bytes_is_too_large_and_others_succeed(
    client: Client, topic: str
) -> None:
    small = a_batch()
    create_topic(client, topic, partitions=2, configs={"max.message.bytes": str(len(small))})
    large = a_batch(values=[b"value-0" + b"x"])
    partitions = [{"index": 0, "records": large}, {"index": 1, "records": small}]
    request = {
        "acks": -1,
        "timeout_ms": 5_000,
        "topic_data": [{"name": topic, "partition_data": partitions}],
    }

    answers = client.call(Produce, request, version=12).responses[0].partition_responses

    assert [a.error_code for a in answers] == [ErrorCode.MESSAGE_TOO_LARGE, ErrorCode.NONE]


@pytest.mark.row(52)
def test_the_size_that_counts_is_the_compressed_one(client: Client, topic: str) -> None:
    create_topic(client, topic, configs={"max.message.bytes": "500"})

    assert produce(client, topic, values=[bytes(10_000)], codec=GZIP) == 0


@pytest.mark.row(52)
def test_a_batch_larger_than_a_segment_is_told_so(client: Client, topic: str) -> None:
    create_topic(
        client, topic, configs={"segment.bytes": "1048576", "max.message.bytes": "4000000"}
    )

    records = a_batch(values=[bytes(1_100_000)])
    assert refused(client, topic, records) is ErrorCode.RECORD_LIST_TOO_LARGE


@pytest.mark.row(53)
@pytest.mark.bad_input(23)
@pytest.mark.parametrize(
    "fields",
    [
        {"base_offset": 1},
        {"last_offset_delta": 0},
        {"records_count": 1},
        {"records_count": 3},
        {"records_count": 3, "last_offset_delta": 2},
        {"attributes": CONTROL_BIT},
        {"producer_id": 1, "producer_epoch": 0, "base_sequence": -1},
    ],
    ids=str,
)
def test_a_header_that_contradicts_its_records_is_an_invalid_record(
    client: Client, topic: str, fields: dict[str, int]
) -> None:
    create_topic(client, topic)

    records = resealed(a_batch(timestamps=[NOW_MS, NOW_MS]), **fields)
    assert refused(client, topic, records) is ErrorCode.INVALID_RECORD


@pytest.mark.row(53)
@pytest.mark.bad_input(23)
def test_offset_deltas_that_do_not_count_up_are_put_right(client: Client, topic: str) -> None:
    create_topic(client, topic)
    one, two = a_batch(), a_batch(timestamps=[NOW_MS, NOW_MS])
    twice_the_first = resealed(
        two[:61] + one[61:] + one[61:], batch_length=49 + 2 * (len(one) - 61)
    )

    answer = produce_raw(client, topic, twice_the_first)

    assert (answer.error_code, answer.base_offset) == (ErrorCode.NONE, 0)
    assert [record.offset for record in iterate_records(fetched(client, topic))] == [0, 1]


@pytest.mark.row(54)
def test_a_record_without_a_key_is_refused_where_the_topic_is_compacted(
    client: Client, topic: str
) -> None:
    create_topic(client, topic, configs={"cleanup.policy": "compact"})
    keyless = a_batch(timestamps=[NOW_MS, NOW_MS], key=None)

    answer = produce_raw(client, topic, keyless)

    assert answer.error_code == ErrorCode.INVALID_RECORD
    assert [error.batch_index for error in answer.record_errors] == [0, 1]
    assert produce(client, topic, key=b"key") == 0


@pytest.mark.row(55)
@pytest.mark.bad_input(32)
def test_a_timestamp_more_than_an_hour_ahead_is_refused(client: Client, topic: str) -> None:
    create_topic(client, topic)
    now_ms = time.time_ns() // 1_000_000

    records = a_batch(timestamps=[now_ms, now_ms + 2 * HOUR_MS], key=None)
    answer = produce_raw(client, topic, records)

    assert answer.error_code == ErrorCode.INVALID_TIMESTAMP
    assert [error.batch_index for error in answer.record_errors] == [1]
    assert produce(client, topic, timestamps=[now_ms + HOUR_MS // 2]) == 0


@pytest.mark.row(55)
@pytest.mark.bad_input(32)
def test_timestamps_at_the_end_of_time_are_refused_and_old_ones_kept(
    client: Client, topic: str
) -> None:
    create_topic(client, topic)

    refusal = refused(client, topic, a_batch(timestamps=[2**63 - 1]))
    assert refusal is ErrorCode.INVALID_TIMESTAMP
    assert produce(client, topic, timestamps=[0]) == 0


@pytest.mark.row(55)
def test_a_timestamp_older_than_the_topic_allows_is_refused(client: Client, topic: str) -> None:
    create_topic(client, topic, configs={"message.timestamp.before.max.ms": "60000"})

    assert refused(client, topic, a_batch(timestamps=[0])) is ErrorCode.INVALID_TIMESTAMP


@pytest.mark.row(55)
def test_log_append_time_from_a_client_is_refused_where_the_topic_has_it_and_else_cleared(
    client: Client, topic: str
) -> None:
    stamps, keeps = topic, topic + "-create-time"
    create_topic(client, stamps, configs={"message.timestamp.type": "LogAppendTime"})
    create_topic(client, keeps)
    records = resealed(a_batch(), attributes=LOG_APPEND_TIME_BIT)

    assert refused(client, stamps, records) is ErrorCode.INVALID_TIMESTAMP
    answer = produce_raw(client, keeps, records)

    assert (answer.error_code, answer.log_append_time_ms) == (ErrorCode.NONE, -1)
    header = parse_batch_header(fetched(client, keeps))
    assert (header.timestamp_type, header.max_timestamp) == (0, NOW_MS)


@pytest.mark.row(55)
@pytest.mark.parametrize("refusal", ["timestamp", "sequence", "size"])
def test_a_refusal_by_the_log_tells_the_log_start_unless_the_batch_is_too_large(
    client: Client, topic: str, refusal: str
) -> None:
    create_topic(client, topic, configs={"max.message.bytes": "200"})
    produce(client, topic, timestamps=[NOW_MS] * 2, base_sequence=0, **PRODUCER)
    trimmed = {"partition_index": 0, "offset": 1}
    request = {"topics": [{"name": topic, "partitions": [trimmed]}], "timeout_ms": 1_000}
    client.call(DeleteRecords, request)

    records = {
        "timestamp": a_batch(timestamps=[2**63 - 1]),
        "sequence": a_batch(base_sequence=9, **PRODUCER),
        "size": a_batch(values=[bytes(200)]),
    }[refusal]
    answer = produce_raw(client, topic, records)

    assert answer.error_code != ErrorCode.NONE
    assert answer.log_start_offset == (-1 if refusal == "size" else 1)


@pytest.mark.row(56)
def test_a_log_append_time_topic_stamps_the_batch_and_tells_when(
    client: Client, topic: str
) -> None:
    create_topic(client, topic, configs={"message.timestamp.type": "LogAppendTime"})
    before_ms = time.time_ns() // 1_000_000

    answer = produce_raw(client, topic, a_batch(timestamps=[0]))

    assert before_ms <= answer.log_append_time_ms <= before_ms + 10_000
    stored = fetched(client, topic)
    header = parse_batch_header(stored)
    assert (header.max_timestamp, header.timestamp_type) == (answer.log_append_time_ms, 1)
    assert [r.timestamp for r in iterate_records(stored)] == [answer.log_append_time_ms]


@pytest.mark.row(56)
def test_a_create_time_topic_tells_no_append_time(client: Client, topic: str) -> None:
    create_topic(client, topic)

    assert produce_raw(client, topic, a_batch()).log_append_time_ms == -1


@pytest.mark.row(60)
def test_the_leader_epoch_in_a_batch_is_the_brokers(client: Client, topic: str) -> None:
    create_topic(client, topic)

    produce_raw(client, topic, a_batch(leader_epoch=77))

    assert parse_batch_header(fetched(client, topic)).partition_leader_epoch == 0


@pytest.mark.row(61)
@pytest.mark.parametrize("records", [b"", None], ids=["empty", "null"])
def test_no_records_are_an_invalid_record(
    client: Client, topic: str, records: bytes | None
) -> None:
    create_topic(client, topic)

    assert refused(client, topic, records) is ErrorCode.INVALID_RECORD
