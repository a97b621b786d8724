"""InitProducerId through a real socket."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pykbroker.errors import ErrorCode
from pykbroker.wire.messages.init_producer_id import InitProducerId
from tests.kafka_client import Client


def init(client: Client, **asked: Any) -> Any:
    request = {"transactional_id": None, "transaction_timeout_ms": 60_000}
    return client.call(InitProducerId, request | asked, version=5)


@pytest.mark.row(116)
def test_every_producer_gets_an_id_of_its_own(
    client: Client, connect: Callable[..., Client]
) -> None:
    other = connect()

    answers = [init(asker) for asker in (client, other) * 3]

    assert [(a.error_code, a.producer_epoch) for a in answers] == [(0, 0)] * 6
    assert len({answer.producer_id for answer in answers}) == 6


@pytest.mark.row(116)
@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"transactional_id": ""}, ErrorCode.INVALID_REQUEST),
        ({"producer_id": 5}, ErrorCode.INVALID_REQUEST),
        ({"producer_epoch": 5}, ErrorCode.INVALID_REQUEST),
        ({"transactional_id": "mine"}, ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED),
    ],
    ids=str,
)
def test_what_makes_no_sense_and_transactions_are_refused(
    client: Client, asked: dict[str, Any], code: ErrorCode
) -> None:
    answer = init(client, **asked)

    assert (answer.error_code, answer.producer_id, answer.producer_epoch) == (code, -1, -1)
