"""Data directories whose disk failed: what a person is told, once each, and what to do about it.

A full disk is no failure of a directory: it comes back without anybody's restart.
"""

from __future__ import annotations

import errno
import logging
from dataclasses import dataclass

log = logging.getLogger("pykbroker.replication")

ADVICE = {
    errno.EACCES: "let this user read and write it",
    errno.EPERM: "let this user read and write it",
    errno.EROFS: "mount it for writing",
    errno.ENOSPC: "free some space",
    errno.EDQUOT: "free some space",
    errno.EIO: "mend the disk",
    errno.ENOENT: (
        "mount it or put it back into log.dirs (to begin its partitions empty, take its line out of"
        " the file log-directories beside metadata.sqlite)"
    ),
}
"""What to do about a directory that cannot be used."""


@dataclass(frozen=True, slots=True)
class OfflineDirectory:
    """A data directory that could not be opened at the start."""

    path: str
    failure: OSError


def advice_on(failure: OSError, *, otherwise: str) -> str:
    """Give what a person is to do about a fault of a disk."""
    return ADVICE.get(failure.errno or 0, otherwise)


def tell_offline(directory: OfflineDirectory) -> None:
    """Tell that a directory could not be opened and that the others are served without it."""
    log.error(
        "data directory offline path=%s: %s; its partitions are not served: %s and restart the"
        " broker",
        directory.path,
        directory.failure,
        advice_on(directory.failure, otherwise="make it a directory that can be used"),
    )


def tell_failed(path: str, failure: OSError) -> None:
    """Tell that the disk under a directory failed while it was being served."""
    log.error(
        "data directory failed path=%s: %s; nothing is written to its partitions any more, reads"
        " go on: %s and restart the broker",
        path,
        failure,
        advice_on(failure, otherwise="mend the disk"),
    )


def tell_not_closed(path: str, failure: OSError) -> None:
    """Tell that a directory could not be closed in order."""
    log.error(
        "data directory not closed in order path=%s: %s; the next start scans its logs: %s first",
        path,
        failure,
        advice_on(failure, otherwise="mend the disk"),
    )
