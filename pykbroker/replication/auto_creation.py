"""Topics created because somebody asked for them; follows `DefaultAutoTopicCreationManager`.

The asker hears UNKNOWN_TOPIC_OR_PARTITION once more and finds the topic when it asks again; with
`auto.create.topics.mode=instant` its answer waits for the topic instead.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import trio

from pykbroker.errors import ErrorCode, KafkaError
from pykbroker.replication.controller import NewTopic
from pykbroker.replication.topic_names import GROUP_METADATA_TOPIC, check_topic_name

if TYPE_CHECKING:
    from pykbroker.replication.settings import LiveSettings
    from pykbroker.replication.topic_creation import TopicCreation

log = logging.getLogger("pykbroker.replication")

INSTANT = "instant"
INTERNAL_REPLICAS_MAX = 3


class AutoCreation:
    """Creates missing topics, each at most once at a time."""

    def __init__(
        self,
        *,
        creation: TopicCreation,
        settings: LiveSettings,
        live_brokers: Callable[[], int],
        start_soon: Callable[..., object],
    ) -> None:
        self._creation = creation
        self._settings = settings
        self._live_brokers = live_brokers
        self._start_soon = start_soon
        self._under_way: dict[str, trio.Event] = {}
        """By name: set when the creation has ended."""

    async def ask(
        self, names: Sequence[str], *, mode: str = "auto.create.topics.mode"
    ) -> dict[str, ErrorCode]:
        """Create topics with the broker's defaults; give the codes of the names that cannot be.

        Where the property named by `mode` is instant, this returns when they are there, those that
        others asked for as well.
        """
        refused: dict[str, ErrorCode] = {}
        wanted: list[str] = []
        ended: list[trio.Event] = []
        for name in names:
            try:
                check_topic_name(name)
            except KafkaError as refusal:
                refused[name] = refusal.code
                continue
            if name not in self._under_way:
                self._under_way[name] = trio.Event()
                wanted.append(name)
            ended.append(self._under_way[name])
        if wanted:
            self._start_soon(self._create, wanted)
        if self._settings.config.text(mode) == INSTANT:
            for each in ended:
                await each.wait()
        return refused

    async def _create(self, names: Sequence[str]) -> None:
        """Create topics and forget that they were under way.

        Ends when: they are made or refused. On error: a refusal is logged, and the next asker
        starts again.
        """
        try:
            decided = await self._creation.create([self._new_topic(name) for name in names])
        except KafkaError as refusal:
            log.warning("topics not created automatically topics=%s: %s", names, refusal)
        else:
            for name, outcome in decided.items():
                if isinstance(outcome, KafkaError):
                    if outcome.code is ErrorCode.TOPIC_ALREADY_EXISTS:
                        continue  # somebody else was faster, and all is as wanted
                    log.warning("topic not created automatically topic=%s: %s", name, outcome)
                else:
                    log.info("topic created automatically topic=%s", name)
        finally:
            for name in names:
                self._under_way.pop(name).set()

    def _new_topic(self, name: str) -> NewTopic:
        if name != GROUP_METADATA_TOPIC:
            return NewTopic(name)
        config = self._settings.config
        # One broker can hold one replica; asking for Kafka's three would never succeed.
        replicas = min(
            config.integer("offsets.topic.replication.factor"),
            INTERNAL_REPLICAS_MAX,
            max(self._live_brokers(), 1),
        )
        return NewTopic(
            name,
            partitions=config.integer("offsets.topic.num.partitions"),
            replication_factor=replicas,
            configs=(
                ("cleanup.policy", "compact"),
                ("compression.type", "producer"),
                ("segment.bytes", str(config.integer("offsets.topic.segment.bytes"))),
            ),
        )
