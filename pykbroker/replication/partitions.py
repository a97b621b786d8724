"""The partitions on this broker: logs opened, led, reconfigured and deleted as the image says.

Level-triggered: `apply` compares the newest image with the last one applied, and what handlers are
shown as `image` is always one whose partitions are ready. Only `apply` opens or deletes logs.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import trio

from pykbroker.errors import ErrorCode, KafkaError
from pykbroker.metadata.image import ClusterImage
from pykbroker.metadata.keys import ConfigType, Keys
from pykbroker.replication.partition import PartitionLeader
from pykbroker.storage.log_directory import FoundPartition, LogDirectory

if TYPE_CHECKING:
    from random import Random

    from pykbroker.clock import Clock
    from pykbroker.metadata.cluster import Metadata
    from pykbroker.metadata.values import PartitionImage, TopicImage
    from pykbroker.replication.settings import LiveSettings
    from pykbroker.storage.log import Log
    from pykbroker.storage.log_config import LogConfig

log = logging.getLogger("pykbroker.replication")

Offload = Callable[[Callable[[], Any]], Awaitable[Any]]
"""Runs blocking work off the event loop; in memory, at once."""
NOTHING = ClusterImage(Keys.of(""))
"""Before the first image is applied, this broker knows of nothing."""
Place = tuple[str, int]
"""Topic name and partition index."""


@dataclass(frozen=True, slots=True)
class _Hosted:
    """A log on this broker and where it lies."""

    leader: PartitionLeader
    directory: LogDirectory

    @property
    def log(self) -> Log:
        return self.leader.partition_log

    @property
    def place(self) -> Place:
        return self.log.topic, self.log.partition


class Partitions:
    """This broker's partitions."""

    def __init__(
        self,
        *,
        node_id: int,
        directories: Sequence[LogDirectory],
        settings: LiveSettings,
        clock: Clock,
        random: Random,
        offload: Offload,
    ) -> None:
        self.image = NOTHING
        self.directories = directories
        self._node_id = node_id
        self._settings = settings
        self._clock = clock
        self._random = random
        self._offload = offload
        self._hosted: dict[Place, _Hosted] = {}
        self._failed: dict[Place, Exception] = {}
        self._found = {
            (found.topic, found.partition): directory
            for directory in directories
            for found in directory.partitions()
        }
        self._applied = trio.Event()

    # -- for handlers --------------------------------------------------------------------------

    def leader(self, topic: str, index: int) -> PartitionLeader:
        """Give the leader of a partition that this broker leads.

        Raises UNKNOWN_TOPIC_OR_PARTITION, NOT_LEADER_OR_FOLLOWER, or KAFKA_STORAGE_ERROR when its
        log could not be opened.
        """
        hosted = self._hosted.get((topic, index))
        if hosted is not None:
            return hosted.leader
        if (topic, index) in self._failed:
            raise KafkaError(ErrorCode.KAFKA_STORAGE_ERROR)
        if self.image.partition(topic, index) is None:
            raise KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
        raise KafkaError(ErrorCode.NOT_LEADER_OR_FOLLOWER)

    def is_offline(self, topic: str, index: int) -> bool:
        """Tell whether the disk failed under a partition of this broker."""
        hosted = self._hosted.get((topic, index))
        return (topic, index) in self._failed or (hosted is not None and hosted.leader.is_offline)

    @property
    def any_offline(self) -> bool:
        """Whether the disk failed under a partition since the start."""
        return bool(self._failed) or any(
            hosted.leader.is_offline for hosted in self._hosted.values()
        )

    def logs_in(self, directory: LogDirectory) -> Iterator[Log]:
        """Give the logs that lie in `directory`."""
        return (hosted.log for hosted in self._hosted.values() if hosted.directory is directory)

    async def applied(self, revision: int) -> None:
        """Wait until this broker acts by the image of `revision` or a later one."""
        while self.image.revision < revision:
            await self._applied.wait()

    def drain(self) -> None:
        """Let those who wait for records answer with what there is: the broker is stopping."""
        for hosted in self._hosted.values():
            hosted.leader.drain()

    # -- following the image -------------------------------------------------------------------

    async def follow(
        self, metadata: Metadata, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Apply the image, report started, and apply every later one.

        Ends when: cancelled. On error: a log that cannot be opened is offline, the others go on.
        """
        await self._remove_orphans(metadata.image)
        await self.apply(metadata.image)
        task_status.started()
        while True:
            await self.apply(await metadata.image_after(self.image.revision))
            for topic_id, brokers in self.image.gone.items():
                if self._node_id in brokers:
                    await metadata.confirm_gone(topic_id)

    async def _remove_orphans(self, image: ClusterImage) -> None:
        """Remove what is left of topics deleted while this broker was away.

        Files of topics that the metadata has never heard of are left alone and told of: the
        metadata may be what is missing.
        """
        for directory in self.directories:
            for found in directory.partitions():
                topic = image.topics.get(found.topic)
                if topic is not None and topic.topic_id == found.topic_id:
                    continue
                if found.topic_id in image.gone:
                    await self._offload(partial(self._remove, directory, found))
                else:
                    log.warning(
                        "files of an unknown topic are left alone topic=%s partition=%d in %s;"
                        " remove them if nobody misses them",
                        found.topic,
                        found.partition,
                        directory.path,
                    )

    def _remove(self, directory: LogDirectory, found: FoundPartition) -> None:
        directory.delete(found.topic, found.partition, self._random.randbytes(16).hex())
        self._found.pop((found.topic, found.partition), None)

    async def apply(self, image: ClusterImage) -> None:
        """Make this broker's partitions those of `image`."""
        before = self.image
        assert image.revision > before.revision, "an image is applied once"
        gone = [
            place
            for place, hosted in self._hosted.items()
            if (topic := image.topics.get(place[0])) is None
            or topic.topic_id != hosted.log.topic_id
        ]
        if gone:
            await self._delete(gone)
        changed = [
            topic for name, topic in image.topics.items() if before.topics.get(name) is not topic
        ]
        if image.configs is not before.configs:
            self._settings.follow(image)
        await self._open(changed, image)
        for topic in changed:
            for partition in topic.partitions:
                self._lead(topic, partition)
        if image.configs is not before.configs:
            self._reconfigure(image)
        self.image = image
        self._applied.set()
        self._applied = trio.Event()

    def _reconfigure(self, image: ClusterImage) -> None:
        """Give every log the configuration that holds by `image`."""
        configs: dict[str, LogConfig] = {}
        for (topic, _), hosted in self._hosted.items():
            if topic not in configs:
                configs[topic] = self._settings.log_config(image.config(ConfigType.TOPIC, topic))
            hosted.log.config = configs[topic]

    def _lead(self, topic: TopicImage, partition: PartitionImage) -> None:
        hosted = self._hosted.get((topic.name, partition.index))
        if hosted is not None and hosted.leader.image != partition:
            hosted.leader.lead(partition)
            hosted.leader.wake_all()

    async def _open(self, topics: Sequence[TopicImage], image: ClusterImage) -> None:
        wanted = [
            (topic, partition)
            for topic in topics
            for partition in topic.partitions
            if self._node_id in partition.replicas
            and (topic.name, partition.index) not in self._hosted
        ]
        if wanted:
            await self._offload(partial(self._open_logs, wanted, image))

    def _open_logs(
        self, wanted: Sequence[tuple[TopicImage, PartitionImage]], image: ClusterImage
    ) -> None:
        now_ms = self._clock.now_ms()
        configs: dict[str, LogConfig] = {}
        for topic, partition in wanted:
            place = (topic.name, partition.index)
            config = configs.get(topic.name)
            if config is None:
                overrides = image.config(ConfigType.TOPIC, topic.name)
                config = configs[topic.name] = self._settings.log_config(overrides)
            directory = self._directory_for(place)
            try:
                opened = directory.log(
                    topic.name, partition.index, topic.topic_id, config, now_ms=now_ms
                )
            except (OSError, KafkaError) as failure:
                self._failed[place] = failure
                log.exception("partition offline topic=%s partition=%d", *place)
                continue
            self._failed.pop(place, None)
            self._found[place] = directory
            leader = PartitionLeader(opened, partition, node_id=self._node_id)
            self._hosted[place] = _Hosted(leader, directory)

    def _directory_for(self, place: Place) -> LogDirectory:
        """Where the log lies already, else the directory with the fewest logs."""
        if place in self._found:
            return self._found[place]
        counts = [sum(1 for _ in self.logs_in(directory)) for directory in self.directories]
        return self.directories[counts.index(min(counts))]

    async def _delete(self, places: Sequence[Place]) -> None:
        refusal = KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
        doomed = [self._hosted.pop(place) for place in places]
        for hosted in doomed:
            hosted.leader.retire(refusal)
        await self._offload(partial(self._delete_logs, doomed))

    def _delete_logs(self, doomed: Sequence[_Hosted]) -> None:
        for hosted in doomed:
            try:
                self._remove(hosted.directory, FoundPartition(*hosted.place, hosted.log.topic_id))
            except OSError:
                log.exception(
                    "files not deleted topic=%s partition=%d",
                    hosted.log.topic,
                    hosted.log.partition,
                )
