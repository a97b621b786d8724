"""A channel over a non-blocking TCP socket, without a stream object between.

Bytes are joined into one send while they are few; large file slices leave by `sendfile`, without
passing through this process. What a platform lacks is replaced by plain sends.
"""

from __future__ import annotations

import errno
import os
import select
import socket
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

import trio

from pykbroker.server.channel import Address, PeerGone, Segment, Slice

JOIN_BYTES_MAX = 64 * 1024
"""Up to here copying into one buffer costs less than a vector of them."""
SENDFILE_BYTES_MIN = 32 * 1024
"""Measured with one slice per reply: at 16 KiB reading costs 6 % less, at 32 KiB 17 % more."""
UNYIELDED_BYTES_MAX = 1024 * 1024
"""A peer that sends faster than we handle gives way to the others this often."""
MSG_MORE = getattr(socket, "MSG_MORE", 0)
_BUFFERS = (bytes, bytearray, memoryview)
_GONE = frozenset({
    errno.ETIMEDOUT, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ENETDOWN, errno.ENOTCONN,
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What the platform offers for sending."""

    sendmsg: bool = hasattr(socket.socket, "sendmsg")
    sendfile: bool = hasattr(os, "sendfile")
    buffers_max: int = 1024
    """Buffers in one sendmsg: IOV_MAX, which is 1024 wherever sendmsg exists."""


class _FileRun:
    """The part of a file slice that is not sent yet; keeps the slice's file open."""

    __slots__ = ("fileno", "left", "position", "slice")

    def __init__(self, file_slice: Slice, fileno: int) -> None:
        self.slice = file_slice
        self.fileno = fileno
        self.position = file_slice.position
        self.left = len(file_slice)


class TcpChannel:
    """A connected TCP socket, owned by the channel."""

    __slots__ = (
        "_can", "_more_to_read", "_queue", "_socket", "_unyielded_bytes",
        "local_address", "peer_address", "sent_bytes",
    )  # fmt: skip

    def __init__(self, connected: socket.socket, can: Capabilities | None = None) -> None:
        connected.setblocking(False)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = connected
        self._can = can or Capabilities()
        self._queue: deque[Segment | _FileRun] = deque()
        self._more_to_read = False
        self._unyielded_bytes = 0
        self.local_address: Address = connected.getsockname()[:2]
        self.peer_address: Address = connected.getpeername()[:2]
        self.sent_bytes = 0

    @property
    def unsent(self) -> bool:
        """Whether segments still wait for the network."""
        return bool(self._queue)

    async def receive_into(self, view: memoryview) -> int:
        """Wait for bytes and return how many were put at the start of `view`; 0 at the end."""
        received = self._socket
        waits = not self._more_to_read
        while True:
            try:
                if waits:
                    await trio.lowlevel.wait_readable(received)
                    self._unyielded_bytes = 0
                count = received.recv_into(view)
            except BlockingIOError:
                waits = True
            except (OSError, ValueError, trio.ClosedResourceError) as gone:
                raise PeerGone(f"while receiving: {gone}") from gone
            else:
                break
        # A full view means that there is probably more, which needs no waiting.
        self._unyielded_bytes += count
        self._more_to_read = count == len(view) and self._unyielded_bytes < UNYIELDED_BYTES_MAX
        return count

    async def send(self, segments: Iterable[Segment]) -> None:
        """Return when everything not yet sent, then `segments`, was handed to the kernel."""
        done = self.send_some(segments)
        while not done:
            try:
                await trio.lowlevel.wait_writable(self._socket)
            except (OSError, ValueError, trio.ClosedResourceError) as gone:
                raise PeerGone("closed while sending") from gone
            done = self._push()

    def send_some(self, segments: Iterable[Segment]) -> bool:
        """Hand over what the kernel takes at once and keep the rest; True when none is left."""
        self._queue.extend(segments)
        if len(self._queue) == 1 and type(only := self._queue[0]) is bytes:
            self._queue.clear()
            return self._send_only(only)
        return self._push()

    def _send_only(self, data: bytes) -> bool:
        """Send what most replies are: one buffer, to a peer that reads."""
        try:
            sent = self._socket.send(data)
        except OSError:
            sent = 0  # _push meets it again, and knows what to do
        self.sent_bytes += sent
        if sent == len(data):
            return True
        self._queue.append(memoryview(data)[sent:])
        return self._push()

    def _push(self) -> bool:
        queue = self._queue
        while queue:
            head = queue[0]
            try:
                if isinstance(head, _FileRun):
                    self._send_file(head)
                elif not isinstance(head, _BUFFERS) and self._leaves_by_sendfile(head):
                    queue[0] = _FileRun(head, cast("int", head.fileno()))
                else:
                    self._send_buffers()
            except BlockingIOError:
                return False
            except OSError as fault:
                queue.clear()
                if self._is_of_the_peer(fault):
                    raise PeerGone(str(fault)) from fault
                raise
        return True

    def _is_of_the_peer(self, fault: OSError) -> bool:
        """Tell the network's faults from those of the file that is sent."""
        return (
            isinstance(fault, ConnectionError) or fault.errno in _GONE or self._socket.fileno() < 0
        )

    def _leaves_by_sendfile(self, segment: Segment) -> bool:
        return (
            not isinstance(segment, _BUFFERS)
            and self._can.sendfile
            and len(segment) >= SENDFILE_BYTES_MIN
            and segment.fileno() is not None
        )

    def _send_file(self, run: _FileRun) -> None:
        sent = os.sendfile(self._socket.fileno(), run.fileno, run.position, run.left)
        if sent == 0:
            raise OSError(errno.EIO, "file is shorter than the slice of it")
        self.sent_bytes += sent
        run.position += sent
        run.left -= sent
        if not run.left:
            self._queue.popleft()

    def _send_buffers(self) -> None:
        """Send buffers and small slices from the front of the queue, all or some of them."""
        queue, size = self._queue, 0
        run: list[bytes | bytearray | memoryview] = []
        while queue and size < JOIN_BYTES_MAX and len(run) < self._can.buffers_max:
            segment = queue[0]
            if not isinstance(segment, _BUFFERS):
                if isinstance(segment, _FileRun) or self._leaves_by_sendfile(segment):
                    break
                segment = segment.read()
            queue.popleft()
            run.append(segment)
            size += len(segment)
        sent = 0
        try:
            sent = self._send_run(run, size)
        finally:
            self.sent_bytes += sent
            if sent < size:
                queue.extendleft(reversed(_after(run, sent)))

    def _send_run(self, run: list[bytes | bytearray | memoryview], size: int) -> int:
        flags = MSG_MORE if self._queue else 0
        if len(run) == 1:
            return self._socket.send(run[0], flags)
        if size <= JOIN_BYTES_MAX:
            return self._socket.send(b"".join(run), flags)
        if self._can.sendmsg:
            return self._socket.sendmsg(run, (), flags)
        return self._socket.send(run[0], MSG_MORE)

    def peer_gone(self) -> bool:
        """Tell, without reading, whether the peer is known to have ended its side."""
        if hasattr(select, "poll"):
            poll = select.poll()
            poll.register(self._socket, getattr(select, "POLLRDHUP", 0))
            return bool(poll.poll(0))
        try:
            return not self._socket.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def close(self) -> None:
        """Close both directions; tasks that wait in this channel get PeerGone. Idempotent."""
        if self._socket.fileno() < 0:
            return
        trio.lowlevel.notify_closing(self._socket)
        self._queue.clear()
        self._socket.close()


def _after(
    run: list[bytes | bytearray | memoryview], sent: int
) -> list[bytes | bytearray | memoryview]:
    """Give what is left of `run` after its first `sent` bytes."""
    for index, buffer in enumerate(run):
        if sent < len(buffer):
            return [memoryview(buffer)[sent:], *run[index + 1 :]] if sent else run[index:]
        sent -= len(buffer)
    return []
