"""A full disk, or too many open files: an append is refused, the log stays, the next one is tried.

A person is told when it begins and when it is over, not of every refusal.
"""

from __future__ import annotations

import errno
import logging

from pykbroker.storage.fs import OUT_OF_FILES

log = logging.getLogger("pykbroker.replication")

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, *OUT_OF_FILES})
"""Writes that failed for want of space, or of room for one more open file: both come back.

A *sync* that fails so has lost data like any other.
"""


def tell_refused(topic: str, partition: int, failure: OSError) -> None:
    """Tell that appends to a partition are refused from now on."""
    log.warning(
        "records refused topic=%s partition=%d: %s; %s, appends go on then",
        topic,
        partition,
        failure,
        "allow more open files" if failure.errno in OUT_OF_FILES else "free some space",
    )


def tell_of_space(topic: str, partition: int) -> None:
    """Tell that appends to a partition go on."""
    log.warning("appends go on topic=%s partition=%d: there is room again", topic, partition)
