"""Bytes from a channel → complete frames, each in memory of its own connection.

What one receive brought is copied out of the shared scratch, so frames are writable (record
batches are patched in place) and nothing aliases across a suspension. A large frame is received
into its own buffer, which at most doubles whenever it is full: nothing is allocated by a claim.
"""

from __future__ import annotations

from struct import Struct

from pykbroker.errors import ProtocolError
from pykbroker.server.budget import Share
from pykbroker.server.channel import Channel, PeerGone
from pykbroker.wire.frame import FRAME_BYTES_MIN, SIZE_BYTES, split_frames

SCRATCH_BYTES = 64 * 1024
OWN_BUFFER_BYTES_MIN = 16 * 1024
"""So much of a large frame arrives by way of the scratch before it gets its own buffer."""
TRUSTED_BYTES_MAX = 1024 * 1024 + 64 * 1024
"""A connection that sent a frame as large gets a buffer this large at once for its next, which is
enough for a batch of Kafka's default max.message.bytes and what is around it."""
KEPT_BLOCK_BYTES = 8 * 1024 * 1024
_unpack_size = Struct(">i").unpack_from


def keep_freed_memory() -> None:
    """Let the C library keep up to twice `KEPT_BLOCK_BYTES` of freed memory for the next frames.

    glibc gives free memory at the end of its heap back once it is twice the largest block that was
    ever mapped on its own and freed. With nothing above 1 MiB that is after every large frame, and
    faulting its pages in again costs more than all else a request does. The block made here is
    never touched, so it takes no memory itself; other C libraries do not notice.
    """
    bytes(KEPT_BLOCK_BYTES)


class Receiver:
    """The receiving half of one connection."""

    __slots__ = (
        "_channel", "_fault", "_needed", "_partial", "_scratch", "_trusted_bytes",
        "frame_bytes_max", "frames_received", "partial_bytes", "share",
    )  # fmt: skip

    def __init__(
        self, channel: Channel, scratch: memoryview, share: Share, *, frame_bytes_max: int
    ) -> None:
        self._channel = channel
        self._scratch = scratch
        self._partial = bytearray()
        self._needed = 0
        self._trusted_bytes = 0
        self._fault: ProtocolError | None = None
        self.share = share
        self.frame_bytes_max = frame_bytes_max
        """Without the size field; may be lowered while a client is not authenticated."""
        self.frames_received = 0
        self.partial_bytes = 0
        """Bytes received of a frame that is not complete."""

    async def frames(self) -> list[memoryview]:
        """Wait for the next complete frames, without their size fields; none at the end.

        The caller owns their memory, of which the share is given back by the next call. Raises
        ProtocolError for a size that cannot be, once all frames before it were given; PeerGone.
        """
        self.share.release()
        while self._fault is None:
            partial = self._partial
            if self._needed > SCRATCH_BYTES and len(partial) >= OWN_BUFFER_BYTES_MIN:
                return [await self._large_frame()]
            count = await self._channel.receive_into(self._scratch)
            if not count:
                return []
            if partial:
                partial += self._scratch[:count]
            elif (only := self._only_frame(count)) is not None:
                return [only]
            else:
                partial = bytearray(self._scratch[:count])
            if frames := self._split(partial):
                return frames
        raise self._fault

    def _only_frame(self, count: int) -> memoryview | None:
        """Give the frame that the first `count` bytes of the scratch are, where they are just one.

        So they are whenever a client waits for each reply.
        """
        if count < SIZE_BYTES + FRAME_BYTES_MIN:
            return None
        (size,) = _unpack_size(self._scratch)
        if size != count - SIZE_BYTES or size > self.frame_bytes_max:
            return None
        self.frames_received += 1
        return memoryview(bytearray(self._scratch[SIZE_BYTES:count]))

    def _split(self, data: bytearray) -> list[memoryview]:
        """Give the complete frames at the start of `data` and keep the rest."""
        frames, consumed, self._needed, self._fault = split_frames(data, self.frame_bytes_max)
        self.frames_received += len(frames)
        self._partial = data[consumed:] if frames else data
        self.partial_bytes = len(self._partial)
        return frames

    async def _large_frame(self) -> memoryview:
        """Receive the rest of the partial frame into a buffer that grows with it."""
        buffer, filled, frame_end = self._partial, len(self._partial), self._needed
        while filled < frame_end:
            if filled == len(buffer):
                capacity = min(frame_end, max(2 * filled, self._trusted_bytes))
                await self.share.reserve(capacity - self.share.reserved_bytes)
                grown = bytearray(capacity)
                grown[:filled] = buffer
                buffer = grown
                self._partial = bytearray()
            count = await self._channel.receive_into(memoryview(buffer)[filled:])
            if not count:
                raise PeerGone("ended inside a frame")
            filled += count
            self.partial_bytes = filled
        self.partial_bytes = self._needed = 0
        self.frames_received += 1
        self._trusted_bytes = max(self._trusted_bytes, min(frame_end, TRUSTED_BYTES_MAX))
        return memoryview(buffer)[SIZE_BYTES:]
