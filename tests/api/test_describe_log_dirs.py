"""DescribeLogDirs through a real socket."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pykbroker.errors import ErrorCode
from pykbroker.testing import Broker
from pykbroker.wire.messages.describe_log_dirs import DescribeLogDirs
from tests.api.requests import a_batch, create_topic, produce
from tests.kafka_client import Client


def directories(client: Client, topics: list[Any] | None, *, version: int = 5) -> Any:
    response = client.call(DescribeLogDirs, {"topics": topics}, version=version)
    assert response.error_code == ErrorCode.NONE
    return response.results


def sizes(directory: Any) -> dict[tuple[str, int], int]:
    return {
        (t.name, p.partition_index): p.partition_size
        for t in directory.topics
        for p in t.partitions
    }


@pytest.mark.bad_input(44)
def test_partitions_are_told_with_the_bytes_of_their_segments(client: Client, topic: str) -> None:
    create_topic(client, topic, partitions=2)
    produce(client, topic, partition=1)

    (directory,) = directories(client, [{"topic": topic, "partitions": [0, 1]}])

    assert directory.error_code == ErrorCode.NONE
    assert sizes(directory) == {(topic, 0): 0, (topic, 1): len(a_batch())}
    states = {(p.offset_lag, p.is_future_key) for t in directory.topics for p in t.partitions}
    assert states == {(0, False)}


def test_no_list_asks_for_all_and_what_is_unknown_is_left_out(client: Client, topic: str) -> None:
    create_topic(client, topic)

    (everything,) = directories(client, None)
    assert (topic, 0) in sizes(everything)
    for asked in ([], [{"topic": topic, "partitions": [7]}], [{"topic": "no", "partitions": [0]}]):
        (nothing,) = directories(client, asked)
        assert nothing.topics == []


def test_a_volume_is_told_with_its_size_and_memory_without(client: Client, tmp_path: Path) -> None:
    with Broker(data_dir=tmp_path) as broker, Client(broker.bootstrap_servers) as on_disk:
        (directory,) = directories(on_disk, [], version=4)
    (memory,) = directories(client, [])

    assert directory.log_dir == str(tmp_path)
    assert 0 < directory.usable_bytes < directory.total_bytes
    assert (memory.total_bytes, memory.usable_bytes) == (-1, -1)


def test_a_directory_that_is_away_is_told_as_a_storage_error(tmp_path: Path) -> None:
    data, away = tmp_path / "data", tmp_path / "away"
    with Broker(data_dir=data) as broker, Client(broker.bootstrap_servers) as client:
        data.rename(away)
        (directory,) = directories(client, None)
        away.rename(data)

    assert directory.error_code == ErrorCode.KAFKA_STORAGE_ERROR
    assert directory.log_dir == str(data)
