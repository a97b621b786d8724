"""A broker's partitions follow the image: opened, led, reconfigured and deleted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from random import Random
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from pykbroker.errors import ErrorCode, KafkaError
from pykbroker.metadata.image import ClusterImage
from pykbroker.metadata.keys import ConfigType
from pykbroker.metadata.values import TopicImage
from pykbroker.replication.fetch_sessions import Wanted
from pykbroker.replication.partitions import Partitions
from pykbroker.replication.reading import Limits, Reading, read_when_enough
from pykbroker.storage.memory_fs import MemoryFileSystem
from tests.replication.clusters import a_topic, an_id
from tests.replication.hosted import (
    Feed,
    a_directory,
    again,
    append,
    directories_of_logs,
    led,
    refusal,
    some_partitions,
)


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
