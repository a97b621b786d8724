"""The network seam: a channel carries bytes to and from one peer.

`receive_into` writes into the caller's view only after its last suspension, so one scratch buffer
serves every connection of an event loop. All faults of the peer or the network are `PeerGone`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

Address = tuple[str, int]
"""Host (numeric for IP) and port."""


class Slice(Protocol):
    """A run of bytes in a file, as `storage.fs` gives it; readable while it is referenced."""

    position: int

    def __len__(self) -> int: ...

    def read(self) -> bytes | memoryview:
        """Return all bytes of the slice; OSError when the file was truncated below its end."""
        ...

    def fileno(self) -> int | None:
        """Return the descriptor to send from, starting at `position`; None when in memory."""
        ...


Segment = bytes | bytearray | memoryview | Slice
"""What can be sent. The sender must not change it until it is sent."""


class PeerGone(Exception):  # noqa: N818 - not an error of ours
    """The peer closed, reset or lost the connection, or it was closed under a waiting task."""


class Channel(Protocol):
    """A byte stream to one peer, used by one receiving and one sending task at a time."""

    @property
    def local_address(self) -> Address:
        """The host and port of ours that the peer connected to."""
        ...

    @property
    def peer_address(self) -> Address: ...

    @property
    def sent_bytes(self) -> int:
        """Bytes handed to the network since the channel was made."""
        ...

    @property
    def unsent(self) -> bool:
        """Whether segments given to `send` or `send_some` still wait for the network."""
        ...

    async def receive_into(self, view: memoryview) -> int:
        """Wait for bytes and return how many were put at the start of `view`; 0 at the end.

        Raises PeerGone.
        """
        ...

    async def send(self, segments: Iterable[Segment]) -> None:
        """Return when everything not yet sent, then `segments`, was handed to the network.

        Raises PeerGone, and OSError when a slice cannot be read.
        """
        ...

    def send_some(self, segments: Iterable[Segment]) -> bool:
        """Hand over what the network takes at once and keep the rest; True when none is left.

        Whoever gets False calls `send` later, with no segments if there are no more.
        Raises as `send`.
        """
        ...

    def peer_gone(self) -> bool:
        """Tell, without reading, whether the peer is known to have ended its side."""
        ...

    def close(self) -> None:
        """Close both directions; tasks that wait in this channel get PeerGone. Idempotent."""
        ...
