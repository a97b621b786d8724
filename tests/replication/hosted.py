"""Partitions on file systems in memory, and the images they follow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random
from typing import Any

import pytest
import trio

from pykbroker.clock import SystemClock
from pykbroker.config import load
from pykbroker.errors import ErrorCode, KafkaError
from pykbroker.metadata.image import ClusterImage
from pykbroker.metadata.values import TopicImage
from pykbroker.replication.directory_health import OfflineDirectory
from pykbroker.replication.partitions import Partitions
from pykbroker.replication.settings import LiveSettings
from pykbroker.storage.log_directory import LogDirectory
from pykbroker.storage.memory_fs import MemoryFileSystem
from pykbroker.storage.names import parse_directory_name
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
    *directories: LogDirectory,
    offload: Callable[..., Any] = at_once,
    offline: Sequence[OfflineDirectory] = (),
    **properties: object,
) -> Partitions:
    overrides = [f"{name.replace('_', '.')}={value}" for name, value in properties.items()]
    return Partitions(
        node_id=1,
        directories=directories,
        offline_directories=offline,
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
    """Those of partitions, not those that are being removed."""
    return [name for name in fs.listdir(path) if parse_directory_name(name) is not None]
