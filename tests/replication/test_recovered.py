"""What recovery found counts as durable only once it is: it may sit in the page cache alone."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from pykbroker.clock import SystemClock
from pykbroker.config import load
from pykbroker.replication.flusher import Flusher
from pykbroker.replication.partitions import Partitions
from pykbroker.replication.settings import LiveSettings
from pykbroker.storage.memory_fs import MemoryFileSystem
from pykbroker.storage.pending_sync import PendingSync
from pykbroker.sync_threads import SyncThreads
from tests.replication.clusters import a_topic
from tests.replication.hosted import (
    Feed,
    a_directory,
    append,
    at_once,
    led,
    some_partitions,
)

WORDS = led(a_topic("words"))


async def killed() -> MemoryFileSystem:
    """The files of a broker that was killed after an append that no sync covers."""
    fs = MemoryFileSystem()
    directory = a_directory(fs)
    partitions = some_partitions(directory)
    await partitions.apply(Feed(WORDS).image)
    append(partitions, "words")
    directory.close(clean=False)
    return fs


def started_on(fs: MemoryFileSystem, *, before_ack: bool) -> Partitions:
    directory = a_directory(fs)
    return Partitions(
        node_id=1,
        directories=[directory],
        settings=LiveSettings(load(profile="test"), node_id=1),
        clock=SystemClock(),
        random=Random(1),
        offload=at_once,
        flushers={directory: Flusher(directory, SyncThreads(1), before_ack=before_ack)},
    )


@pytest.mark.parametrize(("before_ack", "durable"), [(True, 1), (False, 0)])
async def test_recovered_records_are_synced_before_anybody_sees_them(
    before_ack: bool, durable: int
) -> None:
    partitions = started_on(await killed(), before_ack=before_ack)

    await partitions.apply(Feed(WORDS).image)

    leader = partitions.leader("words", 0)
    assert (leader.high_watermark, leader.partition_log.recovery_point) == (1, durable)


async def test_a_sync_of_recovered_records_that_fails_fails_the_directory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    partitions = started_on(await killed(), before_ack=True)
    failure = OSError(5, "Input/output error")

    def refuse(_: Any) -> None:
        raise failure

    with monkeypatch.context() as broken:
        broken.setattr(PendingSync, "run", refuse)
        await partitions.apply(Feed(WORDS).image)

    leader = partitions.leader("words", 0)
    assert (leader.high_watermark, leader.end_offset) == (0, 1)
    assert partitions.directories[0].failure is failure
