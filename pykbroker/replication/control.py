"""The controller's duty: one task that keeps the cluster's partitions as they ought to be.

Level-triggered: it looks at the newest image, writes what is missing, and waits for a newer image.
"""

from __future__ import annotations

import logging

import trio

from pykbroker.errors import KafkaError
from pykbroker.metadata.cluster import Metadata
from pykbroker.replication.elections import MinInsyncReplicas, elections

log = logging.getLogger("pykbroker.replication")


async def control(
    metadata: Metadata,
    min_insync_replicas: MinInsyncReplicas,
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Stand for controller, and act as the controller while this broker is it.

    Reports started once it has acted on the image that it found, so that a single broker leads all
    its partitions by then.

    Ends when: cancelled. On error: a refused transaction is decided again on the next image.
    """
    leading, settled = False, None
    while True:
        seen = metadata.image.revision
        try:
            was_leading, leading = leading, await metadata.become_controller()
            if leading and not was_leading:
                log.info("became controller broker=%d", metadata.broker_id)
            if leading:
                seen = metadata.image.revision
                await metadata.finish_half_made_topics()
                image = metadata.image
                changes = elections(image, min_insync_replicas, settled=settled)
                settled = None if changes else image
                if changes:
                    log.info("electing leaders partitions=%d", len(changes))
                    await metadata.change_partitions(changes)
        except KafkaError as refusal:
            log.info("controller refused, looking again: %s", refusal)
        task_status.started()
        task_status = trio.TASK_STATUS_IGNORED
        await metadata.image_after(seen)
