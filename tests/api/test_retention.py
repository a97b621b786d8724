"""Retention as clients and the data directory see it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pykbroker.errors import ErrorCode
from pykbroker.testing import Broker
from pykbroker.wire.messages.delete_records import DeleteRecords
from pykbroker.wire.messages.delete_topics import DeleteTopics
from pykbroker.wire.messages.incremental_alter_configs import IncrementalAlterConfigs
from pykbroker.wire.messages.list_offsets import ListOffsets
from tests.api.requests import a_batch, create_topic, fetch_one, produce_raw
from tests.kafka_client import Client

EARLIEST, LATEST = -2, -1
SEGMENT_BYTES = 1 << 20
"""The smallest that Kafka allows; a batch of two thirds of it fills a segment."""
VALUE = bytes(SEGMENT_BYTES * 2 // 3)
PATIENCE_SECONDS = 10


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def broker(data: Path) -> Iterator[Broker]:
    properties: dict[str, object] = {
        "log.initial.task.delay.ms": 0,
        "log.retention.check.interval.ms": 10,
        "log.segment.delete.delay.ms": 3_600_000,
    }
    with Broker(data_dir=data, properties=properties) as running:
        yield running


def until(told: Callable[[], object], expected: object) -> None:
    """Ask until the answer is what is expected."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (answer := told()) != expected:
        assert time.monotonic() < deadline, answer


def offset_at(client: Client, topic: str, timestamp: int) -> int:
    partition = {"partition_index": 0, "timestamp": timestamp}
    request = {"replica_id": -1, "topics": [{"name": topic, "partitions": [partition]}]}
    offset: int = client.call(ListOffsets, request).topics[0].partitions[0].offset
    return offset


def a_topic(client: Client, topic: str, *ages_ms: int, **configs: object) -> None:
    """Create a topic with a segment of one record for each age; retention is off."""
    named = {name.replace("_", "."): str(value) for name, value in configs.items()}
    fixed = {"segment.bytes": str(SEGMENT_BYTES), "retention.ms": "-1"}
    create_topic(client, topic, configs=fixed | named)
    now_ms = time.time_ns() // 1_000_000
    for age_ms in ages_ms:
        batch = a_batch(timestamps=[now_ms - age_ms], values=[VALUE])
        assert produce_raw(client, topic, batch).error_code == ErrorCode.NONE


def alter(client: Client, topic: str, name: str, value: str) -> None:
    config = {"name": name, "config_operation": 0, "value": value}
    resource = {"resource_type": 2, "resource_name": topic, "configs": [config]}
    request = {"resources": [resource], "validate_only": False}
    answer = client.call(IncrementalAlterConfigs, request).responses[0]
    assert answer.error_code == ErrorCode.NONE, answer


def files(data: Path, topic: str, suffix: str) -> list[int]:
    """The offsets in the names of a partition's files with a suffix."""
    names = [path.name.partition(".") for path in (data / f"{topic}-0").iterdir()]
    return sorted(int(stem) for stem, _, rest in names if rest == suffix)


def test_old_segments_are_deleted_once_a_client_has_set_retention_ms(
    client: Client, topic: str, data: Path
) -> None:
    a_topic(client, topic, 99_000, 98_000, 0)
    assert offset_at(client, topic, EARLIEST) == 0

    alter(client, topic, "retention.ms", "60000")

    until(lambda: offset_at(client, topic, EARLIEST), 2)
    assert offset_at(client, topic, LATEST) == 3
    assert fetch_one(client, topic, 1).error_code == ErrorCode.OFFSET_OUT_OF_RANGE
    kept = fetch_one(client, topic, 2)
    assert (kept.error_code, kept.log_start_offset) == (ErrorCode.NONE, 2)
    until(lambda: files(data, topic, "log"), [2])
    assert files(data, topic, "log.deleted") == [0, 1]


def test_a_log_larger_than_retention_bytes_loses_its_oldest_segments(
    client: Client, topic: str
) -> None:
    a_topic(client, topic, 0, 0, 0, 0)

    alter(client, topic, "retention.bytes", str(2 * len(VALUE)))

    until(lambda: offset_at(client, topic, EARLIEST), 2)


def test_all_may_go_and_offsets_go_on(client: Client, topic: str) -> None:
    a_topic(client, topic, 99_000, 99_000)

    alter(client, topic, "retention.ms", "60000")

    until(lambda: offset_at(client, topic, EARLIEST), 2)
    answer = produce_raw(client, topic, a_batch(timestamps=[time.time_ns() // 1_000_000]))
    assert (answer.error_code, answer.base_offset) == (ErrorCode.NONE, 2)


def test_a_segments_files_go_after_file_delete_delay_ms(
    client: Client, topic: str, data: Path
) -> None:
    a_topic(client, topic, 99_000, 0, file_delete_delay_ms=0)

    alter(client, topic, "retention.ms", "60000")

    until(lambda: files(data, topic, "log"), [1])
    until(lambda: files(data, topic, "log.deleted"), [])


def test_segments_below_deleted_records_go_too(client: Client, topic: str, data: Path) -> None:
    a_topic(client, topic, 0, 0, 0)
    partition = {"partition_index": 0, "offset": 2}
    request = {"topics": [{"name": topic, "partitions": [partition]}], "timeout_ms": 1000}

    answer: Any = client.call(DeleteRecords, request).topics[0].partitions[0]

    assert (answer.error_code, answer.low_watermark) == (ErrorCode.NONE, 2)
    stored = (data / "log-start-offset-checkpoint").read_text().splitlines()
    assert f"{topic} 0 2" in stored
    until(lambda: files(data, topic, "log"), [2])


def test_a_deleted_topics_directory_has_another_name_until_it_goes(
    client: Client, topic: str, data: Path
) -> None:
    a_topic(client, topic, 0)
    request = {"topics": [{"name": topic}], "timeout_ms": 10_000}

    answer: Any = client.call(DeleteTopics, request).responses[0]

    assert answer.error_code == ErrorCode.NONE
    until((data / f"{topic}-0").exists, False)
    (gone,) = data.glob(f"{topic}-0.*-delete")
    assert [path.name for path in gone.glob("*.log")] == [f"{0:020d}.log"]
