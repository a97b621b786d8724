"""OffsetForLeaderEpoch through a real socket, on logs that went through several epochs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pykbroker.errors import ErrorCode
from pykbroker.testing import Broker
from pykbroker.wire.messages.offset_for_leader_epoch import OffsetForLeaderEpoch
from tests.api.requests import NOW_MS, create_topic, produce
from tests.kafka_client import Client


def end_offset(client: Client, topic: str, epoch: int, *, current: int = -1) -> Any:
    asked = {"partition": 0, "current_leader_epoch": current, "leader_epoch": epoch}
    request = {"replica_id": -1, "topics": [{"topic": topic, "partitions": [asked]}]}
    return client.call(OffsetForLeaderEpoch, request).topics[0].partitions[0]


def found(answer: Any) -> tuple[int, int, int]:
    return answer.error_code, answer.leader_epoch, answer.end_offset


@pytest.mark.row(86)
def test_epochs_are_answered_with_where_they_ended(tmp_path: Path) -> None:
    broker = Broker(data_dir=tmp_path)
    with broker, Client(broker.bootstrap_servers) as client:
        create_topic(client, "words")
        produce(client, "words", timestamps=[NOW_MS] * 3)
    with broker, Client(broker.bootstrap_servers) as client:
        produce(client, "words", timestamps=[NOW_MS] * 2)

        assert found(end_offset(client, "words", 0)) == (0, 0, 3)
        assert found(end_offset(client, "words", 1)) == (0, 1, 5)
        assert found(end_offset(client, "words", 2)) == (0, -1, -1)
        assert found(end_offset(client, "words", 0, current=0)) == (
            ErrorCode.FENCED_LEADER_EPOCH,
            -1,
            -1,
        )
        assert end_offset(client, "words", 0, current=1).error_code == ErrorCode.NONE
        newer = end_offset(client, "words", 0, current=2)
        assert newer.error_code == ErrorCode.UNKNOWN_LEADER_EPOCH


@pytest.mark.row(86)
def test_the_present_epoch_is_known_before_its_first_record(client: Client, topic: str) -> None:
    create_topic(client, topic)

    assert found(end_offset(client, topic, 0)) == (0, 0, 0)


@pytest.mark.row(86)
def test_an_unknown_topic_is_told_so(client: Client, topic: str) -> None:
    code = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION

    assert found(end_offset(client, topic, 0)) == (code, -1, -1)
