"""Looking slowly through segments that nobody writes to any more, for what a disk has lost since.

A start looks only at what no sync had covered, and readers may never come: damage is told of while
there still is a copy. Nothing is changed and nothing taken offline, as clients check what they get.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import trio

from pykbroker.replication.checkpoints import Offload
from pykbroker.storage.dump.batches import Batch, Damage, walk

if TYPE_CHECKING:
    from pykbroker.replication.partitions import Partitions
    from pykbroker.replication.settings import LiveSettings
    from pykbroker.storage.log import Log
    from pykbroker.storage.segment import Segment

log = logging.getLogger("pykbroker.replication")

RATE = "pykbroker.scrub.bytes.per.second"
PASS_SECONDS = 24 * 60 * 60
"""From the end of one look at everything to the next."""
OFF_SECONDS = 60
"""How soon it is noticed that the rate is not 0 any more."""
STEP_BYTES, STEP_BATCHES = 1 << 20, 256
"""One step, so that the interpreter is not kept from clients for long."""


class Step(NamedTuple):
    """What one step came to."""

    size_bytes: int
    fault: tuple[int, str] | None
    """Position and what is wrong there; the rest of the segment is not looked at."""
    is_last: bool


class Scrubbing:
    """Looks at all segments but the active ones, one after the other."""

    def __init__(self, partitions: Partitions, *, settings: LiveSettings, offload: Offload) -> None:
        self._partitions = partitions
        self._settings = settings
        self._offload = offload
        self._told: set[tuple[str, int]] = set()
        """Damaged segments, by directory and base offset."""

    async def run(self) -> None:
        """Look at everything, wait, and begin again.

        Ends when: cancelled. On error: a segment that cannot be read is told of and left.
        """
        while True:
            if not self._rate:
                await trio.sleep(OFF_SECONDS)
                continue
            for directory in self._partitions.directories:
                for each in list(self._partitions.logs_in(directory)):
                    for segment in each.segments[:-1]:
                        await self._look(each, segment)
            await trio.sleep(PASS_SECONDS)

    @property
    def _rate(self) -> int:
        return self._settings.config.integer(RATE)

    async def _look(self, partition_log: Log, segment: Segment) -> None:
        if (partition_log.directory, segment.base_offset) in self._told:
            return
        found = walk(segment.file, segment.base_offset)
        while rate := self._rate:
            try:
                step = await self._offload(partial(_step, found))
            except FileNotFoundError:
                return  # retention or compaction took it
            except OSError as failure:
                step = Step(0, (0, str(failure)), is_last=True)
            if step.fault is not None:
                self._tell(partition_log, segment, *step.fault)
            await trio.sleep(step.size_bytes / rate)
            if step.is_last:
                return

    def _tell(self, partition_log: Log, segment: Segment, position: int, what: str) -> None:
        self._told.add((partition_log.directory, segment.base_offset))
        data_dir = partition_log.directory.rpartition("/")[0]
        log.error(
            "damage in a segment that was whole topic=%s partition=%d base_offset=%d position=%d:"
            " %s; stop the broker and put the file back from a copy, or see what is at stake with"
            " `pykbroker repair --data-dir %s %s-%d`",
            partition_log.topic,
            partition_log.partition,
            segment.base_offset,
            position,
            what,
            data_dir,
            partition_log.topic,
            partition_log.partition,
        )


def _step(found: Iterator[Batch | Damage]) -> Step:
    size_bytes = 0
    for count, each in enumerate(found, 1):
        match each:
            case Damage():
                return Step(size_bytes, (each.position, each.what), is_last=True)
            case Batch(fault=str(fault)):
                return Step(size_bytes, (each.position, fault), is_last=True)
        size_bytes += each.header.size_bytes
        if size_bytes >= STEP_BYTES or count >= STEP_BATCHES:
            return Step(size_bytes, None, is_last=False)
    return Step(size_bytes, None, is_last=True)
