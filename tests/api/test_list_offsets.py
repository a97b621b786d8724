"""ListOffsets through a real socket."""

from __future__ import annotations

from typing import Any

import pytest

from pykbroker.errors import ErrorCode
from pykbroker.wire.compression import GZIP
from pykbroker.wire.messages.delete_records import DeleteRecords
from pykbroker.wire.messages.list_offsets import ListOffsets
from tests.api.requests import NOW_MS, create_topic, produce
from tests.kafka_client import Client

LATEST, EARLIEST, MAX_TIMESTAMP, EARLIEST_LOCAL, LATEST_TIERED, EARLIEST_PENDING = range(-1, -7, -1)


def list_offset(
    client: Client,
    topic: str,
    timestamp: int,
    *,
    version: int = 11,
    partition: int = 0,
    epoch: int = -1,
    times: int = 1,
    isolation_level: int = 0,
) -> Any:
    """Ask for one partition's offset, `times` times in one request."""
    asked = {"partition_index": partition, "timestamp": timestamp, "current_leader_epoch": epoch}
    request = {
        "replica_id": -1,
        "isolation_level": isolation_level,
        "topics": [{"name": topic, "partitions": [asked] * times}],
    }
    return client.call(ListOffsets, request, version=version).topics[0].partitions[0]


def found(answer: Any) -> tuple[int, int, int]:
    return answer.error_code, answer.offset, answer.timestamp


@pytest.mark.row(82)
def test_a_time_past_the_end_has_no_offset_and_no_error(client: Client, topic: str) -> None:
    create_topic(client, topic)
    produce(client, topic, timestamps=[1_000, 2_000])

    assert found(list_offset(client, topic, 2_001)) == (0, -1, -1)


@pytest.mark.row(82)
def test_a_timestamp_is_answered_with_the_first_record_not_older(
    client: Client, topic: str
) -> None:
    create_topic(client, topic)
    produce(client, topic, timestamps=[1_000, 2_000, 3_000])
    produce(client, topic, timestamps=[4_000, 3_500], codec=GZIP)

    assert found(list_offset(client, topic, 0)) == (0, 0, 1_000)
    assert found(list_offset(client, topic, 1_500)) == (0, 1, 2_000)
    assert found(list_offset(client, topic, 3_000)) == (0, 2, 3_000)
    assert found(list_offset(client, topic, 3_200)) == (0, 3, 4_000)
    assert list_offset(client, topic, 1_500).leader_epoch == 0


@pytest.mark.row(83)
def test_the_special_timestamps_name_ends_of_the_log(client: Client, topic: str) -> None:
    create_topic(client, topic)
    produce(client, topic, timestamps=[NOW_MS, NOW_MS + 9, NOW_MS + 5])
    partitions = [{"partition_index": 0, "offset": 1}]
    client.call(DeleteRecords, {"topics": [{"name": topic, "partitions": partitions}]})

    assert found(list_offset(client, topic, LATEST)) == (0, 3, -1)
    assert found(list_offset(client, topic, LATEST, isolation_level=1)) == (0, 3, -1)
    assert found(list_offset(client, topic, EARLIEST)) == (0, 1, -1)
    assert found(list_offset(client, topic, MAX_TIMESTAMP)) == (0, 1, NOW_MS + 9)
    assert found(list_offset(client, topic, EARLIEST_LOCAL)) == (0, 1, -1)
    assert found(list_offset(client, topic, LATEST_TIERED)) == (0, -1, -1)
    assert found(list_offset(client, topic, EARLIEST_PENDING)) == (0, -1, -1)


@pytest.mark.row(83)
def test_an_empty_log_has_no_largest_timestamp(client: Client, topic: str) -> None:
    create_topic(client, topic)

    assert found(list_offset(client, topic, MAX_TIMESTAMP)) == (0, -1, -1)
    assert found(list_offset(client, topic, LATEST)) == (0, 0, -1)


@pytest.mark.row(83)
@pytest.mark.parametrize(
    ("timestamp", "first_version"),
    [(MAX_TIMESTAMP, 7), (EARLIEST_LOCAL, 8), (LATEST_TIERED, 9), (EARLIEST_PENDING, 11)],
)
def test_a_special_timestamp_is_refused_below_its_first_version(
    client: Client, topic: str, timestamp: int, first_version: int
) -> None:
    create_topic(client, topic)

    before = list_offset(client, topic, timestamp, version=first_version - 1)
    since = list_offset(client, topic, timestamp, version=first_version)

    assert (before.error_code, since.error_code) == (ErrorCode.UNSUPPORTED_VERSION, 0)


@pytest.mark.row(83)
def test_a_negative_timestamp_that_means_nothing_is_refused(client: Client, topic: str) -> None:
    create_topic(client, topic)

    assert list_offset(client, topic, -7).error_code == ErrorCode.UNSUPPORTED_VERSION


@pytest.mark.row(83)
def test_the_largest_timestamp_has_its_epoch_even_when_its_record_was_deleted(
    client: Client, topic: str
) -> None:
    create_topic(client, topic)
    produce(client, topic, timestamps=[1_000, 9_000])
    produce(client, topic, timestamps=[2_000])
    trimmed = {"partition_index": 0, "offset": 2}
    request = {"topics": [{"name": topic, "partitions": [trimmed]}], "timeout_ms": 1_000}
    client.call(DeleteRecords, request)

    answer = list_offset(client, topic, MAX_TIMESTAMP)

    assert (answer.error_code, answer.timestamp, answer.leader_epoch) == (0, 9_000, 0)


@pytest.mark.row(84)
def test_a_partition_named_twice_is_an_invalid_request(client: Client, topic: str) -> None:
    create_topic(client, topic)

    answer = list_offset(client, topic, LATEST, times=2)

    assert found(answer) == (ErrorCode.INVALID_REQUEST, -1, -1)


@pytest.mark.row(84)
def test_unknown_partitions_and_other_epochs_are_told_so(client: Client, topic: str) -> None:
    create_topic(client, topic)

    unknown = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    assert found(list_offset(client, topic, LATEST, partition=1)) == (unknown, -1, -1)
    newer = list_offset(client, topic, LATEST, epoch=9)
    assert newer.error_code == ErrorCode.UNKNOWN_LEADER_EPOCH
