"""How far opening logs has come, told once a second; what recovery cut off is told as a warning.

Opening runs in a thread of its own; it ends within one read once its task is cancelled.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

import trio

from pykbroker.storage.recovery.damage import Finding

if TYPE_CHECKING:
    from pykbroker.clock import Clock
    from pykbroker.storage.log import Log

log = logging.getLogger("pykbroker.replication")

_TOLD_EVERY_MS = 1_000
_MIB = 1 << 20


class RecoveryProgress:
    """Tells of logs that are being opened, from the second second on.

    `bytes_to_scan` counts what all of them have to read; it is asked once, when that is told first.
    """

    def __init__(self, clock: Clock, *, logs: int, bytes_to_scan: Callable[[], int]) -> None:
        self._clock = clock
        self._logs = logs
        self._bytes_to_scan = bytes_to_scan
        self._bytes_all: int | None = None
        self._logs_done = self._bytes_done = 0
        self._told_ms = clock.now_ms()

    def opened(self, path: str) -> None:
        """Note that one more log is open, or never will be."""
        self._logs_done += 1
        self.read(path, 0)

    def read(self, path: str, length: int) -> None:
        """Note that `length` bytes of a file are read.

        Raises trio.Cancelled when the task that waits for this thread is cancelled: whatever is
        being opened is left as it was.
        """
        with suppress(RuntimeError):  # in memory: there is no thread, and nothing to wait for
            trio.from_thread.check_cancelled()
        self._bytes_done += length
        now_ms = self._clock.now_ms()
        if now_ms - self._told_ms >= _TOLD_EVERY_MS:
            self._told_ms = now_ms
            if self._bytes_all is None:
                self._bytes_all = self._bytes_to_scan()
            log.info(
                "recovering logs=%d/%d mib=%d/%d reading=%s",
                self._logs_done,
                self._logs,
                self._bytes_done // _MIB,
                max(self._bytes_all, self._bytes_done) // _MIB,
                path,
            )


def tell_cut(opened: Log) -> None:
    """Tell what recovery cut off a log, if anything."""
    report = opened.recovery_report
    cut = report.cut
    if cut is None:
        return
    kept = f"kept in {opened.directory}/ as {', '.join(report.kept)}" if report.kept else "all zero"
    why = {
        Finding.TORN_TAIL: "what a crash left unfinished",
        Finding.HOLE: (
            "of writes that no sync had covered a power cut kept some, but not those before them"
        ),
    }
    log.warning(
        "log cut topic=%s partition=%d offset=%d bytes=%d file=%020d.log position=%d: %s; %s",
        opened.topic,
        opened.partition,
        cut.next_offset,
        cut.lost_bytes,
        cut.base_offset,
        cut.position,
        why.get(report.finding or Finding.TORN_TAIL, ""),
        kept,
    )
