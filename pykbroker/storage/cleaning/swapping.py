"""Putting a cleaned segment in the place of the segments it was made from; no crash loses either.

Kafka's order (`UnifiedLog.replaceSegments`): `.cleaned` → `.swap`, durable; old files → `.deleted`,
durable; `.swap` → no suffix. From the first sync on the next start finishes it, before it undoes it
(`recovery.finish_swaps`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from pykbroker.storage.cleaning.staged_segment import StagedSegment, remove_staged
from pykbroker.storage.files import FileSystem
from pykbroker.storage.log import Log
from pykbroker.storage.names import SWAP_SUFFIX
from pykbroker.storage.removal import set_aside
from pykbroker.storage.segment import Segment


class Swap:
    """One replacement: `steps` does it, and yields what must be done off the event loop meanwhile.

    Between steps the log is read, appended to and shortened by others. `is_open` tells whether it
    still is the log of its directory; if it is not, or the old segments are not the log's any
    more, nothing is replaced. `aside` is given the old files' new names.
    """

    def __init__(
        self,
        fs: FileSystem,
        log: Log,
        old: Sequence[Segment],
        *,
        is_open: Callable[[], bool],
        aside: Callable[[list[str]], object],
    ) -> None:
        self._fs = fs
        self._log = log
        self._old = tuple(old)
        self._is_open = is_open
        self._aside = aside
        self.is_done = False
        """Whether the log has the new segment."""

    def steps(self) -> Iterator[Callable[[], None]]:
        """Replace the old segments; every callable yielded must have returned before the next.

        Raises OSError, as do the callables: FileNotFoundError when the log was deleted.
        """
        log, sync_names = self._log, partial(self._fs.sync_directory, self._log.directory)
        if self._number() is None:
            # At once: what is staged in front of a later swap undoes that one at the next start.
            self._remove_staged()
            return
        new = StagedSegment.open(self._fs, log.directory, self._old[0].base_offset, log.config)
        new.created_ms = self._old[-1].created_ms  # its age, where no record has a timestamp
        new.stage(SWAP_SUFFIX)
        yield sync_names
        number = self._number()
        if number is None:
            self._remove_staged()
            return
        log.exchange(number, len(self._old), [new])
        self.is_done = True
        self._aside([path for segment in self._old for path in set_aside(self._fs, segment)])
        yield sync_names
        if self._is_open():
            new.stage("")
            yield sync_names

    def _remove_staged(self) -> None:
        if self._is_open():
            remove_staged(self._fs, self._log.directory, self._old[0].base_offset)

    def _number(self) -> int | None:
        """Return the number of the first old segment, if the log has all of them, none active."""
        segments = self._log.segments
        if not self._is_open() or self._old[0] not in segments:
            return None
        first = segments.index(self._old[0])
        after = first + len(self._old)
        return first if segments[first:after] == self._old and after < len(segments) else None
