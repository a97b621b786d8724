"""A broker's partitions follow the image: opened, reconfigured, deleted, and offline one by one."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from random import Random
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from pykbroker.clock import SystemClock
from pykbroker.config import load
from pykbroker.errors import ErrorCode, KafkaError
from pykbroker.metadata.image import ClusterImage
from pykbroker.metadata.keys import ConfigType
from pykbroker.metadata.values import TopicImage, TopicState
from pykbroker.replication.fetch_sessions import Wanted
from pykbroker.replication.partitions import Partitions
from pykbroker.replication.reading import Limits, Reading, read_when_enough
from pykbroker.replication.settings import LiveSettings
from pykbroker.storage.log_directory import LogDirectory
from pykbroker.storage.memory_fs import MemoryFileSystem
from pykbroker.wire.records import build_batch
from tests.replication.clusters import a_cluster, a_topic, an_id

NOW_MS = 1_700_000_000_000


class FailingFileSystem(MemoryFileSystem):
    """Refuses what touches a path that contains one of `broken`."""

    def __init__(self) -> None:
        super().__init__()
        self.broken: set[str] = set()

    def _check(self, path: str) -> None:
        if any(part in path for part in self.broken):
            raise OSError(5, "Input/output error", path)

    def mkdirs(self, path: str) -> None:
        self._check(path)
        super().mkdirs(path)

    def rename(self, old: str, new: str) -> None:
        self._check(old)
        super().rename(old, new)


class Feed:
    """Shows images as the metadata would, and notes what is confirmed as gone."""

    def __init__(self, *topics: TopicImage, **fields: Any) -> None:
        self.image = replace(a_cluster(*topics), revision=1, **fields)
        self.confirmed: list[bytes] = []
        self._changed = trio.Event()

    def show(self, *topics: TopicImage, configs: Any = None, **fields: Any) -> ClusterImage:
        """Show one more image with these topics; configurations stay unless given."""
        configs = self.image.configs if configs is None else configs
        image = a_cluster(*topics, configs=configs)
        self.image = replace(image, revision=self.image.revision + 1, **fields)
        self._changed.set()
        self._changed = trio.Event()
        return self.image

    async def image_after(self, revision: int) -> ClusterImage:
        while self.image.revision <= revision:
            await self._changed.wait()
        return self.image

    async def confirm_gone(self, topic_id: bytes) -> None:
        self.confirmed.append(topic_id)


async def at_once(work: Callable[[], Any]) -> Any:
    return work()


def a_directory(fs: MemoryFileSystem, path: str = "data") -> LogDirectory:
    return LogDirectory.open(
        fs, path, node_id=1, cluster_id="c", directory_id=bytes(16), random=Random(1)
    )


def some_partitions(
    *directories: LogDirectory, offload: Callable[..., Any] = at_once, **properties: object
) -> Partitions:
    overrides = [f"{name.replace('_', '.')}={value}" for name, value in properties.items()]
    return Partitions(
        node_id=1,
        directories=directories,
        settings=LiveSettings(load(profile="test", overrides=overrides), node_id=1),
        clock=SystemClock(),
        random=Random(1),
        offload=offload,
    )


def led(topic: TopicImage, **fields: Any) -> TopicImage:
    """The topic with every partition led by broker 1."""
    partitions = tuple(
        replace(partition, leader=1, isr=(1,), isr_epochs=(10,), **fields)
        for partition in topic.partitions
    )
    return replace(topic, partitions=partitions)


def again(name: str) -> TopicImage:
    """Another topic of a name."""
    return replace(led(a_topic(name)), topic_id=an_id(f"{name}-2"))


def append(partitions: Partitions, topic: str, index: int = 0) -> None:
    batch = bytearray(build_batch([(NOW_MS, b"key", b"value", ())]))
    leader = partitions.leader(topic, index)
    leader.append(memoryview(batch), acks_all=True, now_ms=NOW_MS)


def refusal(partitions: Partitions, topic: str, index: int = 0) -> ErrorCode:
    with pytest.raises(KafkaError) as refused:
        partitions.leader(topic, index)
    return refused.value.code


def directories_of_logs(fs: MemoryFileSystem, path: str = "data") -> list[str]:
    return [name for name in fs.listdir(path) if fs.is_directory(f"{path}/{name}")]


async def test_partitions_are_opened_and_led_as_the_image_says() -> None:
    fs = MemoryFileSystem()
    partitions = some_partitions(a_directory(fs))
    words = led(a_topic("words", 2), leader_epoch=7)

    await partitions.apply(Feed(words).image)

    assert directories_of_logs(fs) == ["words-0", "words-1"]
    assert [partitions.leader("words", index).leader_epoch for index in (0, 1)] == [7, 7]
    assert refusal(partitions, "words", 2) is ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    assert refusal(partitions, "verbs") is ErrorCode.UNKNOWN_TOPIC_OR_PARTITION


async def test_a_partition_on_other_brokers_is_not_opened_here() -> None:
    fs = MemoryFileSystem()
    partitions = some_partitions(a_directory(fs))

    await partitions.apply(Feed(a_topic("words", replicas=(2, 3))).image)

    assert refusal(partitions, "words") is ErrorCode.NOT_LEADER_OR_FOLLOWER
    assert directories_of_logs(fs) == []


async def test_a_new_leader_epoch_is_taken_over_and_those_who_wait_look_again() -> None:
    partitions = some_partitions(a_directory(MemoryFileSystem()))
    words = led(a_topic("words"))
    feed = Feed(words)
    await partitions.apply(feed.image)
    append(partitions, "words")
    leader = partitions.leader("words", 0)

    await partitions.apply(feed.show(led(a_topic("words"), leader_epoch=3)))

    assert partitions.leader("words", 0) is leader
    assert (leader.leader_epoch, leader.high_watermark) == (3, 1)
    assert leader.end_offset_for_epoch(2) == (0, 1)


async def test_added_partitions_are_opened_beside_those_that_are() -> None:
    partitions = some_partitions(a_directory(MemoryFileSystem()))
    feed = Feed(led(a_topic("words")))
    await partitions.apply(feed.image)
    append(partitions, "words")

    await partitions.apply(feed.show(led(a_topic("words", 3))))

    assert [partitions.leader("words", index).end_offset for index in range(3)] == [1, 0, 0]


async def test_logs_are_spread_over_directories_and_found_where_they_are() -> None:
    fs = MemoryFileSystem()
    directories = a_directory(fs, "one"), a_directory(fs, "two")
    await some_partitions(*directories).apply(Feed(led(a_topic("words", 3))).image)
    placed = [directories_of_logs(fs, path) for path in ("one", "two")]
    for directory in directories:
        directory.close()

    partitions = some_partitions(a_directory(fs, "one"), a_directory(fs, "two"))
    await partitions.apply(Feed(led(a_topic("words", 4))).image)

    assert placed == [["words-0", "words-2"], ["words-1"]]
    assert [directories_of_logs(fs, path) for path in ("one", "two")] == [
        ["words-0", "words-2"],
        ["words-1", "words-3"],
    ]


async def test_a_deleted_topic_is_gone_from_disk_and_everybody_hears_so() -> None:
    fs = MemoryFileSystem()
    partitions = some_partitions(a_directory(fs))
    feed = Feed(led(a_topic("words", 2)), led(a_topic("verbs")))
    await partitions.apply(feed.image)
    leader = partitions.leader("words", 0)

    await partitions.apply(feed.show(led(a_topic("verbs"))))

    assert directories_of_logs(fs) == ["verbs-0"]
    assert refusal(partitions, "words") is ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    with pytest.raises(KafkaError) as refused:
        leader.check_epoch(-1)
    assert refused.value.code is ErrorCode.UNKNOWN_TOPIC_OR_PARTITION


async def test_a_fetch_that_waits_for_a_topic_hears_of_its_deletion(
    nursery: trio.Nursery,
) -> None:
    partitions = some_partitions(a_directory(MemoryFileSystem()))
    feed = Feed(led(a_topic("words")))
    await partitions.apply(feed.image)
    leader = partitions.leader("words", 0)
    reading = Reading(("words", 0), "words", Wanted(0, 1_000), leader=leader)
    limits = Limits(min_bytes=1, max_bytes=1_000, max_wait_ms=60_000, committed_only=False)
    nursery.start_soon(read_when_enough, [reading], limits)
    await wait_all_tasks_blocked()
    refusals = [reading.refusal]

    await partitions.apply(feed.show())
    await wait_all_tasks_blocked()

    refusals.append(reading.refusal)
    codes = [refused and refused.code for refused in refusals]
    assert codes == [None, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION]


async def test_a_topic_deleted_and_made_again_between_two_images_is_empty() -> None:
    partitions = some_partitions(a_directory(MemoryFileSystem()))
    feed = Feed(led(a_topic("words")))
    await partitions.apply(feed.image)
    append(partitions, "words")
    old = partitions.leader("words", 0)

    await partitions.apply(feed.show(again("words")))

    new = partitions.leader("words", 0)
    assert (new.end_offset, new.partition_log.topic_id) == (0, an_id("words-2"))
    with pytest.raises(KafkaError):
        old.check_epoch(-1)


async def test_topics_may_come_and_go_quickly(nursery: trio.Nursery) -> None:
    fs = MemoryFileSystem()
    partitions = some_partitions(a_directory(fs), offload=trio.to_thread.run_sync)
    feed = Feed()
    await nursery.start(partitions.follow, feed)
    random = Random(1)
    shown: dict[str, TopicImage] = {}

    for number in range(200):
        name = random.choice("abcd")
        if name in shown:
            del shown[name]
        else:
            topic = led(a_topic(name, random.randrange(1, 4)))
            shown[name] = replace(topic, topic_id=an_id(f"{name}{number}"))
        image = feed.show(*shown.values())
        if random.random() < 0.3:
            await partitions.applied(image.revision)
            for topic in shown.values():
                assert partitions.leader(topic.name, 0).partition_log.topic_id == topic.topic_id
                append(partitions, topic.name)
    await partitions.applied(feed.image.revision)

    assert directories_of_logs(fs) == sorted(
        f"{topic.name}-{index}" for topic in shown.values() for index in range(topic.count)
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
    assert not partitions.any_failed
    assert sorted(log.partition for log in partitions.logs_in(directory)) == [0, 2]
    append(partitions, "words", 2)
    assert caplog.messages == [
        ("partition offline topic=words partition=1: [Errno 5] Input/output error: 'data/words-1'")
    ]


async def test_a_partition_that_fails_later_is_told_as_offline_too() -> None:
    directory = a_directory(MemoryFileSystem())
    partitions = some_partitions(directory)
    await partitions.apply(Feed(led(a_topic("words", 2))).image)
    any_failed = [partitions.any_failed]

    partitions.leader("words", 1).fail(OSError(5, "Input/output error"))

    any_failed.append(partitions.any_failed)
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


def segment_bytes(partitions: Partitions, topic: str) -> int:
    return partitions.leader(topic, 0).partition_log.config.segment_bytes


async def test_changes_of_configuration_reach_the_logs_that_follow_them() -> None:
    partitions = some_partitions(a_directory(MemoryFileSystem()), log_segment_bytes=1_500_000)
    topics = [led(a_topic("own")), led(a_topic("plain"))]
    own: Mapping[tuple[str, str], Mapping[str, str]] = {
        (ConfigType.TOPIC, "own"): {"segment.bytes": "2000000"}
    }
    feed = Feed(*topics, configs=own)
    seen = []

    async def look(image: ClusterImage) -> None:
        await partitions.apply(image)
        seen.append((segment_bytes(partitions, "own"), segment_bytes(partitions, "plain")))

    await look(feed.image)
    everywhere = {(ConfigType.BROKER, ""): {"log.segment.bytes": "3000000"}}
    await look(feed.show(*topics, configs={**own, **everywhere}))
    here = {(ConfigType.BROKER, "1"): {"log.segment.bytes": "4000000"}}
    await look(feed.show(*topics, configs={**own, **everywhere, **here}))
    elsewhere = {(ConfigType.BROKER, "2"): {"log.segment.bytes": "5000000"}}
    await look(feed.show(*topics, configs={**everywhere, **elsewhere}))
    await look(feed.show(*topics, configs={}))

    assert seen == [
        (2_000_000, 1_500_000),
        (2_000_000, 3_000_000),
        (2_000_000, 4_000_000),
        (3_000_000, 3_000_000),
        (1_500_000, 1_500_000),
    ]


async def test_a_topic_made_together_with_its_configuration_has_it_at_once() -> None:
    partitions = some_partitions(a_directory(MemoryFileSystem()))
    feed = Feed()
    await partitions.apply(feed.image)
    configs = {(ConfigType.TOPIC, "own"): {"segment.bytes": "2000000"}}

    await partitions.apply(feed.show(led(a_topic("own")), configs=configs))

    assert segment_bytes(partitions, "own") == 2_000_000


async def test_what_is_shown_is_an_image_whose_partitions_are_ready(nursery: trio.Nursery) -> None:
    gate = trio.Event()

    async def slowly(work: Callable[[], Any]) -> Any:
        result = work()
        await gate.wait()
        return result

    partitions = some_partitions(a_directory(MemoryFileSystem()), offload=slowly)
    feed = Feed(led(a_topic("words")))
    nursery.start_soon(partitions.apply, feed.image)
    await wait_all_tasks_blocked()

    assert (partitions.image.topics, partitions.image.revision) == ({}, 0)
    assert refusal(partitions, "words") is ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    gate.set()
    await partitions.applied(1)
    assert partitions.leader("words", 0).end_offset == 0


async def test_a_stopping_broker_lets_those_who_wait_go() -> None:
    partitions = some_partitions(a_directory(MemoryFileSystem()))
    await partitions.apply(Feed(led(a_topic("words", 2))).image)

    partitions.drain()

    assert all(partitions.leader("words", index).is_draining for index in (0, 1))
