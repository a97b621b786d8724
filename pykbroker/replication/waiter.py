"""A parked request: one task waiting until any of several partitions changes.

A waiter is registered with each partition it watches and removed in `finally`; waking only
schedules the task, so a producer's reply leaves before the consumers it woke run.
"""

from __future__ import annotations

import trio


class Waiter:
    """Wait for a wake-up that may come from several places; wake-ups do not add up."""

    __slots__ = ("_task", "_woken")

    def __init__(self) -> None:
        self._task: trio.lowlevel.Task | None = None
        self._woken = False

    def wake(self) -> None:
        """Let the waiting task run, or its next `wait` return at once."""
        self._woken = True
        if self._task is not None:
            task, self._task = self._task, None
            trio.lowlevel.reschedule(task)

    async def wait(self) -> None:
        """Return when woken since the last `wait` returned."""
        if not self._woken:
            self._task = trio.lowlevel.current_task()
            await trio.lowlevel.wait_task_rescheduled(self._abort)
        self._woken = False

    def _abort(self, _raise_cancel: object) -> trio.lowlevel.Abort:
        self._task = None
        return trio.lowlevel.Abort.SUCCEEDED
