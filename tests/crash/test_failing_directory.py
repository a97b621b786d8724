"""A broker whose disk fails, in this process: what it refuses, what it still gives, what it tells.

`test_disk_faults` does the same to a process of its own, where strace is there for it.
"""

from __future__ import annotations

import errno
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from pykbroker.errors import ErrorCode
from pykbroker.testing import Broker
from tests.api.requests import a_batch, create_topic, fetched, produce, produce_raw
from tests.crash.failing_fs import FailingFileSystem
from tests.kafka_client import Client

SEGMENT_BYTES = 1 << 20
CLEAN_MARKER = ".kafka_cleanshutdown"


@pytest.fixture
def fs(monkeypatch: pytest.MonkeyPatch) -> FailingFileSystem:
    """The file system of the brokers that a test starts."""
    made = FailingFileSystem()
    monkeypatch.setattr("pykbroker.disk.OsFileSystem", lambda: made)
    return made


@pytest.fixture
def running(tmp_path: Path, fs: FailingFileSystem) -> Iterator[Broker]:
    """A broker on that file system."""
    with Broker(
        data_dir=tmp_path / "data",
        properties={"log.segment.bytes": SEGMENT_BYTES, "log.flush.before.ack": "all"},
    ) as broker:
        yield broker


@pytest.fixture
def client(running: Broker) -> Iterator[Client]:
    """A connection to it, after two topics were made and a record acknowledged in each."""
    with Client(running.bootstrap_servers) as connected:
        for topic in ("here", "there"):
            create_topic(connected, topic)
            assert produce(connected, topic) == 0
        yield connected


def taken(client: Client, topic: str, value: bytes = b"more") -> ErrorCode:
    """Produce with acks=all; give the code of the answer."""
    return ErrorCode(produce_raw(client, topic, a_batch(values=[value])).error_code)


def told(caplog: pytest.LogCaptureFixture) -> str:
    """Give the warnings and errors that were logged."""
    return "\n".join(r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING)


@pytest.mark.parametrize(
    ("call", "error"),
    [
        ("sync", errno.EIO),
        ("sync", errno.ENOSPC),
        ("pwrite", errno.EIO),
    ],
)
def test_a_directory_whose_disk_failed_takes_nothing_until_a_restart(
    running: Broker,
    client: Client,
    fs: FailingFileSystem,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    call: str,
    error: int,
) -> None:
    before = {topic: fetched(client, topic) for topic in ("here", "there")}

    with fs.failing(call, error, "here-0/"):
        refused = taken(client, "here")

    assert (refused, fs.failed) == (ErrorCode.KAFKA_STORAGE_ERROR, 1)
    assert {topic: taken(client, topic) for topic in before} == dict.fromkeys(
        before, ErrorCode.KAFKA_STORAGE_ERROR
    )
    assert {topic: fetched(client, topic) for topic in before} == before
    assert str(tmp_path) in told(caplog)
    assert "restart" in told(caplog)
    running.stop()
    assert not (tmp_path / "data" / CLEAN_MARKER).exists()
    running.start()
    with Client(running.bootstrap_servers) as again:
        assert {t: fetched(again, t)[: len(before[t])] for t in before} == before
        assert {topic: taken(again, topic) for topic in before} == dict.fromkeys(
            before, ErrorCode.NONE
        )


def test_a_directory_that_cannot_be_synced_when_a_segment_rolls_has_failed(
    client: Client, fs: FailingFileSystem
) -> None:
    with fs.failing("sync_directory", errno.EIO, "here-0"):
        codes = [taken(client, "here", bytes(SEGMENT_BYTES // 3)) for _ in range(5)]

    refused = [code for code in codes if code is not ErrorCode.NONE]
    assert set(refused) == {ErrorCode.KAFKA_STORAGE_ERROR}
    assert codes == [ErrorCode.NONE] * (5 - len(refused)) + refused
    assert taken(client, "there") is ErrorCode.KAFKA_STORAGE_ERROR


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_takes_records_again_when_there_is_space(
    client: Client, fs: FailingFileSystem, caplog: pytest.LogCaptureFixture, error: int
) -> None:
    before = fetched(client, "here")

    with fs.failing("pwrite", error):
        assert taken(client, "here") is ErrorCode.KAFKA_STORAGE_ERROR
        assert fetched(client, "here") == before

    assert produce(client, "here") == 1
    assert "space" in told(caplog)
    assert fetched(client, "here")[: len(before)] == before


def test_a_sync_that_fails_later_leaves_what_was_acknowledged_and_no_more(
    running: Broker, client: Client, fs: FailingFileSystem
) -> None:
    produce(client, "here", values=[b"acknowledged"])
    with fs.failing("sync", errno.EIO):
        taken(client, "here", b"refused")

    seen = fetched(client, "here")

    assert b"acknowledged" in seen
    assert b"refused" not in seen
