"""Which new connections are let in: so many in all, so many and so fast per address.

Loopback is exempt from what counts per address: whoever is on the machine may always look.
"""

from __future__ import annotations

from collections import Counter
from ipaddress import ip_address

import trio

from pykbroker.server.limits import ServerLimits

BURST_SECONDS = 10
"""An address may open this many seconds' worth of connections at once."""
ADDRESSES_REMEMBERED_MAX = 4096


class Admission:
    """Counts open connections and the rate at which each address opens them."""

    __slots__ = ("_earliest", "_limits", "_open", "_per_host")

    def __init__(self, limits: ServerLimits) -> None:
        self._limits = limits
        self._open = 0
        self._per_host: Counter[str] = Counter()
        self._earliest: dict[str, float] = {}

    def admit(self, host: str) -> str | None:
        """Count a new connection from `host`, or say which property refuses it."""
        limits = self._limits
        if self._open >= limits.max_connections:
            return "max.connections"
        if not is_loopback(host):
            if self._per_host[host] >= limits.max_connections_per_ip:
                return "max.connections.per.ip"
            if not self._within_rate(host):
                return "max.connection.creation.rate"
        self._open += 1
        self._per_host[host] += 1
        return None

    def leave(self, host: str) -> None:
        """Count an admitted connection from `host` as closed."""
        self._open -= 1
        self._per_host[host] -= 1
        if not self._per_host[host]:
            del self._per_host[host]

    def _within_rate(self, host: str) -> bool:
        """Follow the generic cell rate algorithm: one timestamp per address, no timers."""
        now = trio.current_time()
        interval = 1 / self._limits.max_connection_creation_rate
        earliest = max(self._earliest.get(host, now), now)
        if earliest - now > BURST_SECONDS - interval:
            return False
        if len(self._earliest) >= ADDRESSES_REMEMBERED_MAX:
            self._earliest = {h: at for h, at in self._earliest.items() if at > now}
        self._earliest[host] = earliest + interval
        return True


def is_loopback(host: str) -> bool:
    """Tell whether `host`, a numeric address or the name of an in-memory peer, is this machine."""
    try:
        return ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False
