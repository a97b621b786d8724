"""The partitions on this broker: logs opened, led, reconfigured and deleted as the image says.

Level-triggered: `apply` compares the newest image with the last one applied, and what handlers are
shown as `image` is always one whose partitions are ready. Only `apply` opens or deletes logs.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

import trio

from pykbroker.errors import ErrorCode, KafkaError
from pykbroker.metadata.image import ClusterImage
from pykbroker.metadata.keys import ConfigType, Keys
from pykbroker.replication.checkpoints import Checkpoints, Offload
from pykbroker.replication.directory_health import tell_failed
from pykbroker.replication.flushing import FlushAtOnce, Flushing
from pykbroker.replication.opening import (
    Failed,
    Files,
    Hosted,
    Place,
    Placement,
    Wanted,
    open_logs,
)

if TYPE_CHECKING:
    from random import Random

    from pykbroker.clock import Clock
    from pykbroker.metadata.cluster import Metadata
    from pykbroker.metadata.values import PartitionImage, TopicImage
    from pykbroker.replication.directory_health import OfflineDirectory
    from pykbroker.replication.partition import PartitionLeader
    from pykbroker.replication.settings import LiveSettings
    from pykbroker.storage.log import Log
    from pykbroker.storage.log_config import LogConfig
    from pykbroker.storage.log_directory import LogDirectory

log = logging.getLogger("pykbroker.replication")

NOTHING = ClusterImage(Keys.of(""))
"""Before the first image is applied, this broker knows of nothing."""


class Partitions:
    """This broker's partitions."""

    def __init__(
        self,
        *,
        node_id: int,
        directories: Sequence[LogDirectory],
        offline_directories: Sequence[OfflineDirectory] = (),
        settings: LiveSettings,
        clock: Clock,
        random: Random,
        offload: Offload,
        flushers: Mapping[LogDirectory, Flushing] | None = None,
    ) -> None:
        self.image = NOTHING
        self.directories = directories
        self.offline_directories = offline_directories
        for directory in directories:
            directory.on_failure = self._directory_failed
        self._node_id = node_id
        self._settings = settings
        self._clock = clock
        self._random = random
        self._offload = offload
        self.checkpoints = Checkpoints(directories, offload)
        self._flushers = flushers or {each: FlushAtOnce(each) for each in directories}
        self._hosted: dict[Place, Hosted] = {}
        self._failed: dict[Place, Failed] = {}
        self._files = [
            Files(directory, found.topic, found.partition, found.topic_id)
            for directory in directories
            for found in directory.partitions()
        ]
        """What lay on disk at the start and is not opened yet."""
        self._undeleted: set[bytes] = set()
        """Ids of deleted topics whose files the disk would not let go of."""
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

    def any_failed_in(self, directory: LogDirectory) -> bool:
        """Whether the disk failed under a directory or an open log of it: it is not clean then."""
        return directory.failure is not None or any(
            hosted.leader.is_offline
            for hosted in self._hosted.values()
            if hosted.directory is directory
        )

    @property
    def any_compacted(self) -> bool:
        """Whether a topic with a log here has its old values cleaned away."""
        return any(hosted.log.config.is_compacted for hosted in self._hosted.values())

    def logs_in(self, directory: LogDirectory) -> Iterator[Log]:
        """Give the logs that lie in `directory` and are not offline."""
        return (
            hosted.log
            for hosted in self._hosted.values()
            if hosted.directory is directory and not hosted.leader.is_offline
        )

    async def applied(self, revision: int) -> None:
        """Wait until this broker acts by the image of `revision` or a later one."""
        while self.image.revision < revision:
            await self._applied.wait()

    def _directory_failed(self, directory: LogDirectory) -> None:
        """Tell of it and let everybody who waits for its partitions look again."""
        assert directory.failure is not None
        tell_failed(directory.path, directory.failure)
        for hosted in self._hosted.values():
            if hosted.directory is directory:
                hosted.leader.wake_all()

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
        await self.apply(metadata.image)
        self._tell_of_orphans()
        task_status.started()
        while True:
            await self.apply(await metadata.image_after(self.image.revision))
            for topic_id, brokers in self.image.gone.items():
                # What an offline directory has of them, a start with that directory deletes.
                may_be_left = topic_id in self._undeleted or bool(self.offline_directories)
                if self._node_id in brokers and not may_be_left:
                    # Refused where the metadata's disk failed; the next start confirms it.
                    with suppress(KafkaError):
                        await metadata.confirm_gone(topic_id)

    def _tell_of_orphans(self) -> None:
        """Tell of files whose topics the metadata has never heard of; they are left alone."""
        pending = {topic.topic_id for topic in self.image.pending.values()}
        for files in self._files:
            if files.topic_id not in pending:
                log.warning(
                    "files of an unknown topic are left alone topic=%s partition=%d in %s;"
                    " remove them if nobody misses them",
                    files.topic,
                    files.partition,
                    files.directory.path,
                )

    async def apply(self, image: ClusterImage) -> None:
        """Make this broker's partitions those of `image`."""
        before = self.image
        assert image.revision > before.revision, "an image is applied once"
        doomed = self._take_doomed(image)
        if doomed:
            for directory in dict.fromkeys(files.directory for files in doomed):
                await self._flushers[directory].round_over()
            await self._offload(partial(self._delete, doomed))
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
                configs[topic] = self._log_config(topic, image)
            hosted.log.config = configs[topic]

    def _lead(self, topic: TopicImage, partition: PartitionImage) -> None:
        hosted = self._hosted.get((topic.name, partition.index))
        if hosted is not None and hosted.leader.image != partition:
            hosted.leader.lead(partition)
            hosted.leader.wake_all()

    async def _open(self, topics: Sequence[TopicImage], image: ClusterImage) -> None:
        wanted = tuple(self._wanted(topics, image))
        if not wanted:
            return
        # Handlers look at what is hosted meanwhile: the thread changes nothing of it.
        opened = await self._offload(
            partial(
                open_logs,
                wanted,
                self._placement(),
                self._flushers,
                node_id=self._node_id,
                clock=self._clock,
            )
        )
        for place, outcome in opened.outcomes.items():
            self._failed.pop(place, None)
            match outcome:
                case Hosted():
                    self._hosted[place] = outcome
                case Failed():
                    self._failed[place] = outcome
        for directory, failure in opened.unsynced.items():
            directory.fail(failure)
        self._files = [files for files in self._files if files.place not in opened.outcomes]

    def _wanted(self, topics: Iterable[TopicImage], image: ClusterImage) -> Iterator[Wanted]:
        """Give the partitions that are to be here and are not open."""
        is_start = self.image is NOTHING
        for topic in topics:
            config = None
            for partition in topic.partitions:
                is_open = (topic.name, partition.index) in self._hosted
                if self._node_id in partition.replicas and not is_open:
                    config = config or self._log_config(topic.name, image)
                    unique = None if is_start else self._random.randbytes(16).hex()
                    yield Wanted(topic, partition, config, unique)

    def _log_config(self, topic: str, image: ClusterImage) -> LogConfig:
        return self._settings.log_config(image.config(ConfigType.TOPIC, topic))

    def _placement(self) -> Placement:
        found = {files.place: files.directory for files in self._files}
        missing = set()
        for place, failed in self._failed.items():
            if failed.directory is None:
                missing.add(place)
            else:
                found[place] = failed.directory
        is_start = self.image is NOTHING
        return Placement(
            self.directories,
            found,
            used=[hosted.directory for hosted in self._hosted.values()],
            missing=missing,
            may_be_offline=is_start and bool(self.offline_directories),
        )

    def _take_doomed(self, image: ClusterImage) -> list[Files]:
        """Serve deleted topics no more; give the files that are to go.

        Files that nobody opened go only if their topic is known to be deleted: the metadata may be
        what is missing.
        """
        doomed = [files for files in self._files if files.topic_id in image.gone]
        self._files = [files for files in self._files if files not in doomed]
        for place, hosted in list(self._hosted.items()):
            if _is_deleted(place, hosted.log.topic_id, image):
                del self._hosted[place]
                hosted.leader.retire(KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION))
                doomed.append(Files(hosted.directory, *place, hosted.log.topic_id))
        for place, failed in list(self._failed.items()):
            if _is_deleted(place, failed.topic_id, image):
                del self._failed[place]
                if failed.is_ours and failed.directory is not None:
                    doomed.append(Files(failed.directory, *place, failed.topic_id))
        return doomed

    def _delete(self, doomed: Sequence[Files]) -> None:
        for files in doomed:
            try:
                files.directory.delete(*files.place, self._random.randbytes(16).hex())
            except OSError as failure:
                log.error(  # noqa: TRY400 - the disk is at fault, not the code
                    "files not deleted topic=%s partition=%d: %s; the next start tries again",
                    *files.place,
                    failure,
                )
                if files.topic_id is not None:
                    self._undeleted.add(files.topic_id)


def _is_deleted(place: Place, topic_id: bytes, image: ClusterImage) -> bool:
    topic = image.topics.get(place[0])
    return topic is None or topic.topic_id != topic_id
