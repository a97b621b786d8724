"""What all connections of a server share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pykbroker.api.handler import Asker
from pykbroker.server.budget import ReceiveBudget
from pykbroker.server.counters import Counters
from pykbroker.server.hints import Hints
from pykbroker.server.receiver import SCRATCH_BYTES
from pykbroker.server.routes import Routes

if TYPE_CHECKING:
    from pykbroker.api.parts import Parts

Throttle = Callable[[Asker, int, int], int]
"""(asker, api key, request bytes) → throttle_time_ms: told in the reply, after which the
connection is muted for as long (KIP-124, KIP-219). 0: not throttled."""


@dataclass(slots=True, kw_only=True)
class Shared:
    """The parts every connection of one server works with, in one event loop."""

    routes: Routes
    parts: Parts
    budget: ReceiveBudget
    throttle: Throttle | None = None
    counters: Counters = field(default_factory=Counters)
    hints: Hints = field(default_factory=Hints)
    scratch: memoryview = field(default_factory=lambda: memoryview(bytearray(SCRATCH_BYTES)))
    start_soon: Callable[..., Any]
    """Starts a task beside the connections."""
