"""Two channels joined in memory: for tests, for simulation, for a client in the same process.

Each direction holds a bounded number of bytes, so a peer that does not read blocks its sender.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

import trio

from pykbroker.server.channel import Address, PeerGone, Segment

PIPE_BYTES_MAX = 64 * 1024


class _Pipe:
    """One direction: what is in flight, and who waits at either end."""

    __slots__ = ("changed", "data", "ended", "reset")

    def __init__(self) -> None:
        self.data = bytearray()
        self.ended = False
        self.reset = False
        self.changed = trio.lowlevel.ParkingLot()


class MemoryChannel:
    """One end of a pair; made by `memory_channels`."""

    __slots__ = ("_in", "_out", "_queue", "local_address", "peer_address", "sent_bytes")

    def __init__(self, inward: _Pipe, outward: _Pipe, local: Address, peer: Address) -> None:
        self._in = inward
        self._out = outward
        self._queue: deque[memoryview] = deque()
        self.local_address = local
        self.peer_address = peer
        self.sent_bytes = 0

    @property
    def unsent(self) -> bool:
        """Whether segments still wait for room."""
        return bool(self._queue)

    async def receive_into(self, view: memoryview) -> int:
        """Wait for bytes and return how many were put at the start of `view`; 0 at the end."""
        pipe = self._in
        await trio.lowlevel.checkpoint_if_cancelled()
        while not pipe.data and not pipe.ended and not pipe.reset:
            await pipe.changed.park()
        if pipe.reset:
            raise PeerGone("reset")
        count = min(len(view), len(pipe.data))
        view[:count] = pipe.data[:count]
        del pipe.data[:count]
        pipe.changed.unpark_all()
        return count

    async def send(self, segments: Iterable[Segment]) -> None:
        """Return when everything not yet sent, then `segments`, is in flight."""
        done = self.send_some(segments)
        while not done:
            await self._out.changed.park()
            done = self.send_some(())

    def send_some(self, segments: Iterable[Segment]) -> bool:
        """Put in flight what there is room for and keep the rest; True when none is left."""
        self._queue.extend(
            memoryview(s if isinstance(s, bytes | bytearray | memoryview) else s.read())
            for s in segments
        )
        pipe, queue = self._out, self._queue
        while queue:
            if pipe.ended or pipe.reset:
                queue.clear()
                raise PeerGone("closed")
            part = queue[0][: PIPE_BYTES_MAX - len(pipe.data)]
            if not part and queue[0]:
                return False
            pipe.data += part
            self.sent_bytes += len(part)
            pipe.changed.unpark_all()
            if len(part) == len(queue[0]):
                queue.popleft()
            else:
                queue[0] = queue[0][len(part) :]
        return True

    def end(self) -> None:
        """Send no more; the peer reads what is in flight, then the end."""
        self._out.ended = True
        self._out.changed.unpark_all()

    def peer_gone(self) -> bool:
        """Tell, without reading, whether the peer has ended its side."""
        return self._in.ended or self._in.reset

    def close(self) -> None:
        """End this side; what the peer still sends is refused."""
        self.end()
        self._queue.clear()
        self._in.reset = True
        self._in.changed.unpark_all()


def memory_channels(
    client: Address = ("127.0.0.1", 49152), server: Address = ("127.0.0.1", 9092)
) -> tuple[MemoryChannel, MemoryChannel]:
    """Make a connected pair: the client's end and the server's end."""
    upward, downward = _Pipe(), _Pipe()
    return (
        MemoryChannel(downward, upward, client, server),
        MemoryChannel(upward, downward, server, client),
    )
