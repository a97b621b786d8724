"""Producer ids, drawn one by one from blocks that the whole cluster shares (KIP-360)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import trio


class ProducerIds:
    """Hands out producer ids; none twice, whatever happens (`RPCProducerIdManager`)."""

    def __init__(self, allocate: Callable[[], Awaitable[range]]) -> None:
        self._allocate = allocate
        self._left = iter(range(0))
        self._lock = trio.Lock()

    async def next_id(self) -> int:
        """Give an id that nobody else ever gets. Raises what allocating a block raises."""
        found = next(self._left, None)
        while found is None:
            async with self._lock:
                # Somebody else may have fetched a block while this task waited for the lock.
                found = next(self._left, None)
                if found is None:
                    self._left = iter(await self._allocate())
                    found = next(self._left, None)
        return found
