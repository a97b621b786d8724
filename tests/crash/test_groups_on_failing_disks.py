"""Groups on a disk that is full or fails: what their clients are told, and what is there after."""

from __future__ import annotations

import errno
import logging
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pykbroker.coordinator import driver
from pykbroker.errors import ErrorCode
from pykbroker.testing import Broker
from pykbroker.wire.messages.join_group import JoinGroup
from pykbroker.wire.messages.sync_group import SyncGroup
from tests.api import offset_requests
from tests.api.group_requests import a_stable_member, heartbeat, join, joining
from tests.api.offset_requests import Topic, a_topic, fetch_group
from tests.crash.failing_fs import FailingFileSystem
from tests.kafka_client import Client

LOG = "__consumer_offsets-0/"
FULL = errno.ENOSPC
SECONDS_MAX = 5


@pytest.fixture
def fs(monkeypatch: pytest.MonkeyPatch) -> FailingFileSystem:
    """The file system of the brokers that a test starts; groups are read again without a pause."""
    monkeypatch.setattr(driver, "RELOAD_PAUSE_SECONDS", 0.01)
    made = FailingFileSystem()
    monkeypatch.setattr("pykbroker.disk.OsFileSystem", lambda: made)
    return made


@pytest.fixture
def running(tmp_path: Path, fs: FailingFileSystem) -> Iterator[Broker]:
    """A broker on that file system."""
    with Broker(data_dir=tmp_path, properties={"log.flush.before.ack": "all"}) as broker:
        yield broker


@pytest.fixture
def client(running: Broker) -> Iterator[Client]:
    with Client(running.bootstrap_servers) as connected:
        yield connected


@pytest.fixture
def topic(client: Client) -> Topic:
    """A topic of which the group "simple" has committed offset 1."""
    made = a_topic(client, "topic")
    assert commit(client, made, 1) is ErrorCode.NONE
    return made


def commit(client: Client, topic: Topic, offset: int) -> ErrorCode:
    return ErrorCode(offset_requests.commit(client, "simple", {topic: {0: offset}})[0][0])


def fetched(client: Client, topic: Topic) -> ErrorCode | int:
    """Give the offset that is committed, or why it is not told."""
    told = fetch_group(client, "simple", {topic: [0]})
    if told.error_code:
        return ErrorCode(told.error_code)
    offset: int = told.topics[0].partitions[0].committed_offset
    return offset


def fetched_at_last(client: Client, topic: Topic) -> ErrorCode | int:
    """Give the same, once the groups were read again."""
    deadline = time.monotonic() + SECONDS_MAX
    while (told := fetched(client, topic)) in (
        ErrorCode.NOT_COORDINATOR,
        ErrorCode.COORDINATOR_LOAD_IN_PROGRESS,
    ):
        assert time.monotonic() < deadline
    return told


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]


def test_a_full_disk_refuses_offsets_and_leaves_groups_alone(
    running: Broker, client: Client, topic: Topic, fs: FailingFileSystem
) -> None:
    member = a_stable_member(client, "group")
    with Client(running.bootstrap_servers) as other:
        told = other.call(JoinGroup, joining("group"))
        other.send(JoinGroup, joining("group", told.member_id), version=9)  # waits for the first
        while heartbeat(client, "group", member) is ErrorCode.NONE:
            pass

        with fs.failing("pwrite", FULL, LOG):
            assert commit(client, topic, 2) is ErrorCode.NOT_COORDINATOR
            assert fetched(client, topic) == 1
            assert heartbeat(client, "group", member) is ErrorCode.REBALANCE_IN_PROGRESS

        assert commit(client, topic, 3) is ErrorCode.NONE
        again = client.call(JoinGroup, joining("group", member.member_id))
        joined = other.receive(JoinGroup, version=9)
    assert (again.error_code, joined.error_code) == (ErrorCode.NONE, ErrorCode.NONE)
    assert fetched(client, topic) == 3


def test_groups_are_read_again_when_a_full_disk_refuses_what_they_become(
    client: Client, topic: Topic, fs: FailingFileSystem, caplog: pytest.LogCaptureFixture
) -> None:
    member = join(client, "group")
    syncing = {
        "group_id": "group",
        "generation_id": member.generation_id,
        "member_id": member.member_id,
    }
    with fs.failing("pwrite", FULL, LOG):
        refused = client.call(SyncGroup, syncing, version=4).error_code
        assert refused == ErrorCode.NOT_COORDINATOR
        assert fetched_at_last(client, topic) == 1

    assert fetched_at_last(client, topic) == 1
    assert a_stable_member(client, "group")
    assert commit(client, topic, 2) is ErrorCode.NONE
    assert len(warnings(caplog)) == 3  # full, a coordinator begins anew, there is space


@pytest.mark.parametrize("call", ["sync", "pwrite"])
def test_groups_of_a_failed_disk_are_coordinated_again_after_a_restart(
    running: Broker,
    client: Client,
    topic: Topic,
    fs: FailingFileSystem,
    caplog: pytest.LogCaptureFixture,
    call: str,
) -> None:
    member = a_stable_member(client, "group")
    with fs.failing(call, errno.EIO, LOG):
        assert commit(client, topic, 2) is ErrorCode.NOT_COORDINATOR

    refused = {commit(client, topic, 3) for _ in range(100)}
    assert refused == {ErrorCode.NOT_COORDINATOR}
    assert fetched(client, topic) in (ErrorCode.NOT_COORDINATOR, 1)
    assert len(warnings(caplog)) <= 2
    running.stop()
    running.start()
    with Client(running.bootstrap_servers) as again:
        assert fetched_at_last(again, topic) in (1, 2)
        assert heartbeat(again, "group", member) is ErrorCode.NONE
        assert commit(again, topic, 4) is ErrorCode.NONE
