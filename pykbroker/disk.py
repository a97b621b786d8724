"""Where a broker keeps things: in data directories or in memory; the one place that chooses.

What keeps a data directory from being used is told in a sentence, before anything is changed.
"""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from itertools import combinations
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

import trio

from pykbroker.config import DataDirectories
from pykbroker.metadata.memory_store import MemoryStore
from pykbroker.metadata.sqlite_store import SqliteStore
from pykbroker.metadata.store import StoreInUse
from pykbroker.replication.directory_health import OfflineDirectory, advice_on, tell_offline
from pykbroker.replication.flusher import Flusher
from pykbroker.replication.flushing import FlushAtOnce, Flushing
from pykbroker.storage.files import FileSystem
from pykbroker.storage.fs import OsFileSystem
from pykbroker.storage.known_directories import note_directories
from pykbroker.storage.log_directory import LOCK_FILE, LogDirectory, LogDirectoryError
from pykbroker.storage.memory_fs import MemoryFileSystem
from pykbroker.storage.names import parse_directory_name
from pykbroker.sync_threads import SyncThreads

if TYPE_CHECKING:
    from pykbroker.replication.compacting import Compactor

METADATA_FILE = "metadata.sqlite"
MEMORY_DIRECTORY = "memory"
SYNC_THREADS = 8
"""How many files of a data directory wait for the disk side by side."""


class StartError(Exception):
    """Why a broker cannot start: a sentence that says what to do."""


class OpenedDirectories(NamedTuple):
    """The data directories of this broker, as it found them at the start."""

    good: tuple[LogDirectory, ...]
    """At least one."""
    offline: tuple[OfflineDirectory, ...]

    @property
    def clean_broker_epoch(self) -> int:
        """The broker epoch that closed all of them in order; -1: they were not, as in Kafka."""
        epochs = {directory.clean_broker_epoch for directory in self.good}
        (epoch,) = epochs if len(epochs) == 1 and not self.offline else (None,)
        return -1 if epoch is None else epoch


# Imported when the broker serves already: nobody waits for it.


def _compact_in_steps(fs: FileSystem) -> Compactor:
    from pykbroker.replication.compacting import CompactionInSteps

    return CompactionInSteps(fs)


def _compact_in_a_process(fs: FileSystem) -> Compactor:
    from pykbroker.replication.compacting import CompactionProcess

    return CompactionProcess(fs)


class Disk(NamedTuple):
    """The parts that keep things: files, metadata, and who does what would block."""

    fs: FileSystem
    store: MemoryStore
    paths: tuple[str, ...]
    """The data directories that hold logs."""
    offload: Callable[[Callable[[], Any]], Awaitable[Any]]
    sync_threads: int
    """How many threads wait for the disk when it is closed; memory knows one thread only."""
    metadata_path: str = MEMORY_DIRECTORY
    flushing: Callable[[LogDirectory, bool], Flushing] = lambda directory, _: FlushAtOnce(directory)
    """Gives what makes the logs of a directory last, by whether acks=all waits for it."""
    compacting: Callable[[FileSystem], Compactor] = _compact_in_steps
    """Gives who compacts logs."""

    @classmethod
    def of(cls, data: DataDirectories | None) -> Disk:
        """Choose the parts for data directories, or for None those in memory.

        Raises StartError for directories that cannot be used. `store` is to be closed.
        """
        if data is None:
            return cls(MemoryFileSystem(), MemoryStore(), (MEMORY_DIRECTORY,), _at_once, 1)
        metadata, *log_dirs = map(_resolved, (data.metadata_dir, *data.log_dirs))
        _check_apart(log_dirs, metadata)
        fs = OsFileSystem()
        _check_metadata_is_there(fs, log_dirs, metadata)
        return cls(
            fs,
            _open_store(fs, metadata),
            tuple(map(str, log_dirs)),
            trio.to_thread.run_sync,
            SYNC_THREADS,
            str(metadata),
            _group_commit,
            _compact_in_a_process,
        )

    async def open_directories(
        self, *, node_id: int, cluster_id: str, random: Random
    ) -> OpenedDirectories:
        """Lock and open the data directories; one whose disk fails is told of and left out.

        Raises StartError when one is somebody else's, and when none is left or the one left out
        is that of the metadata.
        """
        good: list[LogDirectory] = []
        offline: list[OfflineDirectory] = []
        opening = partial(
            LogDirectory.open,
            self.fs,
            node_id=node_id,
            cluster_id=cluster_id,
            random=random,
            sync_threads=self.sync_threads,
        )
        try:
            for path in self.paths:
                directory_id = random.randbytes(16)
                try:
                    good.append(
                        await self.offload(partial(opening, path, directory_id=directory_id))
                    )
                except OSError as fault:
                    offline.append(OfflineDirectory(path, fault))
            self._check_enough(good, offline)
            await self.offload(partial(_check_found_once, self.fs, good))
            offline += await self._missing(good, offline)
            self._check_enough(good, offline)
        except BaseException as fault:  # cancelled too: locks and markers are given back
            for directory in good:
                _give_back(directory)
            if isinstance(fault, LogDirectoryError):
                raise StartError(str(fault)) from fault
            raise
        for left_out in offline:
            tell_offline(left_out)
        return OpenedDirectories(tuple(good), tuple(offline))

    async def _missing(
        self, good: list[LogDirectory], offline: Sequence[OfflineDirectory]
    ) -> list[OfflineDirectory]:
        """Give the directories that the broker had before and that are not there now.

        What is in the place of one of them leaves `good`.
        """
        paths = [left_out.path for left_out in offline]
        noting = partial(note_directories, self.fs, self.metadata_path, good, paths)
        try:
            missing = await self.offload(noting)
        except OSError as fault:
            raise _unusable(self.metadata_path, fault) from fault
        for directory in [each for each in good if each.path in missing]:
            good.remove(directory)
            _give_back(directory)
        return [
            OfflineDirectory(path, FileNotFoundError(errno.ENOENT, "not the one that was there"))
            for path in missing
        ]

    def _check_enough(
        self, good: Sequence[LogDirectory], offline: Sequence[OfflineDirectory]
    ) -> None:
        """Refuse to go on without any directory, and without the one of the metadata."""
        for left_out in offline:
            if not good or left_out.path == self.metadata_path:
                raise _unusable(left_out.path, left_out.failure) from left_out.failure


def _open_store(fs: FileSystem, directory: Path) -> SqliteStore:
    try:
        fs.mkdirs(str(directory))
        # SQLite tells less well why it cannot write, and nothing is left where another broker runs.
        fs.lock(f"{directory}/{LOCK_FILE}").release()
        return SqliteStore(directory / METADATA_FILE)
    except (StoreInUse, BlockingIOError) as fault:
        raise StartError(
            f"{directory} is in use by another process; stop that one or choose another log.dirs"
        ) from fault
    except sqlite3.Error as fault:
        if getattr(fault, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
            full = OSError(errno.ENOSPC, str(fault))
            raise _unusable(str(directory), full) from fault
        raise StartError(
            f"{directory / METADATA_FILE} cannot be used ({fault}); put it back from a copy or"
            " choose another log.dirs"
        ) from fault
    except ValueError as fault:
        raise StartError(f"{fault}; choose another log.dirs") from fault
    except OSError as fault:
        raise _unusable(str(directory), fault) from fault


def _resolved(directory: str) -> Path:
    try:
        return Path(directory).resolve()
    except (OSError, RuntimeError) as fault:  # a loop of links
        raise StartError(
            f"{directory} cannot be a data directory ({fault}); choose another log.dirs"
        ) from fault


def _check_apart(log_dirs: Sequence[Path], metadata: Path) -> None:
    """Refuse directories that are one another or lie in one another."""
    if len(set(log_dirs)) < len(log_dirs):
        twice = next(each for each in log_dirs if log_dirs.count(each) > 1)
        raise StartError(f"{twice} is in log.dirs twice; name it once")
    for one, other in combinations(sorted({*log_dirs, metadata}), 2):
        if one in other.parents:
            raise StartError(
                f"{other} lies in {one}, which is a data directory too; choose directories that"
                " do not lie in one another"
            )


def _check_metadata_is_there(fs: FileSystem, log_dirs: Sequence[Path], metadata: Path) -> None:
    """Refuse to begin anew beside metadata that is elsewhere: the order of log.dirs has changed."""
    if fs.exists(str(metadata / METADATA_FILE)):
        return
    for other in log_dirs:
        if fs.exists(str(other / METADATA_FILE)):
            raise StartError(
                f"the metadata is in {other}, not in {metadata}; write metadata.log.dir={other}"
            )


def _check_found_once(fs: FileSystem, directories: Sequence[LogDirectory]) -> None:
    """Refuse directories two of which have the same partition: nobody knows which is the right."""
    found: dict[str, str] = {}
    for directory in directories:
        for name in fs.listdir(directory.path):
            if parse_directory_name(name) is None:
                continue
            other = found.setdefault(name, directory.path)
            if other != directory.path:
                raise StartError(
                    f"{name} is in {other} and in {directory.path}; move the one that is out of"
                    " date out of its directory"
                )


def _give_back(directory: LogDirectory) -> None:
    """Close a directory in which nothing was opened, as it was found."""
    epoch = directory.clean_broker_epoch
    directory.close(clean=directory.clean, broker_epoch=-1 if epoch is None else epoch)


def _group_commit(directory: LogDirectory, before_ack: bool) -> Flusher:
    return Flusher(directory, SyncThreads(SYNC_THREADS), before_ack=before_ack)


async def _at_once(work: Callable[[], Any]) -> Any:
    return work()


def _unusable(directory: str, fault: OSError) -> StartError:
    advice = advice_on(fault, otherwise="")
    return StartError(
        f"{directory} cannot be a data directory ({fault.strerror});"
        f" {advice}{' or ' if advice else ''}choose another log.dirs"
    )
