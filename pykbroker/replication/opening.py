"""Opening the logs of partitions: where the files of each are, where new ones go, what failed.

Runs off the event loop and changes nothing that handlers look at: what came of it is given back.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from pykbroker.errors import KafkaError
from pykbroker.replication.flushing import Flushing
from pykbroker.replication.partition import PartitionLeader
from pykbroker.replication.recovery_progress import RecoveryProgress, tell_cut
from pykbroker.storage.log_directory import LogDirectory

if TYPE_CHECKING:
    from pykbroker.clock import Clock
    from pykbroker.metadata.values import PartitionImage, TopicImage
    from pykbroker.storage.log import Log
    from pykbroker.storage.log_config import LogConfig

log = logging.getLogger("pykbroker.replication")

Place = tuple[str, int]
"""Topic name and partition index."""
LISTED_MAX = 10
"""How many partitions one message names."""


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
    directory: LogDirectory | None
    """Where its files are; None where they are in no directory that is served."""
    is_ours: bool
    """Whether the files there are this topic's, not those of another one with its name."""


@dataclass(frozen=True, slots=True)
class Opened:
    """What came of opening logs."""

    outcomes: Mapping[Place, Hosted | Failed]
    unsynced: Mapping[LogDirectory, OSError]
    """Directories that failed when what recovery found in their logs was to be synced."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A partition whose log is to be opened, made where there is none."""

    topic: TopicImage
    partition: PartitionImage
    config: LogConfig
    unique: str | None = None
    """For one that is made now, a name for nobody's files that are in its way."""

    @property
    def place(self) -> Place:
        """Its topic and partition."""
        return self.topic.name, self.partition.index


class Placement:
    """Where the files of partitions are, and where those of new ones go.

    As in Kafka, a new one goes to the directory with the fewest partitions
    (`LogManager.nextLogDirs`), and one that is not new and whose files are nowhere is not made
    anew while a directory is offline: they may be there (`LogManager.getOrCreateLog`).
    """

    def __init__(
        self,
        directories: Sequence[LogDirectory],
        found: Mapping[Place, LogDirectory],
        *,
        used: Iterable[LogDirectory] = (),
        missing: Container[Place] = (),
        may_be_offline: bool = False,
    ) -> None:
        self._good = [directory for directory in directories if directory.failure is None]
        self._found = found
        self._missing = missing
        self._may_be_offline = may_be_offline
        counts = Counter(map(id, chain(found.values(), used)))
        self._counts = [counts[id(directory)] for directory in self._good]

    def directory_of(self, place: Place) -> LogDirectory | None:
        """Give the directory that has the files of a partition, or one for a new one.

        None when its files are missing and when there is no directory left for new ones.
        """
        found = self._found.get(place)
        if found is not None:
            return found
        if self._may_be_offline or place in self._missing or not self._good:
            return None
        fewest = self._counts.index(min(self._counts))
        self._counts[fewest] += 1
        return self._good[fewest]


def open_logs(
    wanted: Sequence[Wanted],
    placement: Placement,
    flushers: Mapping[LogDirectory, Flushing],
    *,
    node_id: int,
    clock: Clock,
) -> Opened:
    """Open all logs that are wanted; one that cannot be opened is told of and given as failed.

    What recovery has found, but maybe in the page cache alone, is synced where no leader may count
    it as replicated before.
    """
    here, outcomes = _found(wanted, placement)
    now_ms = clock.now_ms()
    progress = RecoveryProgress(
        clock,
        logs=len(here),
        bytes_to_scan=lambda: sum(where.bytes_to_scan(*each.place) for each, where in here),
    )
    logs: dict[Place, Log] = {}
    unflushed: dict[LogDirectory, list[Log]] = {}
    for each, where in here:
        opened = _open_log(each, where, progress, now_ms=now_ms)
        if isinstance(opened, Failed):
            outcomes[each.place] = opened
        else:
            logs[each.place] = opened
            if _must_flush(opened, flushers[where]):
                unflushed.setdefault(where, []).append(opened)
        progress.opened(where.path)
    unsynced = _flush(unflushed)
    for each, where in here:
        if each.place in logs:
            outcomes[each.place] = Hosted(
                PartitionLeader(
                    logs[each.place], each.partition, node_id=node_id, flushing=flushers[where]
                ),
                where,
            )
    return Opened(outcomes, unsynced)


def _found(
    wanted: Iterable[Wanted], placement: Placement
) -> tuple[list[tuple[Wanted, LogDirectory]], dict[Place, Hosted | Failed]]:
    """Give where each log is or goes, and what has failed because that is nowhere, told of."""
    here: list[tuple[Wanted, LogDirectory]] = []
    outcomes: dict[Place, Hosted | Failed] = {}
    for each in wanted:
        directory = placement.directory_of(each.place)
        if directory is None:
            outcomes[each.place] = Failed(each.topic.topic_id, None, is_ours=False)
        else:
            here.append((each, directory))
    if outcomes:
        log.error(
            "partitions offline because a data directory is: %s; mend it and restart the broker",
            _listed(tuple(outcomes)),
        )
    return here, outcomes


def _must_flush(opened: Log, flushing: Flushing) -> bool:
    unsynced = opened.end_offset - opened.recovery_point
    return unsynced > 0 and (flushing.before_ack or unsynced >= opened.config.flush_messages)


def _flush(logs: Mapping[LogDirectory, Sequence[Log]]) -> dict[LogDirectory, OSError]:
    failures = {}
    for directory, unflushed in logs.items():
        try:
            directory.flush(unflushed)
        except OSError as failure:
            failures[directory] = failure
    return failures


def _listed(places: Sequence[Place]) -> str:
    names = [f"{topic}-{partition}" for topic, partition in places[:LISTED_MAX]]
    more = len(places) - len(names)
    return ", ".join(names) + (f" and {more} more" if more else "")


def _open_log(
    wanted: Wanted, directory: LogDirectory, progress: RecoveryProgress, *, now_ms: int
) -> Log | Failed:
    topic_id = wanted.topic.topic_id
    try:
        if wanted.unique is not None:
            _clear_the_way(wanted.place, wanted.unique, directory)
        opened = directory.log(
            *wanted.place, topic_id, wanted.config, now_ms=now_ms, watch=progress.read
        )
    except (OSError, KafkaError) as failure:
        log.error(  # noqa: TRY400 - the disk is at fault, not the code
            "partition offline topic=%s partition=%d: %s", *wanted.place, failure
        )
        return Failed(topic_id, directory, is_ours=isinstance(failure, OSError))
    tell_cut(opened)
    return opened


def _clear_the_way(place: Place, unique: str, directory: LogDirectory) -> None:
    """Let no topic begin with records of one that was deleted before its files ever lasted."""
    stray = directory.make_stray(*place, unique)
    if stray is not None:
        log.warning("files that do not say whose they are: %s; remove them if not missed", stray)
