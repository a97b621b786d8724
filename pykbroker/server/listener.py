"""A named address to accept clients at: bound first, served later."""

from __future__ import annotations

import errno
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass

import trio

from pykbroker.server.channel import Address
from pykbroker.server.hints import Hints

BACKLOG = 1024
ACCEPTS_PER_TURN_MAX = 64
PAUSE_SECONDS = 0.1
"""How long accepting rests when the system has no descriptors or memory left."""
_EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


@dataclass(frozen=True, slots=True)
class Listener:
    """Where to accept clients: an empty host is every address, port 0 any free one."""

    name: str
    host: str
    port: int

    async def bind(self) -> BoundListener:
        """Bind and listen at every address of the host, all with one port. Raises OSError."""
        found = await trio.socket.getaddrinfo(
            self.host or None, self.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        wanted = dict.fromkeys((family, address[0]) for family, _, _, _, address in found)
        sockets: list[socket.socket] = []
        port = self.port
        try:
            for family, host in wanted:
                try:
                    sockets.append(_bound(family, str(host), port))
                except OSError as fault:
                    if fault.errno not in (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL):
                        raise
                else:
                    port = sockets[-1].getsockname()[1]
            if not sockets:
                raise OSError(errno.EADDRNOTAVAIL, f"no address of {self.host!r} is ours")
        except BaseException:
            for bound in sockets:
                bound.close()
            raise
        return BoundListener(self.name, sockets)


def _bound(family: int, host: str, port: int) -> socket.socket:
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        if sys.platform == "win32":
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listening.setblocking(False)
        listening.bind((host, port))
        listening.listen(BACKLOG)
    except BaseException:
        listening.close()
        raise
    return listening


class BoundListener:
    """Listening sockets of one name; clients may connect already and wait to be accepted."""

    __slots__ = ("_sockets", "addresses", "name")

    def __init__(self, name: str, sockets: list[socket.socket]) -> None:
        self.name = name
        self._sockets = sockets
        self.addresses: tuple[Address, ...] = tuple(s.getsockname()[:2] for s in sockets)

    async def accept_all(
        self, welcome: Callable[[socket.socket, str], object], hints: Hints
    ) -> None:
        """Give every accepted socket and the listener's name to `welcome`.

        Ends when cancelled; the sockets are closed then. On error: a peer that is gone again is
        skipped, want of descriptors is waited out.
        """
        try:
            async with trio.open_nursery() as nursery:
                for listening in self._sockets:
                    nursery.start_soon(self._accept, listening, welcome, hints)
        finally:
            self.close()

    async def _accept(
        self,
        listening: socket.socket,
        welcome: Callable[[socket.socket, str], object],
        hints: Hints,
    ) -> None:
        while True:
            await trio.lowlevel.wait_readable(listening)
            for _ in range(ACCEPTS_PER_TURN_MAX):
                try:
                    accepted, _ = listening.accept()
                except BlockingIOError:
                    break
                except OSError as fault:
                    if fault.errno in _EXHAUSTED:
                        hints.cannot_accept(self.name, fault)
                        await trio.sleep(PAUSE_SECONDS)
                    break
                welcome(accepted, self.name)

    def close(self) -> None:
        """Accept no more. Idempotent."""
        for listening in self._sockets:
            if listening.fileno() >= 0:
                trio.lowlevel.notify_closing(listening)
                listening.close()
