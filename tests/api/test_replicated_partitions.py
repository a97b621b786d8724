"""What handlers answer where a partition has other replicas or a broken disk, without a socket."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from pykbroker.api.fetch import fetch
from pykbroker.api.handler import Asker
from pykbroker.api.parts import Parts
from pykbroker.api.produce import produce
from pykbroker.errors import ErrorCode, KafkaError
from pykbroker.metadata.image import ClusterImage
from pykbroker.metadata.values import Endpoint, PartitionImage, TopicImage
from pykbroker.replication.fetch_sessions import FetchSessions
from pykbroker.replication.partition import PartitionLeader
from pykbroker.storage.log import Log
from pykbroker.storage.log_config import LogConfig
from pykbroker.storage.memory_fs import MemoryFileSystem
from pykbroker.wire.messages.fetch import Fetch
from pykbroker.wire.messages.produce import Produce
from tests.api.requests import NOW_MS, a_batch
from tests.replication.clusters import a_cluster, a_live_broker, an_id

ALL = -1


def a_leader(*, isr: tuple[int, ...], min_insync_replicas: int = 1) -> PartitionLeader:
    """Broker 1 leads partition 0 of topic t, replicated to brokers 1 and 2."""
    fs = MemoryFileSystem()
    fs.mkdirs("data")
    log = Log.open(
        fs,
        "data/t-0",
        topic="t",
        partition=0,
        topic_id=an_id("t"),
        config=LogConfig(min_insync_replicas=min_insync_replicas),
        clean=True,
        now_ms=NOW_MS,
    )
    return PartitionLeader(log, PartitionImage(0, (1, 2), leader=1, isr=isr), node_id=1)


class Clock:
    def now_ms(self) -> int:
        return NOW_MS


def parts_with(leader: PartitionLeader | KafkaError) -> Parts:
    """The parts Produce and Fetch look at; a refusal is what asking for the leader raises."""

    def find(topic: str, index: int) -> PartitionLeader:
        assert (topic, index) == ("t", 0)
        if isinstance(leader, KafkaError):
            raise leader
        return leader

    partition = PartitionImage(0, (1, 2), leader=1, isr=(1, 2))
    topic = TopicImage("t", an_id("t"), 1, 2, partitions=(partition,))
    leads = a_live_broker(1, endpoints=(Endpoint("PLAINTEXT", "h1", 9092),), rack="r1")
    image: ClusterImage = a_cluster(topic, brokers=[leads, a_live_broker(2)])
    unused: Any = None
    partitions: Any = SimpleNamespace(image=image, leader=find)
    settings: Any = SimpleNamespace(config=SimpleNamespace(integer=lambda _: 1 << 20))
    return Parts(
        node_id=1,
        clock=Clock(),
        random=Random(7),
        settings=settings,
        metadata=unused,
        partitions=partitions,
        topic_creation=unused,
        auto_creation=unused,
        fetch_sessions=FetchSessions(slots=1, random=Random(7)),
        producer_ids=unused,
        groups=unused,
        handlers={},
    )


async def produced(parts: Parts, *, acks: int, timeout_ms: int = 5_000) -> Mapping[str, Any]:
    return only_answer(await asked_to_produce(parts, acks=acks, timeout_ms=timeout_ms))


def only_answer(response: Mapping[str, Any]) -> Mapping[str, Any]:
    answer: Mapping[str, Any] = response["responses"][0]["partition_responses"][0]
    return answer


async def asked_to_produce(
    parts: Parts, *, acks: int, timeout_ms: int = 5_000, version: int = 12
) -> Mapping[str, Any]:
    partition = {"index": 0, "records": a_batch()}
    asked = {
        "acks": acks,
        "timeout_ms": timeout_ms,
        "topic_data": [{"name": "t", "partition_data": [partition]}],
    }
    request = Produce.request(version).parse(Produce.request(version).build(asked))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(parts.deadlines.run)
        response = await produce.function(parts, request, an_asker(version))
        nursery.cancel_scope.cancel()
    assert response is not None
    return response


async def asked_to_fetch(parts: Parts, *, version: int) -> Mapping[str, Any]:
    partition = {"partition": 0, "fetch_offset": 0, "partition_max_bytes": 1_000}
    name = {"topic_id": an_id("t")} if version >= 13 else {"topic": "t"}
    asked: dict[str, Any] = {
        "max_bytes": 1_000,
        "session_epoch": -1,
        "topics": [name | {"partitions": [partition]}],
    }
    request = Fetch.request(version).parse(Fetch.request(version).build(asked))
    response = await fetch.function(parts, request, an_asker(version))
    assert response is not None
    return response


def an_asker(version: int) -> Asker:
    return Asker("PLAINTEXT", ("127.0.0.1", 9092), ("127.0.0.1", 40_000), api_version=version)


@pytest.mark.row(62)
async def test_what_is_not_replicated_in_time_is_told_so_and_stays(
    autojump_clock: MockClock,
) -> None:
    del autojump_clock
    leader = a_leader(isr=(1, 2))
    began = trio.current_time()

    answer = await produced(parts_with(leader), acks=ALL, timeout_ms=700)

    assert answer["error_code"] is ErrorCode.REQUEST_TIMED_OUT
    assert trio.current_time() - began == pytest.approx(0.7)
    assert (leader.end_offset, leader.high_watermark) == (1, 0)


@pytest.mark.row(62)
async def test_a_leader_is_enough_for_acks_1() -> None:
    answer = await produced(parts_with(a_leader(isr=(1, 2))), acks=1)

    assert (answer["error_code"], answer["base_offset"]) == (ErrorCode.NONE, 0)


@pytest.mark.row(57)
async def test_too_few_in_sync_replicas_refuse_acks_all_before_the_append() -> None:
    leader = a_leader(isr=(1,), min_insync_replicas=2)
    parts = parts_with(leader)

    refused = await produced(parts, acks=ALL)
    assert (refused["error_code"], leader.end_offset) == (ErrorCode.NOT_ENOUGH_REPLICAS, 0)

    taken = await produced(parts, acks=1)
    assert (taken["error_code"], leader.end_offset) == (ErrorCode.NONE, 1)


@pytest.mark.row(80)
@pytest.mark.parametrize(
    ("version", "code"),
    [
        (4, ErrorCode.NOT_LEADER_OR_FOLLOWER),
        (5, ErrorCode.NOT_LEADER_OR_FOLLOWER),
        (6, ErrorCode.KAFKA_STORAGE_ERROR),
        (12, ErrorCode.KAFKA_STORAGE_ERROR),
    ],
)
async def test_a_broken_disk_is_told_to_those_who_know_the_code(
    version: int, code: ErrorCode
) -> None:
    parts = parts_with(KafkaError(ErrorCode.KAFKA_STORAGE_ERROR))

    response = await asked_to_fetch(parts, version=version)

    answer = response["responses"][0]["partitions"][0]
    assert (answer["error_code"], answer["records"]) == (code, b"")


@pytest.mark.row(48)
@pytest.mark.row(74)
async def test_a_moved_leader_is_named_to_those_who_ask_in_a_version_that_has_it() -> None:
    parts = parts_with(KafkaError(ErrorCode.NOT_LEADER_OR_FOLLOWER))

    old, new = [await asked_to_produce(parts, acks=ALL, version=v) for v in (9, 10)]

    moved = ErrorCode.NOT_LEADER_OR_FOLLOWER
    assert [only_answer(r)["error_code"] for r in (old, new)] == [moved, moved]
    assert "current_leader" not in only_answer(old)
    assert only_answer(new)["current_leader"] == {"leader_id": 1, "leader_epoch": 0}
    assert new["node_endpoints"] == [{"node_id": 1, "host": "h1", "port": 9092, "rack": "r1"}]


@pytest.mark.row(74)
@pytest.mark.parametrize(("version", "hinted"), [(15, False), (16, True)])
async def test_a_fetch_of_a_moved_partition_names_its_leader(version: int, hinted: bool) -> None:
    parts = parts_with(KafkaError(ErrorCode.NOT_LEADER_OR_FOLLOWER))

    response = await asked_to_fetch(parts, version=version)

    answer = response["responses"][0]["partitions"][0]
    assert answer["error_code"] is ErrorCode.NOT_LEADER_OR_FOLLOWER
    assert ("current_leader" in answer) == hinted
    assert [node["host"] for node in response["node_endpoints"]] == ["h1"] * hinted
