"""DeleteRecords through a real socket."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pykbroker.errors import ErrorCode
from pykbroker.wire.messages.delete_records import DeleteRecords
from tests.api.requests import NOW_MS, create_topic, fetch, fetch_one, produce
from tests.kafka_client import Client
from tests.processes import BrokerProcess


def delete_records(client: Client, topic: str, offset: int, *, partition: int = 0) -> Any:
    asked = {"partition_index": partition, "offset": offset}
    request = {"topics": [{"name": topic, "partitions": [asked]}], "timeout_ms": 1_000}
    return client.call(DeleteRecords, request).topics[0].partitions[0]


@pytest.mark.row(46)
def test_records_below_the_offset_are_gone(client: Client, topic: str) -> None:
    create_topic(client, topic)
    produce(client, topic, timestamps=[NOW_MS] * 3)

    answer = delete_records(client, topic, 2)

    assert (answer.error_code, answer.low_watermark) == (ErrorCode.NONE, 2)
    assert fetch_one(client, topic, 1).error_code == ErrorCode.OFFSET_OUT_OF_RANGE
    assert fetch_one(client, topic, 2).log_start_offset == 2


@pytest.mark.row(46)
def test_minus_one_deletes_all_that_is_committed(client: Client, topic: str) -> None:
    create_topic(client, topic)
    produce(client, topic, timestamps=[NOW_MS] * 3)

    assert delete_records(client, topic, -1).low_watermark == 3


@pytest.mark.row(46)
def test_an_offset_already_deleted_is_no_error(client: Client, topic: str) -> None:
    create_topic(client, topic)
    produce(client, topic, timestamps=[NOW_MS] * 3)
    delete_records(client, topic, 2)

    answer = delete_records(client, topic, 1)

    assert (answer.error_code, answer.low_watermark) == (ErrorCode.NONE, 2)


@pytest.mark.row(46)
@pytest.mark.bad_input(42)
@pytest.mark.parametrize("offset", [4, -7, 2**63 - 1])
def test_an_offset_beyond_the_log_is_out_of_range(client: Client, topic: str, offset: int) -> None:
    create_topic(client, topic)
    produce(client, topic, timestamps=[NOW_MS] * 3)

    answer = delete_records(client, topic, offset)

    assert (answer.error_code, answer.low_watermark) == (ErrorCode.OFFSET_OUT_OF_RANGE, -1)


@pytest.mark.row(46)
def test_a_topic_that_is_only_compacted_keeps_its_records(client: Client, topic: str) -> None:
    create_topic(client, topic, configs={"cleanup.policy": "compact"})
    produce(client, topic)

    assert delete_records(client, topic, 1).error_code == ErrorCode.POLICY_VIOLATION


@pytest.mark.row(46)
def test_internal_and_unknown_topics_are_told_apart(client: Client, topic: str) -> None:
    create_topic(client, "__consumer_offsets")

    internal = delete_records(client, "__consumer_offsets", 0)
    unknown = delete_records(client, topic, 0)

    assert internal.error_code == ErrorCode.INVALID_TOPIC_EXCEPTION
    assert unknown.error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION


@pytest.mark.row(46)
def test_deleted_records_stay_deleted_whatever_ends_the_broker(tmp_path: Path) -> None:
    options = ("--data-dir", str(tmp_path / "data"), "--port", "0")
    with BrokerProcess(*options, log=tmp_path / "log") as broker:
        with Client(broker.bootstrap_servers) as client:
            create_topic(client, "topic", partitions=2)
            produce(client, "topic", timestamps=[NOW_MS] * 3)
            produce(client, "topic", timestamps=[NOW_MS] * 3, partition=1)
            asked = [{"partition_index": index, "offset": index + 1} for index in (0, 1)]
            request = {"topics": [{"name": "topic", "partitions": asked}], "timeout_ms": 1_000}
            answers = client.call(DeleteRecords, request).topics[0].partitions
        broker.kill()
        broker.start()

        with Client(broker.bootstrap_servers) as client:
            found = fetch(client, {"topic": {0: 1, 1: 1}}).responses[0].partitions

    assert [(answer.error_code, answer.low_watermark) for answer in answers] == [(0, 1), (0, 2)]
    assert [each.error_code for each in found] == [ErrorCode.NONE, ErrorCode.OFFSET_OUT_OF_RANGE]
