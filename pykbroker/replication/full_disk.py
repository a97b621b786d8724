"""A full disk: an append is refused, the log stays as it was, and the next append tries again.

A person is told when it begins and when it is over, not of every refusal.
"""

from __future__ import annotations

import errno
import logging

log = logging.getLogger("pykbroker.replication")

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""Writes that failed for want of space. A *sync* that fails so has lost data like any other."""


def tell_refused(topic: str, partition: int, failure: OSError) -> None:
    """Tell that appends to a partition are refused from now on."""
    log.warning(
        "records refused topic=%s partition=%d: %s; free some space, appends go on then",
        topic,
        partition,
        failure,
    )


def tell_of_space(topic: str, partition: int) -> None:
    """Tell that appends to a partition go on."""
    log.warning("appends go on topic=%s partition=%d: there is space again", topic, partition)
