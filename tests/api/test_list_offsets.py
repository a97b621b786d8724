"""ListOffsets through a real socket."""

from __future__ import annotations

import pytest

from pykbroker.errors import ErrorCode
from pykbroker.wire.messages.list_offsets import ListOffsets
from tests.api.requests import create_topic, produce
from tests.kafka_client import Client


def list_offset(
    client: Client,
    topic: str,
    timestamp: int,
    *,
    version: int = 11,
    epoch: int = -1,
    twice: bool = False,
) -> dict[str, int]:
    partition = {"partition_index": 0, "timestamp": timestamp, "current_leader_epoch": epoch}
    request = {
        "replica_id": -1,
        "topics": [{"name": topic, "partitions": [partition] * (2 if twice else 1)}],
    }
    response = client.call(ListOffsets, request, version=version)
    return dict(response.topics[0].partitions[0])


@pytest.mark.row(82)
def test_a_time_past_the_end_has_no_offset_and_no_error(client: Client, topic: str) -> None:
    create_topic(client, topic)
    produce(client, topic, timestamps=[1_000, 2_000])

    found = list_offset(client, topic, 2_001)

    assert (found["error_code"], found["offset"], found["timestamp"]) == (0, -1, -1)


@pytest.mark.row(82)
def test_a_timestamp_is_answered_with_the_first_record_not_older(
    client: Client, topic: str
) -> None:
    create_topic(client, topic)
    produce(client, topic, timestamps=[1_000, 2_000, 3_000])

    found = list_offset(client, topic, 1_500)

    assert (found["offset"], found["timestamp"]) == (1, 2_000)


@pytest.mark.row(84)
def test_a_partition_named_twice_is_an_invalid_request(client: Client, topic: str) -> None:
    create_topic(client, topic)

    assert list_offset(client, topic, -1, twice=True)["error_code"] == ErrorCode.INVALID_REQUEST
