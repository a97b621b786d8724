"""What a partition's leader asks of whoever makes its records last, and the plainest answer to it.

Nobody is told that records last before a sync that covers them has returned.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import trio

if TYPE_CHECKING:
    from pykbroker.replication.partition import PartitionLeader


class Failing(Protocol):
    """What a disk's failure is noted on: a `LogDirectory`."""

    failure: OSError | None

    def fail(self, failure: OSError) -> None:
        """Note that the disk failed; the first failure stays."""
        ...


class Flushing(Protocol):
    """Makes the logs of one data directory last."""

    @property
    def before_ack(self) -> bool:
        """Whether only what is durable counts as replicated here (`log.flush.before.ack`)."""
        ...

    @property
    def failure(self) -> OSError | None:
        """What the disk failed with: from then on nothing is written, and nothing gets durable."""
        ...

    def note(self, leader: PartitionLeader) -> None:
        """Have all that is in the leader's log now synced; `leader.advance_durable` follows."""
        ...

    def note_due(self, leader: PartitionLeader, within_ms: int) -> None:
        """Have what is in the leader's log now synced after `within_ms` at the latest."""
        ...

    def fail(self, failure: OSError) -> None:
        """Write nothing to the directory any more: the disk failed under it."""
        ...

    async def round_over(self) -> None:
        """Return once no sync of a leader that is retired by now is under way."""
        ...

    async def run(self, *, task_status: trio.TaskStatus[None]) -> None:
        """Do what was noted, until cancelled."""
        ...


class FlushAtOnce:
    """For logs in memory: there a sync waits for nothing, and time takes nothing away."""

    __slots__ = ("_directory",)

    before_ack = False

    def __init__(self, directory: Failing | None = None) -> None:
        self._directory = directory or _NoDirectory()

    @property
    def failure(self) -> OSError | None:
        """What the disk failed with."""
        return self._directory.failure

    def note(self, leader: PartitionLeader) -> None:
        """Sync the leader's log."""
        try:
            leader.partition_log.flush()
        except OSError as failure:
            self.fail(failure)
        leader.advance_durable()

    def note_due(self, leader: PartitionLeader, within_ms: int) -> None:
        """Do nothing."""

    def fail(self, failure: OSError) -> None:
        """Write nothing to the directory any more."""
        self._directory.fail(failure)

    async def round_over(self) -> None:
        """Return at once."""

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Report started. Ends when: at once, there is nothing to wait for."""
        task_status.started()


class _NoDirectory:
    """For a log that was opened alone."""

    failure: OSError | None = None

    def fail(self, failure: OSError) -> None:
        self.failure = self.failure or failure
