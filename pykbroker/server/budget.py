"""Memory for large frames, shared by all connections: reserved as bytes arrive, never by claim.

One connection at a time may overdraw. Without that, many half-received frames could hold the
whole budget and wait for each other for ever; with it the bound is the budget plus one frame.
"""

from __future__ import annotations

import trio


class ReceiveBudget:
    """The bytes that all connections of a server may hold in large frames."""

    __slots__ = ("available_bytes", "overdrawn_by", "released")

    def __init__(self, bytes_max: int) -> None:
        self.available_bytes = bytes_max
        self.overdrawn_by: Share | None = None
        self.released = trio.lowlevel.ParkingLot()


class Share:
    """What one connection holds of the budget."""

    __slots__ = ("_budget", "reserved_bytes", "waiting")

    def __init__(self, budget: ReceiveBudget) -> None:
        self._budget = budget
        self.reserved_bytes = 0
        self.waiting = False
        """Whether the connection is not reading because there is no memory for it."""

    async def reserve(self, size: int) -> None:
        """Return when `size` more bytes may be allocated."""
        budget = self._budget
        while size > budget.available_bytes and budget.overdrawn_by not in (None, self):
            self.waiting = True
            try:
                await budget.released.park()
            finally:
                self.waiting = False
        if size > budget.available_bytes:
            budget.overdrawn_by = self
        budget.available_bytes -= size
        self.reserved_bytes += size

    def release(self) -> None:
        """Give everything back, and let those who wait try again."""
        if not self.reserved_bytes:
            return
        budget = self._budget
        budget.available_bytes += self.reserved_bytes
        self.reserved_bytes = 0
        if budget.overdrawn_by is self:
            budget.overdrawn_by = None
        budget.released.unpark_all()
