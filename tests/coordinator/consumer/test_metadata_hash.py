"""The hash of a group's topics is Kafka's: values computed by hash4j 0.22 (Hashing.xxh3_64)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pykbroker.coordinator.assignors.assignment import TopicShape
from pykbroker.coordinator.consumer.metadata_hash import group_hash, topic_hash
from tests.coordinator.consumer.partitions import a_topic
from tests.coordinator.driven import topics_of

FOO = TopicShape(
    topic_id=bytes.fromhex("01020304050607081112131415161718"),
    name="foo",
    partitions=3,
    racks=(frozenset({"rack-b", "a"}),) * 3,
)


def signed(value: int) -> int:
    """Read 64 bits as a signed number."""
    return value - (1 << 64) if value >> 63 else value


def test_a_topic_is_hashed_with_its_id_name_partitions_and_racks() -> None:
    assert signed(topic_hash(FOO)) == 7791146339475254144


@pytest.mark.parametrize(
    "other",
    [
        replace(FOO, topic_id=bytes(16)),
        replace(FOO, name="bar"),
        replace(FOO, partitions=2),
        replace(FOO, racks=()),
        replace(FOO, racks=(frozenset({"a"}),) * 3),
    ],
)
def test_whatever_changes_of_a_topic_changes_its_hash(other: TopicShape) -> None:
    assert topic_hash(other) != topic_hash(FOO)


def test_a_group_s_hash_knows_no_order_of_names() -> None:
    topics = topics_of([a_topic("a", 1), a_topic("b", 1)])

    assert group_hash(["b", "a"], topics) == group_hash(["a", "b"], topics)
    assert group_hash(["a"], topics) != group_hash(["a", "b"], topics)


def test_topics_that_do_not_exist_do_not_count() -> None:
    topics = topics_of([a_topic("a", 1)])

    assert group_hash(["a", "missing"], topics) == group_hash(["a"], topics)
    assert group_hash(["missing"], topics) == group_hash([], topics) == 0


def test_a_group_s_hash_fits_a_signed_field() -> None:
    topics = topics_of(a_topic(chr(ord("a") + number), number + 1) for number in range(16))
    hashes = [group_hash([name], topics) for name in topics.by_name]

    assert min(hashes) < 0 < max(hashes)
    assert all(-(1 << 63) <= value < 1 << 63 for value in hashes)
