"""The listeners of one broker and every connection they accepted.

All tasks live in the nursery of `run`: accepting, one task per connection, the deadlines. No
fault of one connection reaches another.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import trio

from pykbroker.api.handler import Asker, Handler
from pykbroker.server.admission import Admission
from pykbroker.server.budget import ReceiveBudget, Share
from pykbroker.server.channel import Channel
from pykbroker.server.connection import Connection
from pykbroker.server.counters import Counters
from pykbroker.server.deadlines import Deadlines
from pykbroker.server.limits import ServerLimits
from pykbroker.server.listener import BoundListener
from pykbroker.server.receiver import Receiver, keep_freed_memory
from pykbroker.server.routes import Routes
from pykbroker.server.shared import Shared, Throttle
from pykbroker.server.tcp import TcpChannel

if TYPE_CHECKING:
    from pykbroker.api.parts import Parts

log = logging.getLogger("pykbroker.server")


class Server:
    """Answers the clients of a broker with a table of handlers."""

    def __init__(
        self,
        handlers: Mapping[int, Handler],
        parts: Parts,
        limits: ServerLimits | None = None,
        *,
        throttle: Throttle | None = None,
    ) -> None:
        self.limits = limits or ServerLimits()
        self.counters = Counters()
        self.routes = Routes(handlers)
        self._connections: set[Connection] = set()
        self._admission = Admission(self.limits)
        self._accepting = trio.CancelScope()
        self._draining = False
        self._changed = trio.lowlevel.ParkingLot()
        self._nursery: trio.Nursery | None = None
        self._shared = Shared(
            routes=self.routes,
            parts=parts,
            budget=ReceiveBudget(self.limits.queued_max_request_bytes),
            throttle=throttle,
            counters=self.counters,
            start_soon=self._start_soon,
        )

    async def run(
        self,
        listeners: Iterable[BoundListener],
        *,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Accept and answer.

        Ends when `drain` has, or when cancelled; every connection and listening socket is closed
        then.
        """
        keep_freed_memory()
        deadlines = Deadlines(self._connections, self.limits, self.counters)
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            nursery.start_soon(deadlines.run)
            task_status.started()
            with self._accepting:
                async with trio.open_nursery() as accepting:
                    for listener in listeners:
                        accepting.start_soon(listener.accept_all, self._welcome, self._shared.hints)
                    await trio.sleep_forever()
            while self._connections or not self._draining:
                await self._changed.park()
            nursery.cancel_scope.cancel()

    async def drain(self, seconds: float) -> None:
        """Accept no more, finish the requests in progress, close; cut off what takes longer.

        Returns within `seconds`, however slow handlers or clients are. Requests that were sent
        behind the one in progress are not answered: their clients try elsewhere.
        """
        self._draining = True
        self._accepting.cancel()
        for connection in self._connections:
            connection.finish()
        with trio.move_on_after(seconds) as waiting:
            while self._connections:
                await self._changed.park()
        if waiting.cancelled_caught:
            log.warning("cutting off requests in progress count=%d", len(self._connections))
            for connection in self._connections:
                connection.scope.cancel()
        self._changed.unpark_all()

    def adopt(self, channel: Channel, listener: str) -> None:
        """Serve a channel that no listener of ours accepted, e.g. one end of a pair in memory.

        It is closed at once when a limit is reached. Only while `run` runs.
        """
        host = channel.peer_address[0]
        limit = "the broker is stopping" if self._draining else self._admission.admit(host)
        if limit is not None:
            self.counters.connections_refused += 1
            self._shared.hints.refused(listener, host, limit)
            channel.close()
            return
        self.counters.connections_accepted += 1
        share = Share(self._shared.budget)
        connection = Connection(
            channel,
            Asker(listener, channel.local_address, channel.peer_address),
            Receiver(
                channel,
                self._shared.scratch,
                share,
                frame_bytes_max=self.limits.socket_request_max_bytes,
            ),
            self._shared,
        )
        self._connections.add(connection)
        self.counters.connections += 1
        self._start_soon(self._serve, connection)

    def _welcome(self, accepted: socket.socket, listener: str) -> None:
        try:
            channel = TcpChannel(accepted)
        except OSError:  # reset before it was looked at
            accepted.close()
            return
        self.adopt(channel, listener)

    async def _serve(self, connection: Connection) -> None:
        try:
            await connection.run()
        finally:
            self._connections.discard(connection)
            self._admission.leave(connection.asker.peer_address[0])
            self.counters.connections -= 1
            self._changed.unpark_all()

    def _start_soon(self, function: object, *args: object) -> None:
        assert self._nursery is not None
        self._nursery.start_soon(function, *args)  # type: ignore[arg-type]
