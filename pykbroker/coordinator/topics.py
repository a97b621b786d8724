"""The topics of the cluster as group coordinators see them: names, ids, counts, racks.

Immutable; a newer one shares the shapes of topics that did not change.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from pykbroker.coordinator.assignors.assignment import TopicShape

if TYPE_CHECKING:
    from pykbroker.metadata.image import ClusterImage
    from pykbroker.metadata.values import TopicImage


class TopicChanges(NamedTuple):
    """What became of the topics between two revisions."""

    names: frozenset[str]
    """Of topics that came, went, or are otherwise than before."""
    has_new: bool
    """Whether any came, one made anew under its old name too."""


@dataclass(frozen=True, slots=True)
class Topics:
    """Every active topic at one revision of the metadata."""

    revision: int = 0
    by_name: Mapping[str, TopicShape] = field(default_factory=dict)
    by_id: Mapping[bytes, TopicShape] = field(default_factory=dict)
    images: Mapping[str, TopicImage] = field(default_factory=dict, compare=False, repr=False)
    """What the shapes were made of."""
    racks: Mapping[int, str | None] = field(default_factory=dict, compare=False, repr=False)
    """By broker id."""
    last_changes: tuple[int, TopicChanges] | None = field(default=None, compare=False, repr=False)
    """What `following` has changed, and from which revision on."""

    def name_of(self, topic_id: bytes) -> str | None:
        """Give the name of a topic, None where there is none of that id."""
        shape = self.by_id.get(topic_id)
        return None if shape is None else shape.name

    def following(self, image: ClusterImage) -> Topics:
        """Give the topics of `image`, this very object where they are as before.

        Shapes are kept where topic and racks are.
        """
        racks = {broker_id: broker.rack for broker_id, broker in image.brokers.items()}
        if image.topics is self.images and racks == self.racks:
            return self
        known = self.images if racks == self.racks else {}
        by_name = {
            name: self.by_name[name] if known.get(name) is topic else _shape(topic, racks)
            for name, topic in image.topics.items()
        }
        by_id = {shape.topic_id: shape for shape in by_name.values()}
        changes = self.revision, _changes(self.by_name, by_name)
        return Topics(image.revision, by_name, by_id, image.topics, racks, changes)

    def changes_from(self, before: Topics) -> TopicChanges:
        """Tell what is otherwise than in `before`, mostly found out once for all who ask."""
        if self.last_changes is not None and self.last_changes[0] == before.revision:
            return self.last_changes[1]
        return _changes(before.by_name, self.by_name)


def _changes(before: Mapping[str, TopicShape], after: Mapping[str, TopicShape]) -> TopicChanges:
    came_or_changed = {
        name
        for name, shape in after.items()
        if (known := before.get(name)) is not shape and known != shape
    }
    has_new = any(
        (known := before.get(name)) is None or known.topic_id != after[name].topic_id
        for name in came_or_changed
    )
    return TopicChanges(frozenset(came_or_changed | (before.keys() - after.keys())), has_new)


def _shape(topic: TopicImage, racks: Mapping[int, str | None]) -> TopicShape:
    known = any(racks.values())
    return TopicShape(
        topic_id=topic.topic_id,
        name=topic.name,
        partitions=len(topic.partitions),
        racks=tuple(
            frozenset(rack for each in partition.replicas if (rack := racks.get(each)))
            for partition in topic.partitions
        )
        if known
        else (),
    )


NO_TOPICS = Topics()
