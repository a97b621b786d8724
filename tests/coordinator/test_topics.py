"""The topics of the cluster as coordinators see them, from one revision to the next."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pykbroker.coordinator.topics import NO_TOPICS, TopicChanges, Topics
from pykbroker.metadata.image import ClusterImage
from pykbroker.metadata.keys import Keys
from pykbroker.metadata.values import PartitionImage, TopicImage


def a_topic(name: str, partitions: int = 1, *, number: int = 0) -> TopicImage:
    images = tuple(PartitionImage(index, (1,), leader=1) for index in range(partitions))
    topic_id = f"{name}{number}".encode().rjust(16, b"\1")
    return TopicImage(name, topic_id, partitions, 1, partitions=images)


A, B = a_topic("a"), a_topic("b")


def an_image(revision: int, *topics: TopicImage) -> ClusterImage:
    names = {topic.name: topic for topic in topics}
    return ClusterImage(Keys.of(""), revision=revision, topics=names)


def topics_of(*topics: TopicImage) -> Topics:
    return NO_TOPICS.following(an_image(1, *topics))


def test_what_did_not_change_is_the_same_object() -> None:
    before = topics_of(A, B)

    after = before.following(an_image(2, A, a_topic("b", 2)))

    assert after.by_name["a"] is before.by_name["a"]
    assert after.by_name["b"].partitions == 2
    assert (after.revision, set(after.by_id)) == (2, {A.topic_id, B.topic_id})


def test_an_image_with_the_same_topics_gives_the_same_object() -> None:
    image = an_image(1, A)
    before = NO_TOPICS.following(image)

    assert before.following(replace(image, revision=2)) is before


@pytest.mark.parametrize(
    ("now", "names", "has_new"),
    [
        ((A, B, a_topic("c")), {"c"}, True),
        ((A,), {"b"}, False),
        ((A, a_topic("b", 2)), {"b"}, False),
        ((A, a_topic("b", number=1)), {"b"}, True),
        ((B, A), set(), False),
    ],
    ids=["one came", "one went", "one grew", "one was made anew", "nothing changed"],
)
def test_changes_are_told_from_any_revision(
    now: tuple[TopicImage, ...], names: set[str], has_new: bool
) -> None:
    before = topics_of(A, B)
    expected = TopicChanges(frozenset(names), has_new)

    after = before.following(an_image(2, *now))
    later = after.following(an_image(3, *now))

    assert after.changes_from(before) == later.changes_from(before) == expected


def test_changes_of_one_step_are_found_out_once() -> None:
    before = topics_of(A)
    after = before.following(an_image(2, A, B))

    assert after.changes_from(before) is after.changes_from(before)
