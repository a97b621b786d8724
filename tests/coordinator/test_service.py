"""Which groups a broker coordinates, as the cluster's image says."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from random import Random

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from pykbroker.config import load
from pykbroker.coordinator.commands import (
    DONE,
    CommitCommand,
    FetchOffsetsCommand,
    FetchOffsetsReply,
    HeartbeatCommand,
    ListedGroup,
    ListGroupsCommand,
    OffsetToCommit,
)
from pykbroker.coordinator.java_hash import partition_for
from pykbroker.coordinator.offset_deletion import FORGOTTEN_AT_ONCE
from pykbroker.coordinator.service import GROUP_METADATA_TOPIC, Groups
from pykbroker.errors import ErrorCode, KafkaError
from pykbroker.metadata.image import ClusterImage
from pykbroker.metadata.keys import Keys
from pykbroker.metadata.values import PartitionImage, TopicImage
from tests.coordinator.drivers import FixedClock
from tests.coordinator.list_log import ListLog

HERE, ELSEWHERE = 1, 2
TOPIC_ID, OTHER_ID = b"\1" * 16, b"\2" * 16
IN_0, IN_1 = "a", "b"
"""Groups in the first and the second of two partitions."""


def a_topic(
    name: str, *leaders: int, topic_id: bytes = TOPIC_ID, leader_epoch: int = 0
) -> TopicImage:
    partitions = tuple(
        PartitionImage(index, (leader,), leader=leader, leader_epoch=leader_epoch)
        for index, leader in enumerate(leaders)
    )
    return TopicImage(name, topic_id, len(leaders), 1, partitions=partitions)


@dataclass
class Cluster:
    """Images one after another, and the logs of the groups' topic."""

    logs: Mapping[int, ListLog] = field(default_factory=lambda: {0: ListLog(), 1: ListLog()})
    image: ClusterImage = field(default_factory=lambda: ClusterImage(Keys.of(""), revision=1))
    opened: int = 0

    def __post_init__(self) -> None:
        self._changed = trio.Event()
        self.groups = Groups(
            node_id=HERE,
            open_log=self._open,
            config=lambda: self._config,
            clock=FixedClock(),
            random=Random(1),
        )
        self._config = load()

    def _open(self, index: int) -> ListLog:
        self.opened += 1
        if index not in self.logs:
            raise KafkaError(ErrorCode.KAFKA_STORAGE_ERROR)
        return self.logs[index]

    async def show(self, *topics: TopicImage) -> None:
        """Let the cluster have these topics, and wait until the groups follow."""
        revision = self.image.revision + 1
        names = {topic.name: topic for topic in topics}
        self.image = ClusterImage(Keys.of(""), revision=revision, topics=names)
        self._changed.set()
        self._changed = trio.Event()
        await self.groups.followed(revision)
        await wait_all_tasks_blocked()

    async def image_after(self, revision: int) -> ClusterImage:
        while self.image.revision <= revision:
            await self._changed.wait()
        return self.image


async def started(nursery: trio.Nursery, *topics: TopicImage, **cluster: object) -> Cluster:
    here = Cluster(**cluster)  # type: ignore[arg-type]
    await nursery.start(here.groups.run, here.image_after)
    await here.show(*topics)
    return here


def commit(group_id: str, offset: int = 7, topic: str = "topic") -> CommitCommand:
    committed = OffsetToCommit(topic, 0, bytes(16), offset, -1, None)
    return CommitCommand(group_id, "", None, -1, (committed,), knows_consumer_groups=True)


async def committed(here: Cluster, group_id: str, topic: str = "topic") -> int | None:
    asked = FetchOffsetsCommand(group_id, None, -1, ((topic, (0,)),))
    reply = await here.groups.ask(asked)
    assert isinstance(reply, FetchOffsetsReply)
    value = reply.topics[0][1][0].value
    return None if value is None else value.offset


async def code_of(asking: Awaitable[object]) -> ErrorCode:
    with pytest.raises(KafkaError) as refused:
        await asking
    return refused.value.code


def test_the_names_lie_where_the_tests_say() -> None:
    assert (partition_for(IN_0, 2), partition_for(IN_1, 2)) == (1, 0)


async def test_without_the_topic_nobody_coordinates(nursery: trio.Nursery) -> None:
    here = await started(nursery)

    assert await code_of(here.groups.ask(commit(IN_0))) is ErrorCode.COORDINATOR_NOT_AVAILABLE
    assert await here.groups.ask_all(ListGroupsCommand()) == []


@pytest.mark.row(23)
async def test_another_brokers_groups_are_not_coordinated_here(nursery: trio.Nursery) -> None:
    here = await started(nursery, a_topic(GROUP_METADATA_TOPIC, ELSEWHERE, HERE))

    assert await here.groups.ask(commit(IN_0)) == (ErrorCode.NONE,)
    assert await code_of(here.groups.ask(commit(IN_1))) is ErrorCode.NOT_COORDINATOR
    assert here.opened == 1


@pytest.mark.row(23)
async def test_heartbeats_are_answered_while_a_log_is_read(nursery: trio.Nursery) -> None:
    full = ListLog()
    first = await started(
        nursery, a_topic(GROUP_METADATA_TOPIC, HERE, HERE), logs={1: full, 0: full}
    )
    await first.groups.ask(commit(IN_0))
    full.may_read = trio.Event()

    here = await started(nursery, a_topic(GROUP_METADATA_TOPIC, ELSEWHERE, HERE), logs={1: full})

    beat = HeartbeatCommand(IN_0, 1, "me", None)
    assert await here.groups.ask(beat) is DONE
    loading = ErrorCode.COORDINATOR_LOAD_IN_PROGRESS
    assert await code_of(here.groups.ask(commit(IN_0))) is loading
    assert await code_of(here.groups.ask_all(ListGroupsCommand())) is loading
    full.may_read.set()
    await wait_all_tasks_blocked()
    assert await code_of(here.groups.ask(beat)) is ErrorCode.UNKNOWN_MEMBER_ID


async def test_all_partitions_list_their_groups(nursery: trio.Nursery) -> None:
    here = await started(nursery, a_topic(GROUP_METADATA_TOPIC, HERE, HERE))
    await here.groups.ask(commit(IN_0))
    await here.groups.ask(commit(IN_1))

    listed = await here.groups.ask_all(ListGroupsCommand())

    assert listed == [(ListedGroup(group_id, "", "Empty", "classic"),) for group_id in (IN_1, IN_0)]


async def test_a_new_leader_epoch_reads_the_log_again(nursery: trio.Nursery) -> None:
    here = await started(nursery, a_topic(GROUP_METADATA_TOPIC, HERE, HERE))
    await here.groups.ask(commit(IN_0, 7))

    await here.show(a_topic(GROUP_METADATA_TOPIC, HERE, HERE, leader_epoch=1))

    assert here.opened == 4
    assert await committed(here, IN_0) == 7


async def test_what_is_led_elsewhere_now_is_coordinated_no_more(nursery: trio.Nursery) -> None:
    here = await started(nursery, a_topic(GROUP_METADATA_TOPIC, HERE, HERE))
    await here.groups.ask(commit(IN_0))

    await here.show(a_topic(GROUP_METADATA_TOPIC, HERE, ELSEWHERE))

    assert await code_of(here.groups.ask(commit(IN_0))) is ErrorCode.NOT_COORDINATOR
    assert await here.groups.ask(commit(IN_1)) == (ErrorCode.NONE,)


async def test_a_log_that_cannot_be_opened_leaves_the_others_alone(nursery: trio.Nursery) -> None:
    here = await started(nursery, a_topic(GROUP_METADATA_TOPIC, HERE, HERE), logs={1: ListLog()})

    assert await here.groups.ask(commit(IN_0)) == (ErrorCode.NONE,)
    assert await code_of(here.groups.ask(commit(IN_1))) is ErrorCode.NOT_COORDINATOR


async def test_offsets_go_with_their_topic_not_with_its_namesake(nursery: trio.Nursery) -> None:
    groups = a_topic(GROUP_METADATA_TOPIC, HERE, HERE)
    here = await started(nursery, groups, a_topic("topic", HERE, topic_id=OTHER_ID))
    await here.groups.ask(commit(IN_0, topic="topic"))
    await here.groups.ask(commit(IN_0, topic="other"))

    await here.show(groups, a_topic("topic", HERE, HERE, topic_id=OTHER_ID))
    grown = await committed(here, IN_0, "topic")
    await here.show(groups, a_topic("topic", HERE, topic_id=b"\3" * 16))

    assert grown == 7
    assert await committed(here, IN_0, "topic") is None
    assert await committed(here, IN_0, "other") == 7


async def test_offsets_of_a_deleted_topic_are_all_forgotten(nursery: trio.Nursery) -> None:
    groups = a_topic(GROUP_METADATA_TOPIC, HERE)
    here = await started(nursery, groups, a_topic("topic", HERE, topic_id=OTHER_ID))
    for number in range(FORGOTTEN_AT_ONCE + 5):
        await here.groups.ask(commit(f"{number}"))

    await here.show(groups)

    left = [await committed(here, f"{number}") for number in range(FORGOTTEN_AT_ONCE + 5)]
    assert set(left) == {None}


async def test_while_the_broker_stops_nothing_is_coordinated(nursery: trio.Nursery) -> None:
    here = await started(nursery, a_topic(GROUP_METADATA_TOPIC, HERE, HERE))

    here.groups.drain()

    assert await code_of(here.groups.ask(commit(IN_0))) is ErrorCode.NOT_COORDINATOR
    await here.show(a_topic(GROUP_METADATA_TOPIC, HERE, HERE, leader_epoch=1))
    assert await code_of(here.groups.ask(commit(IN_0))) is ErrorCode.NOT_COORDINATOR
