"""OffsetFetch through a real socket."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from pykbroker.api.offset_fetch import offset_fetch
from pykbroker.coordinator.commands import FetchedOffset, FetchOffsetsCommand, FetchOffsetsReply
from pykbroker.coordinator.records import CommittedOffset
from pykbroker.errors import ErrorCode
from pykbroker.testing import Broker
from pykbroker.wire.messages.offset_fetch import OffsetFetch
from tests.api.group_requests import a_stable_member, join_consumer_group
from tests.api.offset_requests import NO_TOPIC, Topic, a_topic, commit, fetch_group
from tests.api.requests import create_topic, delete_topic
from tests.kafka_client import Client

NONE = ErrorCode.NONE
every_version = pytest.mark.parametrize("version", range(1, 11))


def told(answer: Any) -> list[list[tuple[int, int, str, int]]]:
    """Give partition, offset, metadata and code of each partition by topic."""
    return [
        [
            (each.partition_index, each.committed_offset, each.metadata, each.error_code)
            for each in topic.partitions
        ]
        for topic in answer.topics
    ]


def nothing(partition: int, code: ErrorCode = NONE) -> tuple[int, int, str, int]:
    """Give what is told of a partition for which nothing was committed."""
    return (partition, -1, "", code)


@every_version
@pytest.mark.row(105)
def test_what_was_committed_is_told_and_of_the_rest_that_it_was_not(
    client: Client, topic: str, version: int
) -> None:
    one = a_topic(client, topic)
    noted = {"committed_offset": 5, "committed_metadata": "note", "committed_leader_epoch": 3}
    commit(client, topic, {one: {0: noted, 2: 7}})

    answer = fetch_group(client, topic, {one: [2, 1, 0, 9]}, version=version)

    assert told(answer) == [[(2, 7, "", 0), nothing(1), (0, 5, "note", 0), nothing(9)]]
    assert answer.error_code == NONE
    epochs = [each.committed_leader_epoch for each in answer.topics[0].partitions]
    assert epochs == ([-1, -1, 3, -1] if version >= 5 else [-1] * 4)


@every_version
@pytest.mark.row(105)
def test_an_unknown_group_has_committed_nothing(client: Client, topic: str, version: int) -> None:
    one = a_topic(client, topic)

    answer = fetch_group(client, topic, {one: [0, 1]}, version=version)

    assert (answer.error_code, told(answer)) == (NONE, [[nothing(0), nothing(1)]])


@every_version
@pytest.mark.row(105)
def test_a_topic_that_is_not_there_is_an_error_by_id_only(
    client: Client, topic: str, version: int
) -> None:
    one = a_topic(client, topic)
    commit(client, topic, {one: {0: 5}})

    answer = fetch_group(client, topic, {NO_TOPIC: [0, 1], one: [0]}, version=version)

    code = ErrorCode.UNKNOWN_TOPIC_ID if version >= 10 else NONE
    assert told(answer) == [[nothing(0, code), nothing(1, code)], [(0, 5, "", 0)]]
    by_id = version >= 10
    named = [each.topic_id if by_id else each.name for each in answer.topics]
    assert named == [NO_TOPIC[by_id], one[by_id]]


@pytest.mark.row(105)
@pytest.mark.parametrize("version", range(2, 11))
def test_all_that_a_group_has_committed_is_told(client: Client, topic: str, version: int) -> None:
    one, two = a_topic(client, topic), a_topic(client, topic + "-2")
    commit(client, topic, {one: {0: 5, 2: 7}, two: {1: 9}})

    answer = fetch_group(client, topic, None, version=version)

    assert told(answer) == [[(0, 5, "", 0), (2, 7, "", 0)], [(1, 9, "", 0)]]
    by_id = version >= 10
    assert [each.topic_id if by_id else each.name for each in answer.topics] == [
        one[by_id],
        two[by_id],
    ]


@pytest.mark.row(105)
@pytest.mark.parametrize("version", [2, 7, 8, 10])
def test_all_of_an_unknown_group_is_nothing(client: Client, topic: str, version: int) -> None:
    a_topic(client, topic)

    answer = fetch_group(client, topic, None, version=version)

    assert (answer.error_code, answer.topics) == (NONE, [])


@pytest.mark.row(105)
@pytest.mark.parametrize("version", [1, 2, 8, 10])
def test_no_topics_are_not_all_topics(client: Client, topic: str, version: int) -> None:
    commit(client, topic, {a_topic(client, topic): {0: 5}})

    answer = fetch_group(client, topic, {}, version=version)

    assert (answer.error_code, answer.topics) == (NONE, [])


@pytest.mark.row(105)
@pytest.mark.parametrize("version", [8, 9, 10])
def test_several_groups_are_asked_at_once(client: Client, topic: str, version: int) -> None:
    one = a_topic(client, topic)
    commit(client, topic + "-a", {one: {0: 5}})
    commit(client, topic + "-b", {one: {1: 6}})
    wanted = [{"name": one.name, "topic_id": one.topic_id, "partition_indexes": [1]}]
    asked = {topic + "-a": wanted, topic + "-none": None, topic + "-b": None}

    groups = [{"group_id": group, "topics": topics} for group, topics in asked.items()]
    reply = client.call(OffsetFetch, {"groups": groups}, version=version)

    assert [each.group_id for each in reply.groups] == list(asked)
    assert [told(each) for each in reply.groups] == [[[nothing(1)]], [], [[(1, 6, "", 0)]]]


@pytest.mark.parametrize("version", [8, 10])
def test_no_groups_have_no_answers(client: Client, version: int) -> None:
    assert client.call(OffsetFetch, {"groups": []}, version=version).groups == []


@pytest.mark.row(87)
@pytest.mark.parametrize("version", [1, 5, 8, 10])
def test_the_group_with_an_empty_id_may_be_asked(client: Client, topic: str, version: int) -> None:
    one = a_topic(client, topic)

    answer = fetch_group(client, "", {one: [1]}, version=version)

    assert (answer.error_code, told(answer)) == (NONE, [[nothing(1)]])


@pytest.mark.row(106)
@pytest.mark.parametrize("version", [7, 8, 10])
def test_offsets_outside_of_transactions_are_stable(
    client: Client, topic: str, version: int
) -> None:
    one = a_topic(client, topic)
    commit(client, topic, {one: {0: 5}})

    answer = fetch_group(client, topic, {one: [0]}, version=version, require_stable=True)

    assert told(answer) == [[(0, 5, "", 0)]]


@pytest.mark.row(105)
@pytest.mark.parametrize("member", [{}, {"member_id": "nobody", "member_epoch": 7}], ids=str)
def test_a_classic_group_tells_everybody(client: Client, topic: str, member: Any) -> None:
    one = a_topic(client, topic)
    commit(client, topic, {one: {0: 5}})
    a_stable_member(client, topic)

    assert told(fetch_group(client, topic, {one: [0]}, **member)) == [[(0, 5, "", 0)]]


@pytest.mark.row(113)
@pytest.mark.parametrize("version", [9, 10])
def test_members_of_the_consumer_protocol_name_their_epoch(
    client: Client, topic: str, version: int
) -> None:
    one = a_topic(client, topic)
    commit(client, topic, {one: {0: 5}})
    epoch = join_consumer_group(client, topic, "alice", topic).member_epoch

    def asked(member_id: str | None, member_epoch: int) -> tuple[int, Any]:
        member = {"member_id": member_id, "member_epoch": member_epoch}
        answer = fetch_group(client, topic, {one: [0]}, version=version, **member)
        return answer.error_code, told(answer)

    assert asked("alice", epoch) == asked(None, -1) == (NONE, [[(0, 5, "", 0)]])
    assert asked("alice", epoch + 1) == (ErrorCode.STALE_MEMBER_EPOCH, [])
    assert asked("mallory", epoch) == (ErrorCode.UNKNOWN_MEMBER_ID, [])


@pytest.mark.row(23)
@pytest.mark.parametrize("version", [1, 2, 7, 8, 10])
def test_before_there_is_a_coordinator_the_group_hears_of_it(version: int) -> None:
    with Broker() as broker, Client(broker.bootstrap_servers) as client:
        one = Topic("topic", create_topic(client, "topic"))

        answer = fetch_group(client, "group", {one: [0, 1]}, version=version)

    missing = ErrorCode.COORDINATOR_NOT_AVAILABLE
    if version == 1:
        assert told(answer) == [[nothing(0, missing), nothing(1, missing)]]
    else:
        assert (answer.error_code, answer.topics) == (missing, [])


def test_no_offset_outlives_its_topic(client: Client, topic: str) -> None:
    one = a_topic(client, topic)
    commit(client, topic, {one: {0: 5}})

    delete_topic(client, topic)

    for _ in range(1000):
        if not fetch_group(client, topic, None, version=9).topics:
            break
    assert told(fetch_group(client, topic, None, version=9)) == []
    assert told(fetch_group(client, topic, None, version=10)) == []
    two = a_topic(client, topic)
    assert told(fetch_group(client, topic, {two: [0]}, version=10)) == [[nothing(0)]]


# -- what no test can bring about at a broker ----------------------------------------------------


@dataclass
class Groups:
    """A coordinator that has one answer to everything."""

    reply: FetchOffsetsReply
    asked: list[FetchOffsetsCommand] = field(default_factory=list)

    async def ask(self, command: FetchOffsetsCommand) -> FetchOffsetsReply:
        self.asked.append(command)
        return self.reply


async def handled(groups: Groups, topics: list[dict[str, Any]] | None, **fields: Any) -> Any:
    """Give the answer in version 10 of a broker that has the topic `new` and no other."""
    request = {"groups": [{"group_id": "group", "topics": topics}]} | fields
    codec = OffsetFetch.request(10)
    parts: Any = SimpleNamespace(
        groups=groups,
        image=SimpleNamespace(topics={"new": SimpleNamespace(topic_id=b"n" * 16)}),
        topic_name={b"n" * 16: "new"}.get,
    )
    asker: Any = SimpleNamespace(api_version=10)
    told = await offset_fetch.function(parts, codec.parse(codec.build(request)), asker)
    assert told is not None
    return OffsetFetch.response(10).parse(OffsetFetch.response(10).build(told)).groups[0]


def an_offset(topic_id: bytes) -> tuple[FetchedOffset, ...]:
    return (FetchedOffset(0, CommittedOffset(5, topic_id=topic_id)),)


@pytest.mark.parametrize(
    ("topic_id", "found"),
    [(b"n" * 16, (0, 5, "", 0)), (bytes(16), (0, 5, "", 0)), (b"o" * 16, nothing(0))],
    ids=["its own", "unknown", "another"],
)
async def test_an_offset_of_an_earlier_topic_of_that_name_is_none_of_this_one(
    topic_id: bytes, found: Any
) -> None:
    groups = Groups(FetchOffsetsReply((("new", an_offset(topic_id)),)))

    answer = await handled(groups, [{"topic_id": b"n" * 16, "partition_indexes": [0]}])

    assert told(answer) == [[found]]


async def test_offsets_of_topics_that_are_gone_cannot_be_told_by_id() -> None:
    topics = (("old", an_offset(b"o" * 16)), ("new", an_offset(b"n" * 16)))

    answer = await handled(Groups(FetchOffsetsReply(topics)), None)

    assert [each.topic_id for each in answer.topics] == [b"n" * 16]
    assert told(answer) == [[(0, 5, "", 0)]]


@pytest.mark.row(106)
@pytest.mark.parametrize("require_stable", [False, True])
async def test_an_offset_that_may_yet_change_is_an_error_of_its_partition(
    require_stable: bool,
) -> None:
    unstable = (FetchedOffset(0, None, ErrorCode.UNSTABLE_OFFSET_COMMIT),)
    groups = Groups(FetchOffsetsReply((("new", unstable),)))

    answer = await handled(groups, None, require_stable=require_stable)

    assert told(answer) == [[nothing(0, ErrorCode.UNSTABLE_OFFSET_COMMIT)]]
    assert [command.require_stable for command in groups.asked] == [require_stable]
