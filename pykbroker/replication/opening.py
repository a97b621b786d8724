"""Opening the logs of partitions: where the files of each are, where new ones go, what failed.

Runs off the event loop and changes nothing that handlers look at: what came of it is given back.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pykbroker.errors import KafkaError
from pykbroker.replication.partition import PartitionLeader
from pykbroker.storage.log_directory import LogDirectory

if TYPE_CHECKING:
    from pykbroker.metadata.values import PartitionImage, TopicImage
    from pykbroker.storage.log import Log
    from pykbroker.storage.log_config import LogConfig

log = logging.getLogger("pykbroker.replication")

Place = tuple[str, int]
"""Topic name and partition index."""


@dataclass(frozen=True, slots=True)
class Hosted:
    """A log on this broker and where it lies."""

    leader: PartitionLeader
    directory: LogDirectory

    @property
    def log(self) -> Log:
        """The log itself."""
        return self.leader.partition_log

    @property
    def place(self) -> Place:
        """Its topic and partition."""
        return self.log.topic, self.log.partition


@dataclass(frozen=True, slots=True)
class Files:
    """The files of a partition, by name; the topic id is None where they do not say it."""

    directory: LogDirectory
    topic: str
    partition: int
    topic_id: bytes | None

    @property
    def place(self) -> Place:
        """Its topic and partition."""
        return self.topic, self.partition


@dataclass(frozen=True, slots=True)
class Failed:
    """A log that could not be opened."""

    topic_id: bytes
    directory: LogDirectory
    is_ours: bool
    """Whether the files there are this topic's, not those of another one with its name."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A partition whose log is to be opened, made where there is none."""

    topic: TopicImage
    partition: PartitionImage
    config: LogConfig

    @property
    def place(self) -> Place:
        """Its topic and partition."""
        return self.topic.name, self.partition.index


class Placement:
    """Where the files of partitions are, and where those of new ones go.

    As in Kafka, a new one goes to the directory with the fewest partitions
    (`LogManager.nextLogDirs`).
    """

    def __init__(
        self,
        directories: Sequence[LogDirectory],
        found: Mapping[Place, LogDirectory],
        hosted: Iterable[LogDirectory],
    ) -> None:
        self._directories = directories
        self._found = found
        used = [*found.values(), *hosted]
        self._counts = [used.count(directory) for directory in directories]

    def directory_of(self, place: Place) -> LogDirectory:
        """Give the directory that has the files of a partition, or one for a new one."""
        found = self._found.get(place)
        if found is not None:
            return found
        fewest = self._counts.index(min(self._counts))
        self._counts[fewest] += 1
        return self._directories[fewest]


def open_logs(
    wanted: Iterable[Wanted], placement: Placement, *, node_id: int, now_ms: int
) -> dict[Place, Hosted | Failed]:
    """Open all logs that are wanted; one that cannot be opened is told of and given as failed."""
    return {
        each.place: _open_log(
            each, placement.directory_of(each.place), node_id=node_id, now_ms=now_ms
        )
        for each in wanted
    }


def _open_log(
    wanted: Wanted, directory: LogDirectory, *, node_id: int, now_ms: int
) -> Hosted | Failed:
    topic_id = wanted.topic.topic_id
    try:
        opened = directory.log(*wanted.place, topic_id, wanted.config, now_ms=now_ms)
    except (OSError, KafkaError) as failure:
        log.error(  # noqa: TRY400 - the disk is at fault, not the code
            "partition offline topic=%s partition=%d: %s", *wanted.place, failure
        )
        return Failed(topic_id, directory, is_ours=isinstance(failure, OSError))
    return Hosted(PartitionLeader(opened, wanted.partition, node_id=node_id), directory)
