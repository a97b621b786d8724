"""Creating topics: decided on the newest image, written, and ready here when told.

Both CreateTopics and automatic creation come through here, so that a topic which was told created
can be produced to at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pykbroker.config import validate_topic_configs
from pykbroker.errors import KafkaError
from pykbroker.metadata.changes import TopicPlan
from pykbroker.replication.controller import NewTopic, TopicDefaults, decide_create_topics

if TYPE_CHECKING:
    from random import Random

    from pykbroker.metadata.cluster import Metadata
    from pykbroker.replication.partitions import Partitions
    from pykbroker.replication.settings import LiveSettings

Decided = dict[str, TopicPlan | KafkaError]


class TopicCreation:
    """Creates topics through the metadata, with this broker's defaults."""

    def __init__(
        self,
        *,
        metadata: Metadata,
        partitions: Partitions,
        settings: LiveSettings,
        random: Random,
    ) -> None:
        self._metadata = metadata
        self._partitions = partitions
        self._settings = settings
        self._random = random

    async def create(self, topics: Sequence[NewTopic], *, validate_only: bool = False) -> Decided:
        """Give for each name the plan that was carried out, or why it was not.

        With `validate_only`, plans are given and not carried out.
        """
        config = self._settings.config
        decided = decide_create_topics(
            self._metadata.image,
            topics,
            defaults=TopicDefaults(
                config.integer("num.partitions"), config.integer("default.replication.factor")
            ),
            check_configs=lambda overrides: validate_topic_configs(overrides, config),
            dice=self._random,
        )
        if validate_only:
            return decided
        plans = [plan for plan in decided.values() if isinstance(plan, TopicPlan)]
        if plans:
            decided |= await self._metadata.create_topics(plans)
            await self._partitions.applied(self._metadata.image.revision)
        return decided
