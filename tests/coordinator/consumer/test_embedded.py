"""What classic consumers embed in their metadata and assignments, as values of consumer groups."""

from __future__ import annotations

import pytest

from pykbroker.coordinator.consumer.embedded import (
    EmbeddedSubscription,
    assignment_bytes,
    assignment_in,
    subscription_in,
)
from pykbroker.errors import ProtocolError
from pykbroker.wire.messages.consumer_protocol import (
    ConsumerProtocolAssignment,
    ConsumerProtocolSubscription,
)
from tests.coordinator.consumer.mixed_groups import metadata, share
from tests.coordinator.consumer.partitions import some
from tests.coordinator.driven import a_topic, topics_of

TOPICS = topics_of([a_topic("a", 4), a_topic("b", 2)])


def test_a_subscription_tells_topics_and_what_is_owned_and_where() -> None:
    told = subscription_in(metadata("ba", "a1 a0 b1", rack_id="rack"))

    assert told == EmbeddedSubscription(
        topics=("a", "b"), owned_partitions=(("a", (0, 1)), ("b", (1,))), rack_id="rack"
    )
    assert told.owned(TOPICS) == some("a0 a1 b1")


def test_the_first_version_tells_topics_only() -> None:
    told = subscription_in(metadata("a", "a0", version=0))

    assert told == EmbeddedSubscription(topics=("a",))


def test_an_empty_rack_is_none() -> None:
    assert subscription_in(metadata(rack_id="")).rack_id is None


def test_a_newer_version_is_read_as_the_newest_known_one() -> None:
    newer = b"\x00\x09" + metadata("a", "a0", rack_id="rack")[2:] + b"more"

    assert subscription_in(newer) == subscription_in(metadata("a", "a0", rack_id="rack"))


@pytest.mark.parametrize("data", [b"", b"\0", b"\0\0", b"\xff\xff" + metadata()[2:]])
def test_what_is_no_subscription_is_refused(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        subscription_in(data)


def test_of_a_topic_told_twice_the_first_counts() -> None:
    twice = [{"topic": "a", "partitions": [0]}, {"topic": "a", "partitions": [1]}]
    owned = ConsumerProtocolSubscription.version(1).build(
        {"topics": ["a", "a"], "owned_partitions": twice}
    )
    assigned = ConsumerProtocolAssignment.version(0).build({"assigned_partitions": twice})

    assert subscription_in(b"\0\1" + owned) == EmbeddedSubscription(("a",), (("a", (0,)),))
    assert assignment_in(b"\0\0" + assigned).partitions(TOPICS) == some("a0")


def test_topics_that_are_not_there_count_for_nothing() -> None:
    assert assignment_in(share("a0 c0")).partitions(TOPICS) == some("a0")
    assert subscription_in(metadata("c", "c0 b1")).owned(TOPICS) == some("b1")


def test_a_member_that_never_synced_has_nothing() -> None:
    assert assignment_in(b"").partitions(TOPICS) == {}


@pytest.mark.parametrize(("user_data", "has"), [(None, False), (b"", False), (b"1", True)])
def test_what_a_custom_assignor_adds_is_noticed(user_data: bytes | None, *, has: bool) -> None:
    assert assignment_in(share("a0", user_data=user_data)).has_user_data is has


@pytest.mark.parametrize("version", [0, 1, 2, 3])
def test_an_assignment_is_written_in_the_version_of_the_members_metadata(version: int) -> None:
    told = assignment_bytes(some("b1 a3 a0"), TOPICS, metadata=metadata(version=version))

    assert told == share("a0 a3 b1", version=version)


def test_an_assignment_leaves_deleted_topics_out() -> None:
    assert assignment_bytes(some("a0 c0"), TOPICS, metadata=metadata()) == share("a0")
