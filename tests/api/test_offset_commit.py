"""OffsetCommit through a real socket."""

from __future__ import annotations

import time
from struct import pack
from typing import Any

import pytest

from pykbroker.errors import ErrorCode
from pykbroker.testing import Broker
from pykbroker.wire.messages.offset_commit import OffsetCommit
from pykbroker.wire.varint import unsigned_varint
from tests.api.group_requests import Connect, a_stable_member, join, join_consumer_group
from tests.api.offset_requests import (
    NO_TOPIC,
    Topic,
    a_topic,
    commit,
    commit_raw,
    committed,
    fetch_group,
)
from tests.api.requests import create_topic
from tests.kafka_client import Client

NONE, UNKNOWN = ErrorCode.NONE, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
every_version = pytest.mark.parametrize("version", range(2, 11))


def as_member(joined: Any, **fields: Any) -> dict[str, Any]:
    """Give the fields by which a member that joined commits."""
    return {
        "member_id": joined.member_id,
        "generation_id_or_member_epoch": joined.generation_id,
    } | fields


@every_version
@pytest.mark.row(102)
def test_whoever_is_no_member_commits_for_a_group_of_its_own(
    client: Client, topic: str, version: int
) -> None:
    told = a_topic(client, topic)

    codes = commit(client, topic, {told: {0: 5, 2: 2**63 - 1}}, version=version)

    assert codes == [[NONE, NONE]]
    assert committed(client, topic, told) == {0: 5, 2: 2**63 - 1}


@every_version
@pytest.mark.row(101)
def test_what_the_cluster_does_not_have_is_told_beside_what_is_committed(
    client: Client, topic: str, version: int
) -> None:
    told = a_topic(client, topic)

    codes = commit(
        client, topic, {NO_TOPIC: {0: 1, 1: 1}, told: {-1: 1, 2: 7, 3: 1}}, version=version
    )

    absent = ErrorCode.UNKNOWN_TOPIC_ID if version >= 10 else UNKNOWN
    assert codes == [[absent, absent], [UNKNOWN, NONE, UNKNOWN]]
    assert committed(client, topic, told) == {2: 7}


@pytest.mark.row(101)
@pytest.mark.parametrize("version", [2, 9, 10])
def test_the_answer_names_topics_as_the_request_did(
    client: Client, topic: str, version: int
) -> None:
    told = a_topic(client, topic)

    reply = commit_raw(client, topic, {told: {0: 1}, NO_TOPIC: {0: 1}}, version=version)

    by_id = version >= 10
    named = [each.topic_id if by_id else each.name for each in reply.topics]
    assert named == [told[by_id], NO_TOPIC[by_id]]


@pytest.mark.row(101)
@pytest.mark.parametrize("version", [9, 10])
def test_a_commit_of_nothing_that_exists_makes_no_group(
    client: Client, topic: str, version: int
) -> None:
    told = a_topic(client, topic)

    for nothing in ({}, {NO_TOPIC: {0: 1}}, {Topic("", bytes(16)): {0: 1}}, {told: {3: 1}}):
        commit(client, topic, nothing, version=version)

    refused = commit(client, topic, {told: {0: 1}}, generation_id_or_member_epoch=0)
    assert refused == [[ErrorCode.GROUP_ID_NOT_FOUND]]


@pytest.mark.row(102)
@pytest.mark.parametrize("version", range(2, 11))
def test_a_member_of_no_group_is_told_what_its_version_knows(
    client: Client, topic: str, version: int
) -> None:
    told = a_topic(client, topic)

    codes = commit(client, topic, {told: {0: 1}}, version=version, generation_id_or_member_epoch=1)

    missing = ErrorCode.GROUP_ID_NOT_FOUND if version >= 9 else ErrorCode.ILLEGAL_GENERATION
    assert codes == [[missing]]


@pytest.mark.row(103)
@pytest.mark.parametrize("version", [2, 7, 10])
def test_members_commit_in_their_generation(client: Client, topic: str, version: int) -> None:
    told = a_topic(client, topic)
    member = as_member(a_stable_member(client, topic))

    refused = [
        commit(client, topic, {told: {0: 1, 9: 1}}, version=version, **claim)
        for claim in (
            {},
            member | {"member_id": "mallory"},
            member | {"generation_id_or_member_epoch": 7},
        )
    ]
    codes = commit(client, topic, {told: {0: 5}}, version=version, **member)

    assert refused == [
        [[ErrorCode.UNKNOWN_MEMBER_ID, UNKNOWN]],
        [[ErrorCode.UNKNOWN_MEMBER_ID, UNKNOWN]],
        [[ErrorCode.ILLEGAL_GENERATION, UNKNOWN]],
    ]
    assert codes == [[NONE]]
    assert committed(client, topic, told) == {0: 5}


@pytest.mark.row(103)
def test_nobody_commits_before_the_leader_has_assigned(client: Client, topic: str) -> None:
    told = a_topic(client, topic)
    joined = join(client, topic)

    codes = commit(client, topic, {told: {0: 1}}, **as_member(joined))

    assert codes == [[ErrorCode.REBALANCE_IN_PROGRESS]]


@pytest.mark.row(93)
def test_an_instance_that_somebody_else_has_is_fenced(client: Client, topic: str) -> None:
    told = a_topic(client, topic)
    member = as_member(a_stable_member(client, topic, group_instance_id="one"))

    fenced = commit(
        client, topic, {told: {0: 1}}, **member | {"member_id": "m", "group_instance_id": "one"}
    )
    codes = commit(client, topic, {told: {0: 1}}, **member, group_instance_id="one")

    assert (fenced, codes) == ([[ErrorCode.FENCED_INSTANCE_ID]], [[NONE]])


@pytest.mark.row(113)
@pytest.mark.parametrize(
    ("version", "ahead", "code"),
    [
        (8, 0, ErrorCode.UNSUPPORTED_VERSION),
        (9, 0, NONE),
        (10, -1, ErrorCode.STALE_MEMBER_EPOCH),
        (10, 1, ErrorCode.STALE_MEMBER_EPOCH),
    ],
)
def test_members_of_the_consumer_protocol_commit_in_their_epoch(
    client: Client, topic: str, version: int, ahead: int, code: ErrorCode
) -> None:
    told = a_topic(client, topic)
    joined = join_consumer_group(client, topic, "alice", topic)

    codes = commit(
        client,
        topic,
        {told: {0: 1}},
        version=version,
        member_id="alice",
        generation_id_or_member_epoch=joined.member_epoch + ahead,
    )

    assert codes == [[code]]


@pytest.mark.row(104)
@pytest.mark.parametrize("version", [2, 10])
def test_metadata_is_kept_up_to_its_limit(client: Client, topic: str, version: int) -> None:
    told = a_topic(client, topic)
    offsets: dict[int, dict[str, Any]] = {
        index: {"committed_offset": 1, "committed_metadata": metadata}
        for index, metadata in enumerate(["x" * 4096, "x" * 4097, None])
    }

    codes = commit(client, topic, {told: offsets}, version=version)

    assert codes == [[NONE, ErrorCode.OFFSET_METADATA_TOO_LARGE, NONE]]
    (found,) = fetch_group(client, topic, {told: [0, 1, 2]}).topics
    assert [each.metadata for each in found.partitions] == ["x" * 4096, "", ""]


@pytest.mark.row(87)
@pytest.mark.parametrize("version", [2, 9, 10])
def test_the_group_with_an_empty_id_may_commit(client: Client, topic: str, version: int) -> None:
    told = a_topic(client, topic)

    assert commit(client, "", {told: {0: 5}}, version=version) == [[NONE]]
    assert committed(client, "", told) == {0: 5}


@pytest.mark.row(110)
@pytest.mark.parametrize("version", [2, 4])
def test_old_clients_say_how_long_their_offsets_are_kept(version: int) -> None:
    with (
        Broker(offsets_retention_check_interval_ms=1) as broker,
        Client(broker.bootstrap_servers) as client,
    ):
        told = a_topic(client, "topic")

        short = commit(client, "group", {told: {0: 5}}, version=version, retention_time_ms=1)
        long = commit(client, "group", {told: {1: 6}}, version=version, retention_time_ms=2**63 - 1)

        assert (short, long) == ([[NONE]], [[NONE]])
        deadline = time.monotonic() + 5
        while 0 in committed(client, "group", told) and time.monotonic() < deadline:
            time.sleep(0.001)
        assert committed(client, "group", told) == {1: 6}


# -- what happens elsewhere --------------------------------------------------------------------


@pytest.mark.row(23)
def test_before_there_is_a_coordinator_each_partition_hears_of_it() -> None:
    with Broker() as broker, Client(broker.bootstrap_servers) as client:
        told = Topic("topic", create_topic(client, "topic", partitions=2))

        codes = commit(client, "group", {told: {0: 1, 1: 1, 2: 1}})

    missing = ErrorCode.COORDINATOR_NOT_AVAILABLE
    assert codes == [[missing, missing, UNKNOWN]]


def test_offsets_outlive_the_broker(tmp_path: Any) -> None:
    with Broker(data_dir=tmp_path) as broker, Client(broker.bootstrap_servers) as client:
        told = a_topic(client, "topic")
        commit(client, "group", {told: {0: 5, 1: 6}})
        commit(client, "group", {told: {0: 7}})

    with Broker(data_dir=tmp_path) as broker, Client(broker.bootstrap_servers) as client:
        found = committed(client, "group", told)

    assert found == {0: 7, 1: 6}


# -- malice ------------------------------------------------------------------------------------


@pytest.mark.bad_input(39)
@pytest.mark.parametrize("value", [-5, -(2**63), 2**63 - 1])
def test_any_offset_is_stored_as_it_is(client: Client, topic: str, value: int) -> None:
    told = a_topic(client, topic)

    assert commit(client, topic, {told: {0: value}}) == [[NONE]]
    assert committed(client, topic, told) == {0: value}


@pytest.mark.bad_input(39)
@pytest.mark.parametrize("version", [8, 10])
def test_metadata_of_a_mebibyte_is_no_string_and_closes_the_connection(
    connect: Connect, topic: str, version: int
) -> None:
    client = connect()
    told = a_topic(client, topic)
    partition = {"partition_index": 0, "committed_metadata": "metadata"}
    topics = [{"name": told.name, "topic_id": told.topic_id, "partitions": [partition]}]
    frame = client.frame(OffsetCommit, {"group_id": topic, "topics": topics}, version=version)
    before, found, behind = frame.partition(b"\x09metadata")
    assert found

    client.send_raw(before + unsigned_varint(2**20 + 1) + b"x" * 2**20 + behind)

    assert client.is_closed_by_broker()
    assert committed(connect(), topic, told) == {}


A_PARTITION = {"partition_index": 0, "committed_offset": 1, "committed_metadata": None}


@pytest.mark.bad_input(39)
def test_a_million_partitions_are_too_many_for_their_bytes(connect: Connect, topic: str) -> None:
    client = connect()
    told = a_topic(client, topic)
    topics = [{"name": told.name, "partitions": [A_PARTITION]}]
    frame = client.frame(OffsetCommit, {"group_id": topic, "topics": topics}, version=9)
    entry = pack(">iqi", 0, 1, -1) + b"\0\0"
    before, found, behind = frame.partition(unsigned_varint(1 + 1) + entry)
    assert found

    client.send_raw(before + unsigned_varint(10**6 + 1) + entry * 10**6 + behind)

    assert client.is_closed_by_broker()
    assert committed(connect(), topic, told) == {}


@pytest.mark.bad_input(39)
def test_a_commit_too_large_for_the_log_is_refused_and_harms_nobody(
    client: Client, topic: str
) -> None:
    told = a_topic(client, topic)
    commit(client, topic, {told: {1: 6}})
    partitions = [A_PARTITION | {"committed_metadata": "x" * 4096}] * 300
    topics = [{"name": told.name, "partitions": partitions}]

    reply = client.call(OffsetCommit, {"group_id": topic, "topics": topics}, version=9)

    codes = [each.error_code for each in reply.topics[0].partitions]
    assert codes == [ErrorCode.UNKNOWN_SERVER_ERROR] * 300
    assert committed(client, topic, told) == {1: 6}
