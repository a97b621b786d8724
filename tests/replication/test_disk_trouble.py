"""Appends that the disk refuses: for good where it failed, this one only where it is full."""

from __future__ import annotations

import errno
import os

import pytest

from pykbroker.errors import ErrorCode, KafkaError
from pykbroker.metadata.values import PartitionImage
from pykbroker.replication.flushing import FlushAtOnce
from pykbroker.replication.partition import PartitionLeader
from pykbroker.storage.log_config import LogConfig
from pykbroker.storage.log_directory import LogDirectory
from pykbroker.storage.memory_fs import MemoryFile, MemoryFileSystem
from pykbroker.wire.records import build_batch

NOW_MS = 1_700_000_000_000


def two_leaders() -> tuple[LogDirectory, PartitionLeader, PartitionLeader]:
    """A directory with two partitions of a record each."""
    directory = LogDirectory.open(
        MemoryFileSystem(), "data", node_id=1, cluster_id="c", directory_id=b"d" * 16
    )
    flushing = FlushAtOnce(directory)
    leaders = []
    for index in (0, 1):
        log = directory.log("t", index, b"t" * 16, LogConfig(), NOW_MS)
        image = PartitionImage(index, replicas=(1,), leader=1, isr=(1,))
        leaders.append(PartitionLeader(log, image, node_id=1, flushing=flushing))
        append(leaders[-1])
    return directory, leaders[0], leaders[1]


def append(leader: PartitionLeader) -> None:
    batch = memoryview(build_batch([(NOW_MS, b"k", b"v", ())]))
    leader.append(batch, acks_all=False, now_ms=NOW_MS)


def refused(leader: PartitionLeader) -> ErrorCode:
    with pytest.raises(KafkaError) as refusal:
        append(leader)
    return refusal.value.code


def readable(leader: PartitionLeader) -> bool:
    found = leader.read(0, max_bytes=1_000, committed_only=False, at_least_one=True)
    return found.records is not None


def failing_writes(broken: pytest.MonkeyPatch, number: int) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    broken.setattr(MemoryFile, "pwrite", refuse)


@pytest.mark.parametrize("number", [errno.EIO, errno.EROFS])
def test_a_write_that_fails_ends_appends_to_its_directory_and_no_reads(
    monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    directory, first, second = two_leaders()

    with monkeypatch.context() as broken:
        failing_writes(broken, number)
        codes = [refused(first)]
    codes += [refused(first), refused(second)]

    assert codes == [ErrorCode.KAFKA_STORAGE_ERROR] * 3
    assert directory.failure is not None
    assert directory.failure.errno == number
    assert [(each.is_offline, readable(each)) for each in (first, second)] == [(False, True)] * 2
    assert (first.end_offset, first.high_watermark) == (1, 1)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_refuses_a_request_and_is_asked_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, number: int
) -> None:
    directory, first, second = two_leaders()

    with monkeypatch.context() as broken:
        failing_writes(broken, number)
        codes = [refused(first), refused(first)]
        seen = readable(first)
    for leader in (first, first, second):
        append(leader)

    assert (codes, seen) == ([ErrorCode.KAFKA_STORAGE_ERROR] * 2, True)
    assert (first.end_offset, second.end_offset, directory.failure) == (3, 2, None)
    failure = OSError(number, os.strerror(number))
    assert [record.getMessage() for record in caplog.records] == [
        f"records refused topic=t partition=0: {failure}; free some space, appends go on then",
        "appends go on topic=t partition=0: there is room again",
    ]


def test_half_a_batch_that_cannot_be_cut_off_is_more_than_a_full_disk(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    directory, first, _ = two_leaders()

    def refuse(*_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as broken:
        failing_writes(broken, errno.ENOSPC)
        broken.setattr(MemoryFile, "truncate", refuse)
        codes = [refused(first)]
    codes.append(refused(first))

    assert codes == [ErrorCode.KAFKA_STORAGE_ERROR] * 2
    assert directory.failure is not None
    assert (first.end_offset, readable(first)) == (1, True)


def test_a_sync_that_fails_for_want_of_space_fails_the_directory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    directory, first, _ = two_leaders()
    first.partition_log.config = LogConfig(flush_messages=1)

    def refuse(_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(MemoryFile, "sync", refuse)
    append(first)

    assert directory.failure is not None
    assert first.high_watermark == 1
    assert refused(first) is ErrorCode.KAFKA_STORAGE_ERROR
