"""A partition as a coordinator's memory: read to its end, whatever becomes of it meanwhile."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Any

import pytest

from pykbroker.errors import ErrorCode, KafkaError
from pykbroker.metadata.values import PartitionImage
from pykbroker.replication.committed_log import PartitionLog
from pykbroker.replication.flushing import FlushAtOnce
from pykbroker.replication.partition import PartitionLeader
from pykbroker.storage.memory_fs import MemoryFileSystem
from pykbroker.wire.records import build_batch, iterate_records
from tests.replication.hosted import NOW_MS
from tests.storage.logs import a_log

KEYS = [b"0", b"1", b"2", b"3"]


def a_leader(fs: MemoryFileSystem | None = None) -> PartitionLeader:
    """Give the leader of a log that has a batch for each of `KEYS`."""
    log = a_log(fs or MemoryFileSystem())
    image = PartitionImage(0, replicas=(1,), leader=1, isr=(1,))
    leader = PartitionLeader(log, image, node_id=1, flushing=FlushAtOnce())
    for key in KEYS:
        leader.append(
            memoryview(bytearray(build_batch([(NOW_MS, key, b"", ())]))),
            acks_all=True,
            now_ms=NOW_MS,
        )
    return leader


async def at_once(work: Callable[[], Any]) -> Any:
    return work()


async def keys_from(log: PartitionLog, offset: int) -> list[bytes | None]:
    found = []
    while data := await log.read(offset):
        records = list(iterate_records(data[: 12 + int.from_bytes(data[8:12], "big")]))
        found += [record.key for record in records]
        offset = records[-1].offset + 1
    return found


async def test_it_is_read_from_any_offset_to_its_end() -> None:
    log = PartitionLog(a_leader(), at_once, 0)

    assert (log.start_offset, log.end_offset) == (0, 4)
    assert await keys_from(log, 0) == KEYS
    assert await keys_from(log, 2) == KEYS[2:]


async def test_segments_that_are_exchanged_meanwhile_leave_nothing_out() -> None:
    leader = a_leader()
    partition_log = leader.partition_log
    partition_log.roll(NOW_MS)

    async def exchanged(work: Callable[[], Any]) -> Any:
        old = partition_log.exchange(0, 1)  # as the cleaner does, in the middle of it
        data = work()
        partition_log.exchange(0, 0, old)
        return data

    assert await keys_from(PartitionLog(leader, exchanged, 0), 0) == KEYS


async def test_a_topic_deleted_while_its_log_is_read_is_no_fault_of_the_disk(
    caplog: pytest.LogCaptureFixture,
) -> None:
    leader = a_leader()

    async def deleted(work: Callable[[], Any]) -> Any:
        leader.retire(KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION))
        raise OSError(errno.ENOENT, "No such file or directory")

    with pytest.raises(KafkaError) as refused:
        await PartitionLog(leader, deleted, 0).read(0)

    assert refused.value.code is ErrorCode.NOT_LEADER_OR_FOLLOWER
    assert not leader.is_offline
    assert caplog.messages == []


async def test_a_read_that_fails_takes_the_partition_offline() -> None:
    leader = a_leader()

    async def fails(work: Callable[[], Any]) -> Any:
        raise OSError(errno.EIO, "Input/output error")

    with pytest.raises(KafkaError) as refused:
        await PartitionLog(leader, fails, 0).read(0)

    assert refused.value.code is ErrorCode.KAFKA_STORAGE_ERROR
    assert leader.is_offline


async def test_a_log_that_can_take_nothing_any_more_is_not_read() -> None:
    leader = a_leader()
    leader._flushing.fail(OSError(errno.EIO, "Input/output error"))

    with pytest.raises(KafkaError) as refused:
        await PartitionLog(leader, at_once, 0).read(0)

    assert refused.value.code is ErrorCode.KAFKA_STORAGE_ERROR
