"""Parked requests: one task waiting until any of several partitions changes.

A waiter is registered with each partition it watches and removed in `finally`; waking only
schedules the task, so a producer's reply leaves before the consumers it woke run.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import trio

ANY_CHANGE = 0
"""As what a waiter waits for: every change of a partition, not one offset."""


class Waiter:
    """Wait for a wake-up that may come from several places; wake-ups do not add up."""

    __slots__ = ("_task", "_woken", "is_late")

    def __init__(self) -> None:
        self.is_late = False
        """Whether its deadline is over."""
        self._task: trio.lowlevel.Task | None = None
        self._woken = False

    def wake(self) -> None:
        """Let the waiting task run, or its next `wait` return at once."""
        self._woken = True
        if self._task is not None:
            task, self._task = self._task, None
            trio.lowlevel.reschedule(task)

    def expire(self) -> None:
        """Tell the waiting task that it is too late."""
        self.is_late = True
        self.wake()

    async def wait(self) -> None:
        """Return when woken since the last `wait` returned."""
        if not self._woken:
            self._task = trio.lowlevel.current_task()
            await trio.lowlevel.wait_task_rescheduled(self._abort)
        self._woken = False

    def _abort(self, _raise_cancel: object) -> trio.lowlevel.Abort:
        self._task = None
        return trio.lowlevel.Abort.SUCCEEDED


class Waiters:
    """Those who wait for one partition, and the high watermark that each of them waits for."""

    __slots__ = ("_awaited",)

    def __init__(self) -> None:
        self._awaited: dict[Waiter, int] = {}

    @contextmanager
    def watched_by(self, waiter: Waiter, *, until: int = ANY_CHANGE) -> Iterator[None]:
        """Wake `waiter` while the block lasts, as `add` says."""
        self.add(waiter, until=until)
        try:
            yield
        finally:
            self.remove(waiter)

    def add(self, waiter: Waiter, *, until: int = ANY_CHANGE) -> None:
        """Wake `waiter` once the high watermark is `until`; pair with `remove` in a finally."""
        self._awaited[waiter] = until

    def remove(self, waiter: Waiter) -> None:
        """Undo `add`; once more does no harm."""
        self._awaited.pop(waiter, None)

    def wake_reached(self, high_watermark: int) -> None:
        """Wake those who wait for no more than `high_watermark`, and those who wait for anything.

        The others would only look and wait again, each at the price of a task's turn.
        """
        for waiter, awaited in self._awaited.items():
            if awaited <= high_watermark:
                waiter.wake()

    def wake_all(self) -> None:
        """Wake everybody."""
        for waiter in self._awaited:
            waiter.wake()
