"""Where a broker keeps things: in a data directory or in memory; the one place that chooses.

What keeps a data directory from being used is told in a sentence, before anything is changed.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import trio

from pykbroker.metadata.memory_store import MemoryStore
from pykbroker.metadata.sqlite_store import SqliteStore
from pykbroker.metadata.store import StoreInUse
from pykbroker.storage.files import FileSystem
from pykbroker.storage.fs import OsFileSystem
from pykbroker.storage.log_directory import LogDirectory, LogDirectoryError
from pykbroker.storage.memory_fs import MemoryFileSystem

METADATA_FILE = "metadata.sqlite"
MEMORY_DIRECTORY = "memory"
SYNC_THREADS = 8
"""How many files wait for the disk side by side when the broker stops."""


class StartError(Exception):
    """Why a broker cannot start: a sentence that says what to do."""


class Disk(NamedTuple):
    """The parts that keep things: files, metadata, and who does what would block."""

    fs: FileSystem
    store: MemoryStore
    path: str
    offload: Callable[[Callable[[], Any]], Awaitable[Any]]
    sync_threads: int
    """How many threads wait for the disk when it is closed; memory knows one thread only."""

    @classmethod
    def of(cls, data_dir: str | None) -> Disk:
        """Choose the parts for a data directory, or for None those in memory.

        Raises StartError for a directory that cannot be used. `store` is to be closed.
        """
        if data_dir is None:
            return cls(MemoryFileSystem(), MemoryStore(), MEMORY_DIRECTORY, _at_once, 1)
        directory = Path(data_dir).resolve()
        fs = OsFileSystem()
        try:
            fs.mkdirs(str(directory))
            store = SqliteStore(directory / METADATA_FILE)
        except StoreInUse as fault:
            raise StartError(
                f"{directory} is in use by another process; stop that one or choose another"
                " log.dirs"
            ) from fault
        except sqlite3.Error as fault:
            raise StartError(
                f"{directory / METADATA_FILE} cannot be used ({fault}); put it back from a copy or"
                " choose another log.dirs"
            ) from fault
        except ValueError as fault:
            raise StartError(f"{fault}; choose another log.dirs") from fault
        except OSError as fault:
            raise _unusable(directory, fault) from fault
        return cls(fs, store, str(directory), trio.to_thread.run_sync, SYNC_THREADS)

    async def open_directory(
        self, *, node_id: int, cluster_id: str, random: Random
    ) -> LogDirectory:
        """Lock and open the data directory; raises StartError when it is somebody else's."""
        opening = partial(
            LogDirectory.open,
            self.fs,
            self.path,
            node_id=node_id,
            cluster_id=cluster_id,
            directory_id=random.randbytes(16),
            random=random,
            sync_threads=self.sync_threads,
        )
        try:
            directory: LogDirectory = await self.offload(opening)
        except LogDirectoryError as fault:
            raise StartError(str(fault)) from fault
        except OSError as fault:
            raise _unusable(Path(self.path), fault) from fault
        return directory


async def _at_once(work: Callable[[], Any]) -> Any:
    return work()


def _unusable(directory: Path, fault: OSError) -> StartError:
    return StartError(
        f"{directory} cannot be a data directory ({fault.strerror}); choose another log.dirs"
    )
