"""The task that removes files which are no part of a log any more, each after its delay.

The delay of a topic's files is the one that held when they were given up, that of deleted topics
the broker's, as it is now. What is not removed when the broker stops, its next start removes.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import trio

from pykbroker.replication.checkpoints import Offload
from pykbroker.replication.waiter import Waiter

if TYPE_CHECKING:
    from pykbroker.storage.log_directory import LogDirectory
    from pykbroker.storage.removal import Removal

log = logging.getLogger("pykbroker.replication")

REMOVED_AT_ONCE = 16
"""Files or directories; stopping waits for no more than these."""


class Removing:
    """Removes what one directory's `removals` are told of."""

    def __init__(
        self, directory: LogDirectory, *, offload: Offload, delay_ms: Callable[[], int]
    ) -> None:
        self._directory = directory
        self._offload = offload
        self._delay_ms = delay_ms
        self._waiting: list[tuple[float, Removal]] = []
        """What is to be removed, and since when it is, by trio's clock."""

    async def run(self) -> None:
        """Remove what is due, as it comes.

        Ends when: cancelled, or the directory has failed. On error: what cannot be removed is told
        of and left to the next start.
        """
        removals, noted = self._directory.removals, Waiter()
        # Threads note as well; told through the token, the wait ends on the loop.
        token = trio.lowlevel.current_trio_token()
        removals.on_noted = partial(token.run_sync_soon, noted.wake)
        try:
            while self._directory.failure is None:
                self._waiting += ((trio.current_time(), each) for each in removals.take())
                due = [each for each in self._waiting if self._due(each) <= trio.current_time()]
                if due:
                    await self._remove(due[:REMOVED_AT_ONCE])
                    continue
                with trio.move_on_at(min(map(self._due, self._waiting), default=float("inf"))):
                    await noted.wait()
        finally:
            removals.on_noted = None

    def _due(self, waiting: tuple[float, Removal]) -> float:
        since, removal = waiting
        delay_ms = self._delay_ms() if removal.delay_ms is None else removal.delay_ms
        return since + delay_ms / 1000

    async def _remove(self, due: list[tuple[float, Removal]]) -> None:
        self._waiting = [each for each in self._waiting if each not in due]
        paths = [removal.path for _, removal in due]
        for failure in await self._offload(partial(self._directory.removals.remove, paths)):
            log.warning(
                "files not removed path=%s: %s; the next start tries again",
                self._directory.path,
                failure,
            )
