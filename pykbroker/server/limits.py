"""What one server grants its clients; named after Kafka's properties, with units.

Where Kafka leaves a limit off by default, ours is on: a client that claims, stalls or multiplies
itself must not take the broker from the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pykbroker.config import Config

try:
    import resource
except ImportError:  # Windows has no such limits
    _descriptors_max = 1 << 20
else:
    _descriptors_max = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if _descriptors_max == resource.RLIM_INFINITY:
        _descriptors_max = 1 << 20

CONNECTIONS_POSSIBLE: Final = _descriptors_max // 2
"""Logs and everything else keep the other half of the descriptors."""
NO_LIMIT: Final = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerLimits:
    """The limits of all listeners of one broker together."""

    socket_request_max_bytes: int = 100 * 1024 * 1024
    """Largest frame; a larger claim closes the connection at once."""
    queued_max_request_bytes: int = 256 * 1024 * 1024
    """Memory for frames above 64 KiB being received or answered; readers wait above it."""
    max_connections: int = min(4096, CONNECTIONS_POSSIBLE)
    max_connections_per_ip: int = 1024
    """Loopback addresses are exempt from this and the next."""
    max_connection_creation_rate: int = 200
    """New connections per second and address, with a burst of ten seconds' worth."""
    connections_max_idle_ms: int = 600_000
    first_frame_grace_ms: int = 10_000
    """How long the first frame of a connection, once begun, may be slow."""
    frame_grace_ms: int = 30_000
    """How long any later frame, or a reply being sent, may be slow."""
    progress_bytes_per_second_min: int = 1024
    """Slow means fewer bytes than this per second since the frame or the reply began."""


def limits_of(config: Config) -> ServerLimits:
    """Give the limits that the broker's properties set, by Kafka's rules for what is none.

    `connections.max.idle.ms` below 0 and `queued.max.request.bytes` up to 0 are no limit.
    """
    queued_bytes = config.integer("queued.max.request.bytes")
    idle_ms = config.integer("connections.max.idle.ms")
    return ServerLimits(
        socket_request_max_bytes=config.integer("socket.request.max.bytes"),
        queued_max_request_bytes=queued_bytes if queued_bytes > 0 else NO_LIMIT,
        max_connections=min(config.integer("max.connections"), CONNECTIONS_POSSIBLE),
        max_connections_per_ip=config.integer("max.connections.per.ip"),
        connections_max_idle_ms=idle_ms if idle_ms >= 0 else NO_LIMIT,
        frame_grace_ms=config.integer("pykbroker.write.timeout.ms"),
    )
