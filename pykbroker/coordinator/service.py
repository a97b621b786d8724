"""Which groups this broker coordinates: a driver for each partition of the groups' topic it leads.

Level-triggered: `run` compares the newest image with what is driven. A group lies in the partition
of its id's hash; who asks for another one's hears NOT_COORDINATOR. What coordinating takes is
imported when there is something to coordinate: a start need not wait for it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import trio

from pykbroker.coordinator.commands import (
    DONE,
    Command,
    ForgetPartitionsCommand,
    HeartbeatCommand,
    ListGroupsCommand,
)
from pykbroker.coordinator.java_hash import partition_for
from pykbroker.errors import ErrorCode, KafkaError
from pykbroker.metadata.keys import ConfigType

if TYPE_CHECKING:
    from random import Random

    from pykbroker.clock import Clock
    from pykbroker.config import Config
    from pykbroker.config.group import GroupSettings
    from pykbroker.coordinator.committed_log import CommittedLog
    from pykbroker.coordinator.driver import Driver
    from pykbroker.coordinator.machine import GroupMachine
    from pykbroker.coordinator.topics import Topics
    from pykbroker.metadata.image import ClusterImage

GROUP_METADATA_TOPIC = "__consumer_offsets"

OpenLog = Callable[[int], "CommittedLog"]
"""Gives the log of a partition of the topic; raises KafkaError where it is not served here."""
ImageAfter = Callable[[int], Awaitable["ClusterImage"]]
"""Waits for the first image newer than a revision by which this broker acts."""


@dataclass(slots=True)
class _Led:
    """A partition that this broker leads."""

    driver: Driver
    leader_epoch: int
    topic_id: bytes
    scope: trio.CancelScope


class Groups:
    """The groups of this broker."""

    def __init__(
        self,
        *,
        node_id: int,
        open_log: OpenLog,
        config: Callable[[], Config],
        clock: Clock,
        random: Random,
    ) -> None:
        self._node_id = node_id
        self._open_log = open_log
        self._config = config
        self._clock = clock
        self._random = random
        self._settings: tuple[Config, GroupSettings] | None = None
        self._led: dict[int, _Led] = {}
        self._image: ClusterImage | None = None
        self._topics: Topics | None = None
        """None before it coordinates anything."""
        self._followed = trio.Event()
        self._turns = trio.Lock()
        self._is_draining = False

    # -- for handlers --------------------------------------------------------------------------

    @property
    def settings(self) -> GroupSettings:
        """The broker's properties about groups that hold now."""
        from pykbroker.config.group import GroupSettings

        config = self._config()
        if self._settings is None or self._settings[0] is not config:
            self._settings = config, GroupSettings.of(config)
        return self._settings[1]

    async def ask(self, command: Command) -> object:
        """Give the reply of the group's coordinator; raises its refusals.

        COORDINATOR_NOT_AVAILABLE while nobody coordinates, NOT_COORDINATOR when another broker
        does, COORDINATOR_LOAD_IN_PROGRESS while this one reads its log.
        """
        assert not isinstance(command, (ForgetPartitionsCommand, ListGroupsCommand))
        driver = self._driver_of(command.group_id)
        if isinstance(command, HeartbeatCommand) and driver.is_loading:
            return DONE  # members are not to be told to rejoin only because it takes a while
        return await driver.ask(command)

    async def ask_all(self, command: Command) -> list[object]:
        """Give the replies of all partitions that this broker leads, in order.

        Raises as `ask`, but leaves out what it does not coordinate any more.
        """
        replies = []
        for _, led in sorted(self._led.items()):
            try:
                replies.append(await led.driver.ask(command))
            except KafkaError as refusal:
                if refusal.code is not ErrorCode.NOT_COORDINATOR:
                    raise
        return replies

    async def followed(self, revision: int) -> None:
        """Wait until this broker coordinates as the image of `revision` or a later one says."""
        while self._image is None or self._image.revision < revision:
            await self._followed.wait()

    def drain(self) -> None:
        """Answer everybody who waits, and whoever asks from now on, with NOT_COORDINATOR."""
        self._is_draining = True
        for led in self._led.values():
            led.driver.close()

    def _driver_of(self, group_id: str) -> Driver:
        topic = None if self._image is None else self._image.topics.get(GROUP_METADATA_TOPIC)
        if topic is None:
            raise KafkaError(ErrorCode.COORDINATOR_NOT_AVAILABLE)
        led = self._led.get(partition_for(group_id, len(topic.partitions)))
        if led is None:
            raise KafkaError(ErrorCode.NOT_COORDINATOR)
        return led.driver

    # -- following the cluster -----------------------------------------------------------------

    async def run(
        self,
        image_after: ImageAfter,
        *,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Coordinate what this broker leads by the newest image; started with the first one.

        Ends when: cancelled. On error: faults of a machine rise.
        """
        async with trio.open_nursery() as nursery:
            revision = 0
            while True:
                image = await image_after(revision)
                await self._follow(image, nursery)
                revision = image.revision
                task_status.started()
                task_status = trio.TASK_STATUS_IGNORED

    async def _follow(self, image: ClusterImage, nursery: trio.Nursery) -> None:
        topic = image.topics.get(GROUP_METADATA_TOPIC)
        partitions = () if topic is None or self._is_draining else topic.partitions
        wanted = {
            each.index: each.leader_epoch for each in partitions if each.leader == self._node_id
        }
        for index, led in list(self._led.items()):
            same_topic = topic is not None and led.topic_id == topic.topic_id
            if not same_topic or wanted.get(index) != led.leader_epoch:
                del self._led[index]
                led.driver.close()
                led.scope.cancel()
        for index, leader_epoch in wanted.items():
            if index not in self._led and topic is not None:
                await self._lead(index, leader_epoch, topic.topic_id, nursery)
        self._image = image
        if self._led:
            self._tell_topics(image, nursery)
        self._followed.set()
        self._followed = trio.Event()

    async def _lead(
        self, index: int, leader_epoch: int, topic_id: bytes, nursery: trio.Nursery
    ) -> None:
        try:
            committed_log = self._open_log(index)
        except KafkaError:
            return  # its disk failed, which has been told of; clients hear NOT_COORDINATOR
        from pykbroker.coordinator.driver import Driver

        driver = Driver(
            committed_log,
            self._new_machine,
            clock=self._clock,
            commit_timeout_ms=lambda: self.settings.offsets_commit_timeout_ms,
            turns=self._turns,
            name=f"{GROUP_METADATA_TOPIC}-{index}",
        )
        await driver.load()
        scope = trio.CancelScope()
        self._led[index] = _Led(driver, leader_epoch, topic_id, scope)
        nursery.start_soon(_run_within, driver, scope)

    def _tell_topics(self, image: ClusterImage, nursery: trio.Nursery) -> None:
        from pykbroker.coordinator.topics import NO_TOPICS

        before = self._topics or NO_TOPICS
        self._topics = before.following(image)
        if self._topics is before:
            return
        for led in self._led.values():
            led.driver.follow(self._topics)
        gone = [shape.name for key, shape in before.by_id.items() if key not in self._topics.by_id]
        if gone:
            nursery.start_soon(self._forget, gone)

    async def _forget(self, topics: Iterable[str]) -> None:
        """Let no committed offset outlive its topic.

        Ends when: every machine has been told. On error: what cannot be told now expires one day.
        """
        command = ForgetPartitionsCommand(frozenset(topics))
        for led in list(self._led.values()):
            with suppress(KafkaError):
                while await led.driver.ask(command):
                    await trio.lowlevel.checkpoint()

    def _new_machine(self) -> GroupMachine:
        from pykbroker.config.group import consumer_group_times
        from pykbroker.coordinator.machine import GroupMachine
        from pykbroker.coordinator.shard import Shard
        from pykbroker.coordinator.topics import NO_TOPICS

        def overrides(group_id: str) -> Mapping[str, str]:
            return {} if self._image is None else self._image.config(ConfigType.GROUP, group_id)

        return GroupMachine(
            Shard(
                settings=lambda: self.settings,
                times_of=lambda group_id: consumer_group_times(overrides(group_id), self.settings),
                random_bytes=self._random.randbytes,
                topics=self._topics or NO_TOPICS,
            )
        )


async def _run_within(driver: Driver, scope: trio.CancelScope) -> None:
    with scope:
        await driver.run()
