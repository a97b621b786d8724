"""Partitions in several data directories: where they are put, what becomes of them without one."""

from __future__ import annotations

import errno
import logging

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from pykbroker.errors import ErrorCode
from pykbroker.replication.directory_health import OfflineDirectory
from pykbroker.replication.opening import Placement
from pykbroker.replication.waiter import Waiter
from pykbroker.storage.log_directory import LogDirectory
from pykbroker.storage.memory_fs import MemoryFileSystem
from pykbroker.storage.pending_sync import PendingSync
from tests.replication.clusters import a_topic, an_id
from tests.replication.hosted import (
    Feed,
    a_directory,
    append,
    directories_of_logs,
    led,
    refusal,
    some_partitions,
)

GONE = OfflineDirectory("gone", OSError(errno.EIO, "Input/output error"))
STORAGE = ErrorCode.KAFKA_STORAGE_ERROR


@pytest.fixture
def fs() -> MemoryFileSystem:
    return MemoryFileSystem()


@pytest.fixture
def two(fs: MemoryFileSystem) -> tuple[LogDirectory, LogDirectory]:
    return a_directory(fs, "a"), a_directory(fs, "b")


def placed(placement: Placement, count: int) -> list[str | None]:
    directories = [placement.directory_of(("words", index)) for index in range(count)]
    return [None if directory is None else directory.path for directory in directories]


def test_new_ones_go_where_the_fewest_are(two: tuple[LogDirectory, LogDirectory]) -> None:
    a, b = two

    assert placed(Placement(two, {}), 4) == ["a", "b", "a", "b"]
    assert placed(Placement(two, {("others", 0): a}, used=[a]), 4) == ["b", "b", "a", "b"]
    assert placed(Placement(two, {("words", 1): b}), 3) == ["a", "b", "a"]


def test_new_ones_go_to_no_directory_that_failed(two: tuple[LogDirectory, LogDirectory]) -> None:
    a, b = two
    a.fail(OSError(errno.EIO, "Input/output error"))

    assert placed(Placement(two, {("words", 0): a}), 3) == ["a", "b", "b"]
    b.fail(OSError(errno.EIO, "Input/output error"))
    assert placed(Placement(two, {}), 2) == [None, None]


def test_old_ones_that_are_nowhere_go_nowhere_while_a_directory_is_offline(
    two: tuple[LogDirectory, LogDirectory],
) -> None:
    found = {("words", 0): two[1]}

    assert placed(Placement(two, found, may_be_offline=True), 2) == ["b", None]
    assert placed(Placement(two, found, missing={("words", 1)}), 3) == ["b", None, "a"]


async def test_a_partition_that_may_be_in_an_offline_directory_is_not_made_anew(
    fs: MemoryFileSystem, caplog: pytest.LogCaptureFixture
) -> None:
    directory = a_directory(fs)
    before = some_partitions(directory)
    await before.apply(Feed(led(a_topic("words"))).image)
    append(before, "words")
    directory.close()
    partitions = some_partitions(a_directory(fs), offline=[GONE])
    feed = Feed(led(a_topic("words", 12)), led(a_topic("verbs")))

    await partitions.apply(feed.image)
    await partitions.apply(feed.show(led(a_topic("words", 14)), led(a_topic("verbs"))))

    assert partitions.leader("words", 0).end_offset == 1
    missing = [refusal(partitions, "verbs")]
    missing += [refusal(partitions, "words", index) for index in range(1, 12)]
    assert missing == [STORAGE] * 12
    assert partitions.is_offline("words", 11)
    assert directories_of_logs(fs) == ["words-0", "words-12", "words-13"]
    assert caplog.messages[0] == (
        "partitions offline because a data directory is: words-1, words-2, words-3, words-4,"
        " words-5, words-6, words-7, words-8, words-9, words-10 and 2 more; mend it and restart"
        " the broker"
    )


async def test_deleted_topics_are_not_told_as_gone_while_a_directory_is_offline(
    fs: MemoryFileSystem, nursery: trio.Nursery
) -> None:
    partitions = some_partitions(a_directory(fs), offline=[GONE])
    feed = Feed(led(a_topic("words")))
    await nursery.start(partitions.follow, feed)

    gone = {an_id("words"): frozenset({1})}
    await partitions.applied(feed.show(gone=gone).revision)
    await wait_all_tasks_blocked()

    assert feed.confirmed == []
    assert refusal(partitions, "words") is ErrorCode.UNKNOWN_TOPIC_OR_PARTITION


async def test_a_directory_that_fails_is_told_of_once_and_wakes_who_waits(
    two: tuple[LogDirectory, LogDirectory],
    nursery: trio.Nursery,
    caplog: pytest.LogCaptureFixture,
) -> None:
    a, b = two
    partitions = some_partitions(a, b)
    await partitions.apply(Feed(led(a_topic("words", 2))).image)
    woken = []

    async def wait(index: int) -> None:
        waiter = Waiter()
        partitions.leader("words", index).watch(waiter)
        await waiter.wait()
        woken.append(index)

    for index in range(2):
        nursery.start_soon(wait, index)
    await wait_all_tasks_blocked()

    with caplog.at_level(logging.ERROR):
        for _ in range(2):
            b.fail(OSError(errno.EROFS, "Read-only file system"))
    await wait_all_tasks_blocked()

    assert woken == [1]
    assert [partitions.any_failed_in(directory) for directory in two] == [False, True]
    assert caplog.messages == [
        (
            "data directory failed path=b: [Errno 30] Read-only file system; nothing is written to"
            " its partitions any more, reads go on: mount it for writing and restart the broker"
        )
    ]
    nursery.cancel_scope.cancel()


async def test_what_recovery_found_and_a_sync_refused_is_read_only(
    fs: MemoryFileSystem, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    a, b = a_directory(fs, "a"), a_directory(fs, "b")
    before = some_partitions(a, b)
    await before.apply(Feed(led(a_topic("words", 2))).image)
    append(before, "words", 1)
    for directory in (a, b):
        directory.close(clean=False)
    a, b = a_directory(fs, "a"), a_directory(fs, "b")
    partitions = some_partitions(a, b, log_flush_interval_messages=1)

    def refuse(_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr(PendingSync, "run", refuse)
        await partitions.apply(Feed(led(a_topic("words", 2))).image)

    assert [a.failure is None, b.failure is None] == [True, False]
    assert partitions.leader("words", 1).end_offset == 1
    assert partitions.leader("words", 1).high_watermark == 0
    append(partitions, "words", 0)
    assert [message.split(";")[0] for message in caplog.messages] == [
        "data directory failed path=b: [Errno 5] Input/output error"
    ]
