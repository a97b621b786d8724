"""Group commit: one flusher per data directory syncs what was appended, many appends at a time.

While one round of syncs is under way, all that arrives joins the next one. The waiting is done by
threads, the rest on the event loop. A sync that failed is never tried again: what it was to make
durable may be gone, so the directory has failed, and nobody is told of success any more.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Protocol

import trio

from pykbroker.replication.full_disk import FULL
from pykbroker.replication.waiter import Waiter, Waiters

if TYPE_CHECKING:
    from pykbroker.replication.partition import PartitionLeader
    from pykbroker.storage.log_directory import LogDirectory
    from pykbroker.storage.pending_sync import PendingSync

NEVER = float("inf")


class Threads(Protocol):
    """What waits for the disk, several files side by side."""

    is_running: bool

    def start(self, work: Callable[[], object], done: Callable[[OSError | None], object]) -> None:
        """Have `work` done elsewhere, and `done` called on the event loop when it ended."""
        ...

    async def run(self, *, task_status: trio.TaskStatus[None]) -> None:
        """Go on until cancelled and all that was started is done."""
        ...


class Flusher:
    """Makes the logs of one data directory last; follows `Flushing`."""

    def __init__(self, directory: LogDirectory, threads: Threads, *, before_ack: bool) -> None:
        self.before_ack = before_ack
        self.rounds = 0
        """How many were begun."""
        self._directory = directory
        self._threads = threads
        self._noted: dict[PartitionLeader, None] = {}
        self._notes = 0
        """How often something was noted since the last round began."""
        self._notes_of_round = 2
        """How often for that round; before the first, nobody is known to be alone."""
        self._under_way: dict[PartitionLeader, None] = {}
        self._due: dict[PartitionLeader, float] = {}
        """When what is unsynced is to be, by trio's clock."""
        self._due_sooner = Waiter()
        self._rolled = False
        """Whether a log began a new segment since the recovery points were stored last."""
        self._storing = False
        self._any_noted = Waiter()
        self._round_ends = Waiters()

    @property
    def failure(self) -> OSError | None:
        """What the disk failed with."""
        return self._directory.failure

    def note(self, leader: PartitionLeader) -> None:
        """Have all that is in the leader's log now synced, by this round or the next.

        Who was alone in the last round is taken to be alone, and waits for nobody to join.
        """
        self._noted[leader] = None
        self._notes += 1
        if self._under_way:
            return
        if self._notes_of_round <= 1 and self._threads.is_running:
            self._begin()
        else:
            self._any_noted.wake()

    def note_due(self, leader: PartitionLeader, within_ms: int) -> None:
        """Have what is in the leader's log now synced after `within_ms` at the latest.

        Kafka looks only every `log.flush.scheduler.interval.ms`, by default never.
        """
        due = trio.current_time() + within_ms / 1000
        if due < self._due.get(leader, NEVER):
            self._due[leader] = due
            self._due_sooner.wake()

    def fail(self, failure: OSError) -> None:
        """Write nothing to the directory any more, and end all waiting for syncs."""
        self._directory.fail(failure)
        waiting = [*self._noted, *self._under_way]
        self._noted.clear()
        self._due.clear()
        for leader in waiting:
            leader.advance_durable()

    async def round_over(self) -> None:
        """Return once the round under way is over; retired leaders are in no later one."""
        number = self.rounds
        with self._round_ends.watched_by(waiter := Waiter()):
            while self._under_way and self.rounds == number:
                await waiter.wait()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Sync what is noted and what is due.

        Ends when: cancelled, and the round under way is over; what is noted then is left to who
        closes the directory. On error: an OSError fails the directory, everything else rises.
        """
        async with trio.open_nursery() as nursery:
            await nursery.start(self._threads.run)
            nursery.start_soon(self._note_what_is_due)
            task_status.started()
            while True:
                # A task of its own: requests that are there already still join the round.
                await self._any_noted.wait()
                if self._noted and not self._under_way:
                    self._begin()

    async def _note_what_is_due(self) -> None:
        while True:
            with trio.move_on_at(min(self._due.values(), default=NEVER)):
                await self._due_sooner.wait()
            now = trio.current_time()
            for leader in [leader for leader, due in self._due.items() if due <= now]:
                # The note of one may begin a round of all, or find that the disk has failed.
                if self._due.pop(leader, None) is not None:
                    self.note(leader)

    # -- one round -----------------------------------------------------------------------------

    def _begin(self) -> None:
        if self.failure is not None:
            self.fail(self.failure)
            return
        if not self._threads.is_running:
            return
        noted, self._noted = self._noted, {}
        self._notes_of_round, self._notes = self._notes, 0
        # The files of a retired one may be gone, and others may be in their place.
        self._under_way = noted = {each: None for each in noted if not each.is_retired}
        self.rounds += bool(noted)
        for leader in list(noted):
            self._due.pop(leader, None)
            partition_log = leader.partition_log
            pending = partition_log.pending_sync()
            if pending.passing_files and (partition_log.recovery_point or len(pending.files) > 1):
                self._rolled = True  # and not just made, which leaves a file behind as well
            self._threads.start(pending.run, partial(self._synced, leader, pending))

    def _synced(
        self, leader: PartitionLeader, pending: PendingSync, failure: OSError | None
    ) -> None:
        del self._under_way[leader]
        if failure is None:
            leader.partition_log.synced(pending)
        elif not (leader.is_retired and isinstance(failure, FileNotFoundError)):
            self.fail(failure)
        leader.advance_durable()
        if not self._under_way:
            self._round_ends.wake_all()
            if self._noted:
                self._any_noted.wake()
            if self._rolled and not self._storing:
                self._store_recovery_points()

    def _store_recovery_points(self) -> None:
        """Note on disk what is durable, after whole segments have become so.

        Recovery can tell records that were lost after a sync, which is damage, from what no sync
        has covered yet, only below a recovery point that it finds.
        """
        if self._threads.is_running and self.failure is None:
            self._rolled, self._storing = False, True
            self._threads.start(self._directory.checkpoint_recovery_points, self._stored)

    def _stored(self, failure: OSError | None) -> None:
        self._storing = False
        if failure is None:
            return
        if failure.errno in FULL:
            self._rolled = True  # nothing of it is missed: the next round tries again
        else:
            self.fail(failure)
