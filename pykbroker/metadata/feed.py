"""The present image of a store, and the task that keeps it present.

Whoever reacts to the cluster's state is level-triggered: it acts on the newest image, then waits
for a newer one; what happened in between does not matter to it.
"""

from __future__ import annotations

import logging

import trio

from pykbroker.metadata.image import ClusterImage
from pykbroker.metadata.keys import Keys
from pykbroker.metadata.store import Compacted, MetadataStore

log = logging.getLogger("pykbroker.metadata")


class ImageFeed:
    """Follows one cluster's keys in a store."""

    def __init__(self, store: MetadataStore, keys: Keys) -> None:
        self._store = store
        self._keys = keys
        self._changed = trio.Event()
        self.image = ClusterImage(keys)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Load the image, report started, and apply every revision from then on.

        Ends when: cancelled. On error: the store's own faults rise; a history that was compacted
        away is not one, the image is loaded again.
        """
        while True:
            snapshot = await self._store.load(self._keys.prefix)
            self._show(ClusterImage.load(self._keys, snapshot))
            task_status.started()
            task_status = trio.TASK_STATUS_IGNORED
            try:
                async for batch in self._store.watch(self._keys.prefix, snapshot.rev):
                    self._show(self.image.apply(batch))
            except Compacted as gap:
                log.warning(
                    "metadata history lost, loading again revision=%d: %s", snapshot.rev, gap
                )

    async def image_at(self, revision: int) -> ClusterImage:
        """Wait until the image holds revision (or a later one) and give it."""
        return await self.image_after(revision - 1)

    async def image_after(self, revision: int) -> ClusterImage:
        """Wait until the image is newer than revision and give it."""
        while self.image.revision <= revision:
            await self._changed.wait()
        return self.image

    def _show(self, image: ClusterImage) -> None:
        self.image = image
        self._changed.set()
        self._changed = trio.Event()
