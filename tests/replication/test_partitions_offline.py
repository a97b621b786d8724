"""Logs that cannot be opened, read or removed: the others are served, and files are not lost."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from pykbroker.errors import ErrorCode
from pykbroker.metadata.values import TopicState
from pykbroker.storage.memory_fs import MemoryFileSystem
from tests.replication.clusters import a_topic, an_id
from tests.replication.hosted import (
    FailingFileSystem,
    Feed,
    a_directory,
    again,
    append,
    directories_of_logs,
    led,
    refusal,
    some_partitions,
)


async def test_a_log_that_cannot_be_opened_leaves_the_others_served(
    caplog: pytest.LogCaptureFixture,
) -> None:
    fs = FailingFileSystem()
    fs.broken.add("words-1")
    directory = a_directory(fs)
    partitions = some_partitions(directory)
    feed = Feed(led(a_topic("words", 3)))

    await partitions.apply(feed.image)

    assert refusal(partitions, "words", 1) is ErrorCode.KAFKA_STORAGE_ERROR
    assert [partitions.is_offline("words", index) for index in range(3)] == [False, True, False]
    assert not partitions.any_failed_in(directory)
    assert sorted(log.partition for log in partitions.logs_in(directory)) == [0, 2]
    append(partitions, "words", 2)
    assert caplog.messages == [
        ("partition offline topic=words partition=1: [Errno 5] Input/output error: 'data/words-1'")
    ]


async def test_a_partition_that_fails_later_is_told_as_offline_too() -> None:
    directory = a_directory(MemoryFileSystem())
    partitions = some_partitions(directory)
    await partitions.apply(Feed(led(a_topic("words", 2))).image)
    any_failed = [partitions.any_failed_in(directory)]

    partitions.leader("words", 1).fail(OSError(5, "Input/output error"))

    any_failed.append(partitions.any_failed_in(directory))
    assert any_failed == [False, True]
    assert [partitions.is_offline("words", index) for index in range(2)] == [False, True]
    assert [log.partition for log in partitions.logs_in(directory)] == [0]


async def test_a_deleted_topic_that_was_offline_can_be_made_again() -> None:
    fs = FailingFileSystem()
    directory = a_directory(fs)
    await some_partitions(directory).apply(Feed(led(a_topic("words"))).image)
    directory.close()
    fs.broken.add("words-0")
    partitions = some_partitions(a_directory(fs))
    feed = Feed(led(a_topic("words")))
    await partitions.apply(feed.image)
    fs.broken.clear()

    await partitions.apply(feed.show())

    assert refusal(partitions, "words") is ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    assert directories_of_logs(fs) == []
    await partitions.apply(feed.show(again("words")))
    assert partitions.leader("words", 0).end_offset == 0


async def test_files_of_an_unknown_topic_of_the_same_name_are_never_touched() -> None:
    fs = MemoryFileSystem()
    directory = a_directory(fs)
    before = some_partitions(directory)
    await before.apply(Feed(again("words")).image)
    append(before, "words")
    directory.close()
    partitions = some_partitions(a_directory(fs))
    feed = Feed(led(a_topic("words")))

    await partitions.apply(feed.image)
    code = refusal(partitions, "words")
    await partitions.apply(feed.show())

    assert code is ErrorCode.KAFKA_STORAGE_ERROR
    assert directories_of_logs(fs) == ["words-0"]


async def test_files_the_disk_will_not_let_go_of_are_not_told_as_gone(
    nursery: trio.Nursery, caplog: pytest.LogCaptureFixture
) -> None:
    fs = FailingFileSystem()
    partitions = some_partitions(a_directory(fs))
    feed = Feed(led(a_topic("words")), led(a_topic("verbs")))
    await nursery.start(partitions.follow, feed)
    fs.broken.add("words-0")

    gone = {an_id("words"): frozenset({1}), an_id("verbs"): frozenset({1, 2})}
    await partitions.applied(feed.show(gone=gone).revision)
    await wait_all_tasks_blocked()

    assert feed.confirmed == [an_id("verbs")]
    assert directories_of_logs(fs) == ["words-0"]
    assert caplog.messages == [
        (
            "files not deleted topic=words partition=0: [Errno 5] Input/output error:"
            " 'data/words-0'; the next start tries again"
        )
    ]


async def test_files_of_topics_deleted_while_it_was_away_are_removed_at_the_start(
    nursery: trio.Nursery, caplog: pytest.LogCaptureFixture
) -> None:
    fs = MemoryFileSystem()
    directory = a_directory(fs)
    topics = [led(a_topic(name)) for name in ("deleted", "deleting", "remade", "lost", "kept")]
    await some_partitions(directory).apply(Feed(*topics).image)
    directory.close()
    partitions = some_partitions(a_directory(fs))
    deleting = replace(topics[1], state=TopicState.DELETING)
    gone = {an_id("deleted"): frozenset({1}), an_id("remade"): frozenset({1})}
    feed = Feed(again("remade"), led(a_topic("kept")), deleting, gone=gone)

    with caplog.at_level(logging.WARNING):
        await nursery.start(partitions.follow, feed)

    assert directories_of_logs(fs) == ["deleting-0", "kept-0", "lost-0", "remade-0"]
    assert partitions.leader("remade", 0).partition_log.topic_id == an_id("remade-2")
    (told,) = caplog.messages
    assert told == (
        "files of an unknown topic are left alone topic=lost partition=0 in data;"
        " remove them if nobody misses them"
    )
    gone = {an_id("deleting"): frozenset({1})}
    await partitions.applied(feed.show(again("remade"), led(a_topic("kept")), gone=gone).revision)
    await wait_all_tasks_blocked()
    assert directories_of_logs(fs) == ["kept-0", "lost-0", "remade-0"]
    assert feed.confirmed == [an_id("deleting")]


async def test_a_log_that_lost_its_topic_id_is_the_topics_that_has_its_name(
    caplog: pytest.LogCaptureFixture, nursery: trio.Nursery
) -> None:
    fs = MemoryFileSystem()
    directory = a_directory(fs)
    before = some_partitions(directory)
    await before.apply(Feed(led(a_topic("words"))).image)
    append(before, "words")
    directory.close()
    fs.remove("data/words-0/partition.metadata")

    partitions = some_partitions(a_directory(fs))
    await nursery.start(partitions.follow, Feed(led(a_topic("words"))))

    assert partitions.leader("words", 0).end_offset == 1
    assert caplog.messages == []


async def test_a_new_topic_does_not_begin_with_files_that_do_not_say_whose_they_are(
    nursery: trio.Nursery, caplog: pytest.LogCaptureFixture
) -> None:
    fs = MemoryFileSystem()
    directory = a_directory(fs)
    before = some_partitions(directory)
    await before.apply(Feed(led(a_topic("words"))).image)
    append(before, "words")
    directory.close()
    fs.remove("data/words-0/partition.metadata")
    partitions = some_partitions(a_directory(fs))
    feed = Feed()
    await nursery.start(partitions.follow, feed)
    caplog.clear()

    await partitions.applied(feed.show(again("words")).revision)

    assert partitions.leader("words", 0).end_offset == 0
    (stray,) = [name for name in fs.listdir("data") if name.endswith("-stray")]
    assert stray.startswith("words-0.")
    assert fs.open(f"data/{stray}/00000000000000000000.log").size > 0
    assert caplog.messages == [
        f"files that do not say whose they are: data/{stray}; remove them if not missed"
    ]
