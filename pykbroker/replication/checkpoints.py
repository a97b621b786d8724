"""Storing how far logs are durable and where they begin, off the event loop.

A checkpoint that cannot be written fails its directory, as any write does; only a full disk is
asked again. Whoever asks while one is being written shares the next one.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

import trio

from pykbroker.errors import ErrorCode, KafkaError
from pykbroker.replication.full_disk import FULL

if TYPE_CHECKING:
    from pykbroker.storage.log import Log
    from pykbroker.storage.log_directory import LogDirectory

log = logging.getLogger("pykbroker.replication")

Offload = Callable[[Callable[[], Any]], Awaitable[Any]]
"""Runs blocking work off the event loop; in memory, at once."""


class _Shared:
    """One kind of checkpoint of one directory."""

    def __init__(self, directory: LogDirectory, store: Callable[[], None]) -> None:
        self.directory = directory
        self._store = store
        self._lock = trio.Lock()
        self._asked = self._stored = 0

    async def store(self, offload: Offload) -> None:
        """Return once all that was there before the call is stored.

        Raises OSError, and KAFKA_STORAGE_ERROR where the directory has failed before its turn.
        """
        self._asked += 1
        wanted = self._asked
        async with self._lock:
            if self._stored >= wanted:
                return
            if self.directory.failure is not None:
                raise KafkaError(ErrorCode.KAFKA_STORAGE_ERROR)
            covered = self._asked
            await offload(self._store)
            self._stored = covered


class Checkpoints:
    """The checkpoints of this broker's data directories.

    `store_` methods raise KafkaError KAFKA_STORAGE_ERROR when it was not done, which is told of.
    """

    def __init__(self, directories: Sequence[LogDirectory], offload: Offload) -> None:
        self._offload = offload
        self._log_starts = {
            directory.path: _Shared(directory, directory.checkpoint_log_starts)
            for directory in directories
        }
        self._recovery_points = {
            directory.path: _Shared(directory, directory.checkpoint_recovery_points)
            for directory in directories
        }

    async def store_log_starts(self, directory: LogDirectory) -> None:
        """Return once no crash brings back what is below the log starts as they are now."""
        await self._stored(self._log_starts[directory.path])

    async def store_log_start(self, partition_log: Log) -> None:
        """Return as `store_log_starts`, for the directory that one log is in."""
        await self._stored(self._log_starts[partition_log.directory.rpartition("/")[0]])

    async def store_recovery_points(self, directory: LogDirectory) -> None:
        """Return once a start after a crash begins to scan where the logs are durable to now."""
        await self._stored(self._recovery_points[directory.path])

    async def _stored(self, shared: _Shared) -> None:
        directory = shared.directory
        if directory.failure is None:
            try:
                await shared.store(self._offload)
            except OSError as failure:
                refused(directory, failure, "checkpoint not written")
            else:
                return
        raise KafkaError(ErrorCode.KAFKA_STORAGE_ERROR)


def refused(directory: LogDirectory, failure: OSError, what: str) -> None:
    """Tell of a full disk, which is asked again later; of anything else the directory fails."""
    if failure.errno in FULL:
        log.warning(
            "%s path=%s: %s; free some space, it is tried again then", what, directory.path, failure
        )
    else:
        directory.fail(failure)
