"""When those who wait give up, looked after by one task.

A cancel scope costs a request ten times as much as the two dictionary entries here, and hardly any
deadline is ever reached.
"""

from __future__ import annotations

import math

import trio

from pykbroker.replication.waiter import Waiter


class Deadlines:
    """Waiters by when they are to be told that it is too late."""

    def __init__(self) -> None:
        self._deadlines: dict[Waiter, float] = {}
        self._soonest = math.inf
        """No later than any deadline; its waiter may be gone already."""
        self._sooner = Waiter()

    def add(self, waiter: Waiter, timeout_ms: int) -> None:
        """Tell `waiter` so after `timeout_ms`; pair with `remove` in a finally block."""
        deadline = self._deadlines[waiter] = trio.current_time() + max(timeout_ms, 0) / 1000
        if deadline < self._soonest:
            self._soonest = deadline
            self._sooner.wake()

    def remove(self, waiter: Waiter) -> None:
        """Undo `add`."""
        self._deadlines.pop(waiter, None)

    async def run(self) -> None:
        """Tell waiters when it is too late.

        Ends when: cancelled.
        """
        while True:
            with trio.move_on_at(self._soonest):
                await self._sooner.wait()
            now = trio.current_time()
            if now < self._soonest:
                continue
            for waiter in [each for each, when in self._deadlines.items() if when <= now]:
                del self._deadlines[waiter]
                waiter.expire()
            self._soonest = min(self._deadlines.values(), default=math.inf)
