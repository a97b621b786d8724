"""Groups and the broker's end: who waits is answered, and what was told is there again."""

from __future__ import annotations

from pathlib import Path

import pytest

from pykbroker.errors import ErrorCode
from pykbroker.testing import Broker
from pykbroker.wire.messages.join_group import JoinGroup
from pykbroker.wire.messages.offset_commit import OffsetCommit
from pykbroker.wire.messages.offset_fetch import OffsetFetch
from tests.api.group_requests import (
    a_stable_member,
    consumer_heartbeat,
    heartbeat,
    join_consumer_group,
    joining,
    sync,
)
from tests.api.requests import create_topic, delete_topic
from tests.kafka_client import Client


@pytest.mark.row(23)
def test_who_waits_in_a_rebalance_is_told_when_the_broker_stops() -> None:
    broker = Broker()
    broker.start()
    with Client(broker.bootstrap_servers) as first, Client(broker.bootstrap_servers) as second:
        leader = a_stable_member(first, "group")
        told = second.call(JoinGroup, joining("group"))
        second.send(JoinGroup, joining("group", told.member_id), version=9)
        while heartbeat(first, "group", leader) is not ErrorCode.REBALANCE_IN_PROGRESS:
            pass

        broker.stop()
        parked = second.receive(JoinGroup, version=9)

    assert parked.error_code == ErrorCode.NOT_COORDINATOR


def commit(client: Client, group: str, topic: str, offset: int, **member: object) -> ErrorCode:
    partition = {"partition_index": 0, "committed_offset": offset, "committed_metadata": "mine"}
    topics = [{"name": topic, "partitions": [partition]}]
    asked = {"group_id": group, "topics": topics, **member}
    answer = client.call(OffsetCommit, asked, version=9)
    return ErrorCode(answer.topics[0].partitions[0].error_code)


def committed(client: Client, group: str, topic: str) -> tuple[int, str]:
    """Tell what was committed, once the coordinator has read its log."""
    wanted = [{"name": topic, "partition_indexes": [0]}]
    request = {"groups": [{"group_id": group, "topics": wanted}]}
    while True:
        answer = client.call(OffsetFetch, request, version=9).groups[0]
        if answer.error_code != ErrorCode.COORDINATOR_LOAD_IN_PROGRESS:
            fetched = answer.topics[0].partitions[0]
            return fetched.committed_offset, fetched.metadata


def test_groups_and_offsets_are_there_after_a_restart(tmp_path: Path) -> None:
    with Broker(data_dir=tmp_path) as broker, Client(broker.bootstrap_servers) as client:
        create_topic(client, "topic")
        classic = a_stable_member(client, "classic")
        joined = join_consumer_group(client, "consumer", "me", "topic")
        member = {
            "member_id": classic.member_id,
            "generation_id_or_member_epoch": classic.generation_id,
        }
        assert commit(client, "classic", "topic", 17, **member) is ErrorCode.NONE

    with Broker(data_dir=tmp_path) as broker, Client(broker.bootstrap_servers) as client:
        assert committed(client, "classic", "topic") == (17, "mine")
        beat = consumer_heartbeat(client, "consumer", "me", joined.member_epoch)
        assert heartbeat(client, "classic", classic) is ErrorCode.NONE
        assert sync(client, "classic", classic).assignment == b"all"
        assert (beat.error_code, beat.member_epoch) == (ErrorCode.NONE, joined.member_epoch)


def test_offsets_do_not_outlive_their_topic(client: Client) -> None:
    create_topic(client, "passing")
    a_stable_member(client, "reader")
    assert commit(client, "simple", "passing", 5) is ErrorCode.NONE

    assert delete_topic(client, "passing") is ErrorCode.NONE
    create_topic(client, "passing")

    while committed(client, "simple", "passing") != (-1, ""):
        pass
