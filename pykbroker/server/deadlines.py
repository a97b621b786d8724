"""One task that closes connections which are idle, slow or gone.

The hot path sets no timers: it only counts bytes and frames. Each tick compares what was counted
with the tick before, so a deadline is kept to about a second.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import dataclass

import trio

from pykbroker.server.connection import Connection
from pykbroker.server.counters import Counters
from pykbroker.server.limits import ServerLimits

log = logging.getLogger("pykbroker.server")

TICK_SECONDS_MAX = 1.0


@dataclass(slots=True)
class _Sight:
    """When a connection was first seen doing what it does, and how far it was then."""

    doing: tuple[str, int]
    since: float
    progress_bytes: int


class Deadlines:
    """Watches the connections of one server."""

    def __init__(
        self, connections: Collection[Connection], limits: ServerLimits, counters: Counters
    ) -> None:
        self._connections = connections
        self._limits = limits
        self._counters = counters
        self._sights: dict[Connection, _Sight] = {}

    async def run(self) -> None:
        """Look at every connection once a tick. Ends when cancelled."""
        shortest_ms = min(
            self._limits.connections_max_idle_ms,
            self._limits.first_frame_grace_ms,
            self._limits.frame_grace_ms,
        )
        tick = min(TICK_SECONDS_MAX, shortest_ms / 4000)
        while True:
            await trio.sleep(tick)
            self.look(trio.current_time())

    def look(self, now: float) -> None:
        """Compare every connection with the last time, and end those that may not go on."""
        before, self._sights = self._sights, {}
        for connection in self._connections:
            doing, progress_bytes = _doing(connection)
            sight = before.get(connection)
            if sight is None or sight.doing != doing:
                sight = _Sight(doing, now, progress_bytes)
            self._sights[connection] = sight
            reason = self._complaint(
                connection, sight, now - sight.since, progress_bytes - sight.progress_bytes
            )
            if reason is not None:
                self._counters.connections_expired += 1
                log.info("closing connection, %s %s", reason, connection)
                connection.scope.cancel()

    def _complaint(
        self, connection: Connection, sight: _Sight, seconds: float, progress_bytes: int
    ) -> str | None:
        limits = self._limits
        is_slow = progress_bytes < seconds * limits.progress_bytes_per_second_min
        match sight.doing:
            case "waits", _:
                if seconds * 1000 >= limits.connections_max_idle_ms:
                    return "connections.max.idle.ms is over"
            case "receives", frames_received:
                grace_ms = limits.frame_grace_ms if frames_received else limits.first_frame_grace_ms
                if seconds * 1000 >= grace_ms and is_slow:
                    return "request arrives too slowly"
            case "sends", _:
                if seconds * 1000 >= limits.frame_grace_ms and is_slow:
                    return "reply is read too slowly"
            case "answers", _:
                if seconds > 0 and connection.channel.peer_gone():
                    return "peer is gone while its request is answered"
        return None


def _doing(connection: Connection) -> tuple[tuple[str, int], int]:
    """Give what the connection does, which request or reply it is at, and the bytes so far."""
    receiver = connection.receiver
    if connection.channel.unsent:
        return ("sends", connection.sends), connection.channel.sent_bytes
    if connection.answering:
        return ("answers", connection.sends), 0
    if receiver.share.waiting:
        return ("waits for memory", receiver.frames_received), 0
    if receiver.partial_bytes:
        return ("receives", receiver.frames_received), receiver.partial_bytes
    return ("waits", receiver.frames_received), 0
