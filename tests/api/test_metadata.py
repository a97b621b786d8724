"""Metadata through a real socket; what a single broker cannot show, on images made for it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
import trio

from pykbroker.api.handler import Asker
from pykbroker.api.metadata import metadata as handler
from pykbroker.api.parts import Parts
from pykbroker.errors import ErrorCode
from pykbroker.metadata.image import ClusterImage
from pykbroker.metadata.values import Endpoint, PartitionImage, TopicImage
from pykbroker.testing import Broker
from pykbroker.wire.messages.metadata import Metadata
from tests.api.requests import create_topic, delete_topic, described
from tests.kafka_client import Client
from tests.replication.clusters import a_cluster, a_live_broker, an_id

ALL_TOPIC_OPERATIONS = 3576
NOT_ASKED = -(2**31)
UNKNOWN_ID = bytes(15) + b"\x09"
NO_ID = bytes(16)


@pytest.fixture(scope="module")
def frugal() -> Iterator[Client]:
    """A client of a broker that creates no topics by itself."""
    with (
        Broker(auto_create_topics_enable=False) as broker,
        Client(broker.bootstrap_servers) as client,
    ):
        yield client


@pytest.mark.row(11)
def test_an_unknown_topic_is_told_so_where_nothing_is_created(
    client: Client, frugal: Client, topic: str
) -> None:
    unknown = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION

    assert described(client, topic, create=False).error_code == unknown
    assert described(frugal, topic, create=True).error_code == unknown
    time.sleep(0.05)
    assert described(client, topic).error_code == unknown
    assert described(frugal, topic).error_code == unknown


@pytest.mark.row(11)
def test_operations_are_told_when_asked_even_of_an_unknown_topic(
    client: Client, topic: str
) -> None:
    create_topic(client, topic)
    request = {
        "topics": [{"name": topic}, {"name": topic + "-no"}],
        "allow_auto_topic_creation": False,
    }

    asked = client.call(Metadata, request | {"include_topic_authorized_operations": True})
    silent = client.call(Metadata, request)

    operations = [t.topic_authorized_operations for t in asked.topics]
    assert operations == [ALL_TOPIC_OPERATIONS] * 2
    assert {t.topic_authorized_operations for t in silent.topics} == {NOT_ASKED}


@pytest.mark.row(12)
@pytest.mark.bad_input(33)
@pytest.mark.parametrize("create", [False, True])
@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\0b", "ä", "x" * 250])
def test_an_invalid_name_is_told_so(client: Client, name: str, create: bool) -> None:
    answer = described(client, name, create=create)

    assert (answer.error_code, answer.name) == (ErrorCode.INVALID_TOPIC_EXCEPTION, name)


@pytest.mark.row(13)
@pytest.mark.parametrize("version", [0, 1, 4, 13])
def test_the_first_answer_on_a_topic_being_created_is_unknown(
    client: Client, topic: str, version: int
) -> None:
    first = described(client, topic, version=version, create=True)

    assert first.error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    deadline = time.monotonic() + 5
    while described(client, topic).error_code and time.monotonic() < deadline:
        time.sleep(0.005)
    made = described(client, topic)
    assert (made.error_code, [p.leader_id for p in made.partitions]) == (0, [1])


@pytest.mark.row(13)
def test_with_instant_creation_the_first_answer_has_the_topic(topic: str) -> None:
    with Broker(auto_create_topics_mode="instant", num_partitions=2) as broker:  # noqa: SIM117
        with Client(broker.bootstrap_servers) as client:
            made = described(client, topic, create=True)

    assert (made.error_code, [p.partition_index for p in made.partitions]) == (0, [0, 1])


@pytest.mark.row(13)
@pytest.mark.row(25)
def test_a_name_that_collides_is_never_created_by_asking(client: Client, topic: str) -> None:
    create_topic(client, topic + "_a")

    for _ in range(3):
        answer = described(client, topic + ".a", create=True)
        assert answer.error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
        time.sleep(0.02)


@pytest.mark.row(14)
def test_no_list_asks_for_all_topics_and_an_empty_one_for_none(client: Client, topic: str) -> None:
    create_topic(client, topic)

    def names(topics: list[Any] | None, version: int) -> set[str]:
        return {t.name for t in client.call(Metadata, {"topics": topics}, version=version).topics}

    assert topic in names(None, 1)
    assert topic in names(None, 13)
    assert names([], 1) == set()
    assert names([], 13) == set()
    assert topic in names([], 0)


@pytest.mark.row(14)
def test_a_name_asked_twice_is_answered_once(client: Client, topic: str) -> None:
    create_topic(client, topic)

    response = client.call(Metadata, {"topics": [{"name": topic}, {"name": topic}]})

    assert [t.name for t in response.topics] == [topic]


@pytest.mark.row(15)
@pytest.mark.parametrize("version", [12, 13])
def test_topics_are_asked_for_by_id(client: Client, topic: str, version: int) -> None:
    topic_id = create_topic(client, topic)
    request = {"topics": [{"topic_id": topic_id, "name": None}, {"topic_id": UNKNOWN_ID}]}

    known, unknown = client.call(Metadata, request, version=version).topics

    assert (known.error_code, known.name, known.topic_id) == (0, topic, topic_id)
    assert (unknown.error_code, unknown.topic_id) == (ErrorCode.UNKNOWN_TOPIC_ID, UNKNOWN_ID)


@pytest.mark.row(15)
def test_the_id_of_a_deleted_topic_is_unknown_and_a_new_one_has_another(
    client: Client, topic: str
) -> None:
    old_id = create_topic(client, topic)
    delete_topic(client, topic)
    new_id = create_topic(client, topic)

    answer = client.call(Metadata, {"topics": [{"topic_id": old_id, "name": None}]}).topics[0]

    assert new_id != old_id
    assert answer.error_code == ErrorCode.UNKNOWN_TOPIC_ID


@pytest.mark.row(16)
@pytest.mark.parametrize("version", [10, 11])
@pytest.mark.parametrize(("name", "topic_id"), [(None, NO_ID), ("a", UNKNOWN_ID)])
def test_ids_before_version_12_are_an_invalid_request_as_a_whole(
    client: Client, version: int, name: str | None, topic_id: bytes
) -> None:
    request = {"topics": [{"name": name, "topic_id": topic_id}]}

    response = client.call(Metadata, request, version=version)

    assert (response.brokers, response.cluster_id, response.controller_id) == ([], None, -1)
    (topic,) = response.topics
    asked = (ErrorCode.INVALID_REQUEST, name or "", topic_id)
    assert (topic.error_code, topic.name, topic.topic_id) == asked


def parts_of(image: ClusterImage, *, offline: bool = False) -> Parts:
    """The few parts that Metadata looks at, on an image of our making."""
    parts: Any = SimpleNamespace(image=image, is_offline=lambda *_: offline)
    unused: Any = None
    return Parts(
        node_id=1,
        clock=unused,
        random=Random(7),
        settings=unused,
        metadata=unused,
        partitions=parts,
        topic_creation=unused,
        auto_creation=unused,
        fetch_sessions=unused,
        producer_ids=unused,
        groups=unused,
        handlers={},
    )


def ask_all(parts: Parts, *, version: int = 12, listener: str = "PLAINTEXT") -> Any:
    """Metadata of all topics as the newest shape, without a socket."""
    asker = Asker(listener, ("127.0.0.1", 9092), ("127.0.0.1", 40_000), api_version=version)
    request: Any = SimpleNamespace(
        topics=None,
        include_topic_authorized_operations=False,
        include_cluster_authorized_operations=False,
    )
    return trio.run(handler.function, parts, request, asker)


def a_topic_led_by(leader: int, *, replicas: tuple[int, ...] = (1, 2)) -> TopicImage:
    partition = PartitionImage(0, replicas, leader=leader, isr=replicas)
    return TopicImage("t", an_id("t"), 1, len(replicas), partitions=(partition,))


def brokers(*ids: int) -> list[Any]:
    return [a_live_broker(i, endpoints=(Endpoint("PLAINTEXT", f"h{i}", 9092),)) for i in ids]


def told(response: Any) -> tuple[ErrorCode, int, list[int], list[int]]:
    (partition,) = response["topics"][0]["partitions"]
    return (
        partition["error_code"],
        partition["leader_id"],
        partition["isr_nodes"],
        partition["offline_replicas"],
    )


@pytest.mark.row(17)
@pytest.mark.parametrize("leader", [-1, 2])
def test_a_partition_without_a_live_leader_is_told_so(leader: int) -> None:
    image = a_cluster(a_topic_led_by(leader), brokers=brokers(1))

    assert told(ask_all(parts_of(image))) == (ErrorCode.LEADER_NOT_AVAILABLE, -1, [1], [2])


@pytest.mark.row(17)
def test_a_partition_on_a_broken_disk_has_no_leader() -> None:
    image = a_cluster(a_topic_led_by(1), brokers=brokers(1, 2))

    response = ask_all(parts_of(image, offline=True))

    assert told(response) == (ErrorCode.LEADER_NOT_AVAILABLE, -1, [2], [1])


@pytest.mark.row(17)
@pytest.mark.parametrize(
    ("version", "code"),
    [(5, ErrorCode.LEADER_NOT_AVAILABLE), (6, ErrorCode.LISTENER_NOT_FOUND)],
)
def test_a_leader_without_the_askers_listener_is_told_so(version: int, code: ErrorCode) -> None:
    image = a_cluster(a_topic_led_by(1), brokers=brokers(1, 2))

    response = ask_all(parts_of(image), version=version, listener="INTERNAL")

    assert told(response) == (code, -1, [1, 2], [])
    assert response["brokers"] == []
    assert response["controller_id"] == -1


@pytest.mark.row(17)
def test_only_version_0_complains_about_replicas_that_are_down() -> None:
    parts = parts_of(a_cluster(a_topic_led_by(1), brokers=brokers(1)))

    assert told(ask_all(parts, version=0))[0] is ErrorCode.REPLICA_NOT_AVAILABLE
    assert told(ask_all(parts, version=1))[0] is ErrorCode.NONE


@pytest.mark.row(18)
def test_the_controller_told_is_any_live_broker() -> None:
    parts = parts_of(a_cluster(brokers=brokers(1, 2, 3)))

    assert {ask_all(parts)["controller_id"] for _ in range(50)} == {1, 2, 3}


@pytest.mark.row(18)
def test_brokers_and_cluster_are_told(client: Client, connect: Any) -> None:
    response = client.call(Metadata, {"topics": []}, version=8)
    again = connect().call(Metadata, {"topics": []}, version=13)

    (broker,) = response.brokers
    assert (broker.node_id, broker.host, broker.rack) == (1, "127.0.0.1", None)
    assert (broker.node_id, broker.port) == (response.controller_id, client.socket.getpeername()[1])
    assert len(response.cluster_id) == 22
    assert (again.cluster_id, again.error_code) == (response.cluster_id, 0)
