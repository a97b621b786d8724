"""What a server counts: plain integers, read by metrics and by tests."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Counters:
    """Totals since the server was made; only `connections` goes down again."""

    connections: int = 0
    """Connections open now."""
    connections_accepted: int = 0
    connections_refused: int = 0
    """Closed right after accept: a limit was reached."""
    connections_expired: int = 0
    """Closed for being idle, slow or gone."""
    requests: int = 0
    """Complete frames received."""
    protocol_errors: int = 0
    """Connections closed because the peer's bytes were not Kafka's protocol."""
    unhandled_errors: int = 0
    """Connections closed because of a fault of ours; anything but 0 is a bug."""
