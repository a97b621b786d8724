"""The hash of a group's topics is Kafka's: values computed by hash4j 0.22 (Hashing.xxh3_64)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pykbroker.coordinator.assignors.assignment import TopicShape
from pykbroker.coordinator.consumer.metadata_hash import group_hash, topic_hash
from pykbroker.coordinator.consumer.xxh3 import xxh3_64
from tests.coordinator.consumer.partitions import a_topic
from tests.coordinator.driven import topics_of

OF_LENGTH = {
    0: 3244421341483603138,
    1: 5502495245947142431,
    3: 7943829059066201772,
    4: 6650799683851767871,
    8: -433104430451296011,
    9: 8944394699905593055,
    16: -8742622969447446440,
    17: -5364924204495744911,
    64: 1338082372350062813,
    128: 1211889905577015873,
    129: 1605741916052902306,
    160: 7303868565341031498,
    240: -5273803999686196762,
    241: -7679571566553258082,
    256: -5665997791763767380,
    512: -6851812253923438377,
    1024: 8123710315364152507,
    1025: 7405123385822357415,
    1088: -847301810213770052,
    2000: -587860334364933449,
    5000: -2017479414651090596,
}
"""Of the bytes 7, 138, 13, …: each is 131 more than the one before."""

FOO = TopicShape(
    topic_id=bytes.fromhex("01020304050607081112131415161718"),
    name="foo",
    partitions=3,
    racks=(frozenset({"rack-b", "a"}),) * 3,
)


def signed(value: int) -> int:
    """Read 64 bits as a signed number."""
    return value - (1 << 64) if value >> 63 else value


@pytest.mark.parametrize(("size", "expected"), OF_LENGTH.items())
def test_xxh3_is_hash4j_s_for_every_way_a_length_is_hashed(size: int, expected: int) -> None:
    data = bytes((i * 131 + 7) % 256 for i in range(size))

    assert signed(xxh3_64(data)) == expected


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
