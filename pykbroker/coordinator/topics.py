"""The topics of the cluster as group coordinators see them: names, ids, counts, racks.

Immutable; a newer one shares the shapes of topics that did not change.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pykbroker.coordinator.assignors.assignment import TopicShape

if TYPE_CHECKING:
    from pykbroker.metadata.image import ClusterImage
    from pykbroker.metadata.values import TopicImage


@dataclass(frozen=True, slots=True)
class Topics:
    """Every active topic at one revision of the metadata."""

    revision: int = 0
    by_name: Mapping[str, TopicShape] = field(default_factory=dict)
    by_id: Mapping[bytes, TopicShape] = field(default_factory=dict)

    def name_of(self, topic_id: bytes) -> str | None:
        """Give the name of a topic, None where there is none of that id."""
        shape = self.by_id.get(topic_id)
        return None if shape is None else shape.name

    def following(self, image: ClusterImage) -> Topics:
        """Give the topics of `image`, with the shapes kept that are as before."""
        racks = {broker_id: broker.rack for broker_id, broker in image.brokers.items()}
        shapes = [self._shape(topic, racks) for topic in image.topics.values()]
        return Topics(
            image.revision,
            {shape.name: shape for shape in shapes},
            {shape.topic_id: shape for shape in shapes},
        )

    def _shape(self, topic: TopicImage, racks: Mapping[int, str | None]) -> TopicShape:
        known = any(racks.values())
        shape = TopicShape(
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
        before = self.by_id.get(topic.topic_id)
        return before if before == shape else shape


NO_TOPICS = Topics()
