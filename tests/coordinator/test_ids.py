"""Ids that a coordinator makes up look as Kafka's do."""

from __future__ import annotations

import uuid
from base64 import urlsafe_b64decode
from random import Random

import pytest

from pykbroker.coordinator.ids import classic_member_id, consumer_member_id
from pykbroker.errors import KafkaError


def test_a_prefix_that_leaves_no_room_for_the_rest_is_refused() -> None:
    longest = classic_member_id("é" * 16_365, Random(1).randbytes)

    with pytest.raises(KafkaError, match="UNKNOWN_SERVER_ERROR"):
        classic_member_id("é" * 16_365 + "ab", Random(1).randbytes)
    assert len(longest.encode()) == 32_730 + 37


def test_a_classic_member_id_is_its_prefix_and_a_uuid() -> None:
    number = bytes(range(16))

    member_id = classic_member_id("console-consumer", lambda size: number[:size])

    assert member_id == "console-consumer-00010203-0405-4607-8809-0a0b0c0d0e0f"


@pytest.mark.parametrize("prefix", ["", "a-b", "é"])
def test_any_prefix_is_kept(prefix: str) -> None:
    member_id = classic_member_id(prefix, Random(1).randbytes)

    assert member_id[: -len("-") - 36] == prefix
    assert uuid.UUID(member_id[-36:]).version == 4


def test_a_consumer_member_id_is_a_uuid_in_base64() -> None:
    member_id = consumer_member_id(lambda size: bytes(range(size)))

    assert member_id == "AAECAwQFRgeICQoLDA0ODw"
    assert uuid.UUID(bytes=urlsafe_b64decode(member_id + "==")).version == 4


def test_no_consumer_member_id_begins_with_a_dash() -> None:
    drawn = iter([b"\xfb" * 16, b"\xf8" * 16, b"\x01" * 16])

    member_id = consumer_member_id(lambda _: next(drawn))

    assert member_id == "AQEBAQEBQQGBAQEBAQEBAQ"


def test_no_two_ids_are_alike() -> None:
    random_bytes = Random(1).randbytes

    ids = {consumer_member_id(random_bytes) for _ in range(200)}
    ids |= {classic_member_id("c", random_bytes) for _ in range(200)}

    assert len(ids) == 400
