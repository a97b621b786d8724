"""Produce through a real socket: who may, how it is answered, and what is repeated."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pykbroker.errors import ErrorCode
from pykbroker.wire.messages.produce import Produce
from tests.api.requests import (
    a_batch,
    create_topic,
    fetched,
    produce,
    produce_raw,
    refused,
    resealed,
)
from tests.kafka_client import Client

TRANSACTIONAL_BIT = 0x10
PRODUCER: dict[str, Any] = {"producer_id": 7_000, "producer_epoch": 0}


@pytest.mark.row(47)
@pytest.mark.bad_input(29)
@pytest.mark.parametrize("acks", [5, -2, 2])
def test_acks_other_than_all_one_and_none_are_refused(
    client: Client, topic: str, acks: int
) -> None:
    create_topic(client, topic)

    assert refused(client, topic, a_batch(), acks=acks) is ErrorCode.INVALID_REQUIRED_ACKS


@pytest.mark.row(48)
def test_an_unknown_topic_and_an_unknown_partition_are_told_so(client: Client, topic: str) -> None:
    create_topic(client, topic)

    unknown = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    assert produce_raw(client, topic + "-no", a_batch()).error_code == unknown
    assert produce_raw(client, topic, a_batch(), partition=1).error_code == unknown
    assert produce_raw(client, topic, a_batch(), partition=-1).error_code == unknown


@pytest.mark.row(48)
def test_a_topic_is_produced_to_by_id_and_an_unknown_id_is_told_so(
    client: Client, topic: str
) -> None:
    topic_id = create_topic(client, topic)

    def produced(wanted: bytes) -> int:
        partition = {"index": 0, "records": a_batch()}
        request = {
            "acks": -1,
            "timeout_ms": 5_000,
            "topic_data": [{"topic_id": wanted, "partition_data": [partition]}],
        }
        answer = client.call(Produce, request, version=13).responses[0]
        assert answer.topic_id == wanted
        return int(answer.partition_responses[0].error_code)

    assert produced(topic_id) == ErrorCode.NONE
    assert produced(bytes(15) + b"\x01") == ErrorCode.UNKNOWN_TOPIC_ID


@pytest.mark.row(57)
def test_a_single_replica_accepts_all_acks_whatever_the_minimum(client: Client, topic: str) -> None:
    create_topic(client, topic, configs={"min.insync.replicas": "2"})

    assert produce(client, topic) == 0


@pytest.mark.row(58)
@pytest.mark.bad_input(33)
def test_internal_topics_are_written_by_nobody_but_the_admin_client(
    client: Client, connect: Callable[..., Client]
) -> None:
    create_topic(client, "__transaction_state")

    answer = produce_raw(client, "__transaction_state", a_batch())

    assert answer.error_code == ErrorCode.INVALID_TOPIC_EXCEPTION
    admin = connect(client_id="__admin_client")
    assert produce_raw(admin, "__transaction_state", a_batch()).error_code == ErrorCode.NONE


@pytest.mark.row(59)
def test_acks_none_is_not_answered(client: Client, topic: str) -> None:
    create_topic(client, topic)
    partition = {"index": 0, "records": a_batch()}
    request = {"topic_data": [{"name": topic, "partition_data": [partition]}]}

    client.send(Produce, request, version=12)

    # The next answer on the connection is the next request's.
    assert produce(client, topic) == 1


@pytest.mark.row(59)
@pytest.mark.bad_input(30)
def test_a_failure_without_acks_closes_the_connection(
    client: Client, connect: Callable[..., Client], topic: str
) -> None:
    create_topic(client, topic)
    doomed = connect()
    partition = {"index": 3, "records": a_batch()}
    request = {"topic_data": [{"name": topic, "partition_data": [partition]}]}

    doomed.send(Produce, request, version=12)

    assert doomed.is_closed_by_broker()
    assert produce(client, topic) == 0


@pytest.mark.row(63)
@pytest.mark.bad_input(31)
def test_a_repeated_batch_is_answered_with_its_first_offset(client: Client, topic: str) -> None:
    create_topic(client, topic)
    batches = [a_batch(base_sequence=sequence, **PRODUCER) for sequence in range(6)]
    offsets = [produce_raw(client, topic, batch).base_offset for batch in batches]

    again = [produce_raw(client, topic, batch) for batch in batches[1:]]

    assert offsets == [0, 1, 2, 3, 4, 5]
    assert [(answer.error_code, answer.base_offset) for answer in again] == [
        (ErrorCode.NONE, offset) for offset in offsets[1:]
    ]
    assert produce(client, topic) == 6


@pytest.mark.row(63)
@pytest.mark.bad_input(31)
def test_a_batch_repeated_after_five_others_is_out_of_order(client: Client, topic: str) -> None:
    create_topic(client, topic)
    batches = [a_batch(base_sequence=sequence, **PRODUCER) for sequence in range(6)]
    for batch in batches:
        produce_raw(client, topic, batch)

    answer = produce_raw(client, topic, batches[0])

    assert answer.error_code == ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER


@pytest.mark.row(64)
@pytest.mark.bad_input(31)
def test_gaps_and_epochs_of_a_producer_are_watched(client: Client, topic: str) -> None:
    create_topic(client, topic)

    def code(producer_epoch: int, sequence: int, producer_id: int = 7_001) -> ErrorCode:
        batch = a_batch(
            producer_id=producer_id, producer_epoch=producer_epoch, base_sequence=sequence
        )
        return ErrorCode(produce_raw(client, topic, batch).error_code)

    assert code(3, 41) is ErrorCode.NONE  # unknown so far: any sequence
    assert code(3, 43) is ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
    assert code(2, 42) is ErrorCode.INVALID_PRODUCER_EPOCH
    assert code(4, 42) is ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
    assert code(4, 0) is ErrorCode.NONE
    assert code(0, 2**31 - 1, producer_id=7_002) is ErrorCode.NONE
    assert code(0, 0, producer_id=7_002) is ErrorCode.NONE  # wraps


@pytest.mark.row(67)
@pytest.mark.bad_input(27)
def test_a_transactional_batch_without_an_id_fails_the_whole_request(
    client: Client, topic: str
) -> None:
    create_topic(client, topic, partitions=2)
    transactional = resealed(a_batch(base_sequence=0, **PRODUCER), attributes=TRANSACTIONAL_BIT)
    partitions = [{"index": 0, "records": a_batch()}, {"index": 1, "records": transactional}]
    request = {
        "acks": -1,
        "timeout_ms": 5_000,
        "topic_data": [{"name": topic, "partition_data": partitions}],
    }

    answers = client.call(Produce, request, version=12).responses[0].partition_responses

    refusal = ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED
    assert [answer.error_code for answer in answers] == [refusal] * 2
    assert fetched(client, topic) == b""


@pytest.mark.row(9)
def test_versions_below_3_are_advertised_and_close_the_connection(
    client: Client, topic: str
) -> None:
    create_topic(client, topic)

    client.send_raw(
        client.frame(Produce, {"topic_data": []}, version=3)[:2] + b"\x00\x02" + bytes(20)
    )

    assert client.is_closed_by_broker()
