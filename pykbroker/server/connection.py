"""One client: its requests answered one after another, in order, by one task.

All complete frames that a receive brought are answered with one send. A handler that suspends
does not hold back the replies before it: its first step is driven by hand, and what is pending
leaves before the task is parked.
"""

from __future__ import annotations

import logging
from collections.abc import Coroutine, Generator
from contextlib import suppress
from struct import Struct
from types import coroutine
from typing import TYPE_CHECKING, Any, cast

import trio

from pykbroker.api.handler import Asker, Response
from pykbroker.errors import ProtocolError
from pykbroker.server.channel import Channel, PeerGone, Segment
from pykbroker.server.receiver import Receiver
from pykbroker.server.routes import Route
from pykbroker.wire.frame import WrongProtocol

if TYPE_CHECKING:
    from pykbroker.server.shared import Shared

log = logging.getLogger("pykbroker.server")

REQUESTS_PER_TURN_MAX = 32
"""A pipelining client gives way to the others after so many requests answered in one go."""
PENDING_BYTES_MAX = 64 * 1024
"""Replies are sent, and wait for a slow reader, before more than this is held back."""
_unpack_head = Struct(">Ii").unpack_from
_HEAD_BYTES = 8


class Connection:
    """One accepted channel, from its first byte to its close."""

    __slots__ = (
        "_client_ids", "_drained", "_fault", "_mute_ms", "_pending", "_pending_bytes", "_route",
        "_shared", "answering", "asker", "channel", "finishing", "receiver", "scope", "sends",
    )  # fmt: skip

    def __init__(self, channel: Channel, asker: Asker, receiver: Receiver, shared: Shared) -> None:
        self.channel = channel
        self.asker = asker
        self.receiver = receiver
        self.scope = trio.CancelScope()
        self.answering = False
        """Whether requests are being answered, rather than waited for."""
        self.finishing = False
        self.sends = 0
        self._shared = shared
        self._route: Route | None = None
        self._pending: list[Segment] = []
        self._pending_bytes = 0
        self._drained: trio.Event | None = None
        self._fault: Exception | None = None
        self._mute_ms = 0
        self._client_ids: list[tuple[bytes, str | None]] = [(b"", None), (b"", None)]
        """By flexible or not: the header behind its first eight bytes, and what it says."""

    def __str__(self) -> str:
        asker, route = self.asker, self._route
        asked = f"{route.name} v{route.version}" if route else "nothing"
        return (
            f"listener={asker.listener} peer={asker.peer_address} "
            f"client_id={asker.client_id!r} asked={asked}"
        )

    async def run(self) -> None:
        """Answer requests.

        Ends when the peer ends its side, breaks the protocol, or `scope` is cancelled; the
        channel is closed then. On error: logged and counted, and nothing rises from here, so
        that one connection cannot end the others.
        """
        try:
            with self.scope:
                await self._answer_all()
            if self._fault is not None:
                raise self._fault
        except PeerGone as gone:
            log.debug("peer gone %s reason=%s", self, gone)
        except Exception:
            # What was asked cannot be refused in its own shape, so UNKNOWN_SERVER_ERROR is told
            # by closing; clients retry on another connection.
            self._shared.counters.unhandled_errors += 1
            log.exception("request failed %s", self)
            with suppress(PeerGone, OSError):
                self.channel.send_some(self._pending)
        finally:
            self.receiver.share.release()
            self.channel.close()

    def finish(self) -> None:
        """Answer the request in progress, if there is one, and close."""
        self.finishing = True
        if not self.answering:
            self.scope.cancel()

    async def _answer_all(self) -> None:
        try:
            while await self._answer_frames():
                pass
        except ProtocolError as broken:
            self._shared.counters.protocol_errors += 1
            if isinstance(broken, WrongProtocol):
                self._shared.hints.wrong_protocol(self.asker, broken)
            else:
                log.info("broken peer %s reason=%s", self, broken)
            await self._flush()

    async def _answer_frames(self) -> bool:
        """Answer what the next receive brings; False when there is no more to do."""
        self.answering = False
        frames = await self.receiver.frames()
        self.answering = True
        self._shared.counters.requests += len(frames)
        for first in range(0, len(frames), REQUESTS_PER_TURN_MAX):
            if first:
                await trio.lowlevel.checkpoint()
            for frame in frames[first : first + REQUESTS_PER_TURN_MAX]:
                asking = self._ask(frame)
                try:
                    trap = asking.send(None)
                except StopIteration as done:
                    response = done.value
                else:
                    self._send_meanwhile()
                    response = await _resumed(asking, trap)
                if response is not None:
                    self._add_reply(response)
                    if self._pending_bytes > PENDING_BYTES_MAX or self._mute_ms:
                        await self._flush()
                if self.finishing:
                    break
            await self._flush()
            if self.finishing:
                return False
        return bool(frames)

    def _ask(self, frame: memoryview) -> Coroutine[Any, Any, Response | None]:
        """Read a request and give the handler's coroutine, not started. Raises ProtocolError."""
        shared, asker = self._shared, self.asker
        key_and_version, asker.correlation_id = _unpack_head(frame)
        route = shared.routes.get(key_and_version)
        if route is None:
            route = shared.routes.make(key_and_version)
        self._route = route
        asker.api_version = route.version
        if route.parse_from is None:
            return route.function(shared.parts, None, asker)
        encoded, asker.client_id = self._client_ids[route.is_flexible]
        position = _HEAD_BYTES + len(encoded)
        if not encoded or frame[_HEAD_BYTES:position] != encoded:
            position = self._read_client_id(frame, route)
        request, _ = route.parse_from(frame, position)
        if shared.throttle is not None:
            self._mute_ms = shared.throttle(asker, route.api_key, len(frame))
        return route.function(shared.parts, request, asker)

    def _read_client_id(self, frame: memoryview, route: Route) -> int:
        """Read the whole header and give where it ends; equal ones to come are only compared."""
        header = route.parse_header(frame)
        self.asker.client_id = header.client_id
        encoded = bytes(frame[_HEAD_BYTES : header.body_position])
        self._client_ids[route.is_flexible] = (encoded, header.client_id)
        return header.body_position

    def _add_reply(self, response: Response) -> None:
        """Add the reply to the request read last to what is pending."""
        route = self._route
        assert route is not None
        if self._mute_ms and route.has_throttle_time:
            response = {**response, "throttle_time_ms": self._mute_ms}
        head = route.reply_head
        if route.build is not None:
            body = route.build(response)
            size = head.size + len(body)
            self._pending.append(head.pack(size - 4, self.asker.correlation_id) + body)
        else:
            segments = route.build_segments(response)
            size = head.size + sum(map(len, segments))
            self._pending.append(head.pack(size - 4, self.asker.correlation_id))
            self._pending += segments
        self._pending_bytes += size

    async def _flush(self) -> None:
        """Send what is pending, after what was left over by `_send_meanwhile`."""
        if self._drained is not None:
            await self._drained.wait()
            self._drained = None
        if self._pending:
            pending = self._pending
            self._pending, self._pending_bytes = [], 0
            self.sends += 1
            if not self.channel.send_some(pending):
                await self.channel.send(())
        if self._mute_ms:
            mute_ms, self._mute_ms = self._mute_ms, 0
            await trio.sleep(mute_ms / 1000)

    def _send_meanwhile(self) -> None:
        """Send what is pending while the handler is parked, or rather: about to be.

        Its trap has not reached trio yet, so nothing may suspend or raise here: somebody may
        already hold the handler's task and wake it. A fault ends the connection instead.
        """
        pending = self._pending
        if not pending:
            return
        self._pending, self._pending_bytes = [], 0
        self.sends += 1
        try:
            done = self.channel.send_some(pending)
        except (PeerGone, OSError) as fault:
            self._end(fault)
        else:
            if not done:
                self._drained = trio.Event()
                self._shared.start_soon(self._drain, self._drained)

    async def _drain(self, drained: trio.Event) -> None:
        """Send what `send_some` left over. Ends when it is sent or the channel is closed."""
        try:
            await self.channel.send(())
        except (PeerGone, OSError) as fault:
            self._end(fault)
        finally:
            drained.set()

    def _end(self, fault: Exception) -> None:
        self._fault = fault
        self.scope.cancel()


@coroutine
def _resumed(
    asking: Coroutine[Any, Any, Response | None], trap: Any
) -> Generator[Any, Any, Response | None]:
    """Go on with a coroutine whose first step was made by hand and gave `trap`."""
    while True:
        try:
            try:
                answer = yield trap
            except BaseException as thrown:  # noqa: BLE001 - passed on into the coroutine
                trap = asking.throw(thrown)
            else:
                trap = asking.send(answer)
        except StopIteration as done:
            return cast("Response | None", done.value)
