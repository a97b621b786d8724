"""What is done for logs from time to time: retention, checkpoints, forgetting, removing files.

One task per concern, at Kafka's intervals. None of them ends the broker: what the disk refuses
fails its directory or is told of, and a failed directory is left alone.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING

import trio

from pykbroker.errors import KafkaError
from pykbroker.replication.checkpoints import Offload
from pykbroker.replication.removing import Removing
from pykbroker.replication.retention_pass import RetentionPass
from pykbroker.replication.scrubbing import Scrubbing

if TYPE_CHECKING:
    from pykbroker.clock import Clock
    from pykbroker.config import Config
    from pykbroker.replication.partitions import Partitions
    from pykbroker.replication.settings import LiveSettings
    from pykbroker.storage.log_directory import LogDirectory

Work = Callable[["LogDirectory"], Awaitable[None]]


class Upkeep:
    """Keeps the logs of all data directories of this broker in shape."""

    def __init__(
        self, *, partitions: Partitions, settings: LiveSettings, clock: Clock, offload: Offload
    ) -> None:
        self._partitions = partitions
        self._settings = settings
        self._clock = clock
        self._offload = offload
        self._retention = RetentionPass(partitions, clock=clock, offload=offload)

    @property
    def _config(self) -> Config:
        return self._settings.config

    async def run(self) -> None:
        """Do all of it at its times.

        Ends when: cancelled.
        """
        initial_ms = self._config.integer("log.initial.task.delay.ms")
        checkpoints = self._partitions.checkpoints
        async with trio.open_nursery() as nursery:
            for directory in self._partitions.directories:
                removing = Removing(directory, offload=self._offload, delay_ms=self._delay_ms)
                nursery.start_soon(removing.run)
            scrubbing = Scrubbing(self._partitions, settings=self._settings, offload=self._offload)
            nursery.start_soon(scrubbing.run)
            nursery.start_soon(
                self._every,
                lambda: self._config.integer("log.retention.check.interval.ms"),
                self._retention.run,
                initial_ms,
            )
            nursery.start_soon(
                self._every,
                lambda: self._config.integer("log.flush.offset.checkpoint.interval.ms"),
                checkpoints.store_recovery_points,
                initial_ms,
            )
            nursery.start_soon(
                self._every,
                lambda: self._config.integer("log.flush.start.offset.checkpoint.interval.ms"),
                checkpoints.store_log_starts,
                initial_ms,
            )
            nursery.start_soon(
                self._every,
                lambda: self._config.integer("producer.id.expiration.check.interval.ms"),
                self._forget_producers,
                self._config.integer("producer.id.expiration.check.interval.ms"),
            )

    async def _every(self, interval_ms: Callable[[], int], work: Work, first_ms: int) -> None:
        """Do `work` for each directory after `first_ms`, then at the interval; once where it is 0.

        As Kafka's scheduler has it.
        """
        await trio.sleep(first_ms / 1000)
        while True:
            for directory in self._partitions.directories:
                with suppress(KafkaError):  # told of, and asked again the next time
                    await work(directory)
            if not interval_ms():
                return
            await trio.sleep(interval_ms() / 1000)

    async def _forget_producers(self, directory: LogDirectory) -> None:
        expiration_ms = self._config.integer("producer.id.expiration.ms")
        for each in list(self._partitions.logs_in(directory)):
            each.producers.expire(self._clock.now_ms(), expiration_ms)
            await trio.lowlevel.checkpoint()

    def _delay_ms(self) -> int:
        return self._config.integer("log.segment.delete.delay.ms")
