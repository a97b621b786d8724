"""Log lines that help a human, each kind at most once a minute whatever the peers do."""

from __future__ import annotations

import logging

import trio

from pykbroker.api.handler import Asker
from pykbroker.wire.frame import WrongProtocol

log = logging.getLogger("pykbroker.server")

QUIET_SECONDS = 60


class Hints:
    """Remembers when each kind of hint was last given."""

    __slots__ = ("_given",)

    def __init__(self) -> None:
        self._given: dict[str, float] = {}

    def wrong_protocol(self, asker: Asker, broken: WrongProtocol) -> None:
        """Tell that a peer speaks TLS, HTTP or SSH to this port, and what to do (KIP-498)."""
        if self._is_due(broken.protocol):
            log.warning("%s listener=%s peer=%s", broken.hint, asker.listener, asker.peer_address)

    def refused(self, listener: str, host: str, limit: str) -> None:
        """Tell that a connection was closed at once because of `limit`, a property's name."""
        if self._is_due(limit):
            log.warning(
                "closing new connections: %s is reached listener=%s host=%s", limit, listener, host
            )

    def cannot_accept(self, listener: str, fault: OSError) -> None:
        """Tell that the system gives no more connections, mostly for want of descriptors."""
        if self._is_due("accept"):
            log.error("cannot accept connections listener=%s reason=%s", listener, fault)

    def _is_due(self, kind: str) -> bool:
        now = trio.current_time()
        if now - self._given.get(kind, float("-inf")) < QUIET_SECONDS:
            return False
        self._given[kind] = now
        return True
