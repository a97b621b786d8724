"""A broker with two data directories, asked through sockets while one of them fails."""

from __future__ import annotations

import errno
import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pykbroker.errors import ErrorCode
from pykbroker.storage.checkpoint import CLEAN_SHUTDOWN_FILE
from pykbroker.storage.fs import OsFileSystem
from pykbroker.storage.os_file import OsFile
from pykbroker.testing import Broker, BrokerError
from pykbroker.wire.messages.describe_log_dirs import DescribeLogDirs
from pykbroker.wire.messages.metadata import Metadata
from tests.api.requests import a_batch, create_topic, fetch, produce, produce_raw
from tests.kafka_client import Client

PARTITIONS = range(4)
UNAVAILABLE, STORAGE = ErrorCode.LEADER_NOT_AVAILABLE, ErrorCode.KAFKA_STORAGE_ERROR
NONE = ErrorCode.NONE


@pytest.fixture
def directories(tmp_path: Path) -> tuple[Path, Path]:
    """Two directories; in the first lie partitions 0 and 2 of `words`, in the other 1 and 3."""
    first, second = tmp_path / "first", tmp_path / "second"

    def write(client: Client) -> None:
        create_topic(client, "words", partitions=len(PARTITIONS))
        for partition in PARTITIONS:
            produce(client, "words", partition=partition)

    asked(first, second, write)
    return first, second


def a_broker(*directories: Path) -> Broker:
    """One that acknowledges what is on disk, as by default and unlike the profile for tests."""
    properties: dict[str, object] = {"log.flush.before.ack": "all"}
    return Broker(data_dir=",".join(map(str, directories)), properties=properties)


def asked(first: Path, second: Path, ask: Callable[[Client], Any]) -> Any:
    """What `ask` makes of a broker on both directories, which is stopped in order then."""
    with a_broker(first, second) as broker, Client(broker.bootstrap_servers) as client:
        return ask(client)


def leaders(client: Client, name: str = "words") -> list[tuple[int, int]]:
    topics = client.call(Metadata, {"topics": None}).topics
    (partitions,) = (topic.partitions for topic in topics if topic.name == name)
    return [
        (p.error_code, p.leader_id) for p in sorted(partitions, key=lambda p: p.partition_index)
    ]


def log_dirs(client: Client) -> dict[str, Any]:
    """By the name of a directory, its error code or the partitions in it."""
    results = client.call(DescribeLogDirs, {"topics": None}).results
    return {
        Path(result.log_dir).name: result.error_code
        or sorted((t.name, p.partition_index) for t in result.topics for p in t.partitions)
        for result in results
    }


def write_codes(client: Client) -> list[int]:
    return [produce_raw(client, "words", a_batch(), partition=p).error_code for p in PARTITIONS]


def high_watermarks(client: Client) -> list[tuple[int, int]]:
    topics = fetch(client, {"words": dict.fromkeys(PARTITIONS, 0)}, max_wait_ms=0).responses
    return [(p.error_code, p.high_watermark) for p in topics[0].partitions]


def test_partitions_are_spread_and_found_again(directories: tuple[Path, Path]) -> None:
    first, second = directories

    told = asked(first, second, lambda client: (leaders(client), log_dirs(client)))

    assert told == (
        [(NONE, 1)] * 4,
        {"first": [("words", 0), ("words", 2)], "second": [("words", 1), ("words", 3)]},
    )


def test_without_one_directory_its_partitions_are_offline_and_come_back_with_it(
    directories: tuple[Path, Path], caplog: pytest.LogCaptureFixture
) -> None:
    first, second = directories
    second.rename(second.with_name("away"))
    second.touch()

    def look(client: Client) -> tuple[Any, ...]:
        create_topic(client, "more", partitions=2)
        return leaders(client), write_codes(client), high_watermarks(client), log_dirs(client)

    with caplog.at_level(logging.ERROR):
        told = asked(first, second, look)
    second.unlink()
    second.with_name("away").rename(second)
    mended = asked(first, second, look_again)

    assert told == (
        [(NONE, 1), (UNAVAILABLE, -1)] * 2,
        [NONE, STORAGE] * 2,
        [(NONE, 2), (STORAGE, -1)] * 2,
        {
            "first": [("more", 0), ("more", 1), ("words", 0), ("words", 2)],
            "second": STORAGE,
        },
    )
    assert mended == ([(NONE, 1)] * 4, [(NONE, 2), (NONE, 1)] * 2)
    assert caplog.messages == [
        (
            f"data directory offline path={second}: [Errno 17] File exists: '{second}'; its"
            " partitions are not served: make it a directory that can be used and restart the"
            " broker"
        ),
        (
            "partitions offline because a data directory is: words-1, words-3; mend it and"
            " restart the broker"
        ),
    ]


def look_again(client: Client) -> tuple[Any, ...]:
    return leaders(client), high_watermarks(client)


def test_without_the_directory_of_the_metadata_nothing_is_served(
    directories: tuple[Path, Path],
) -> None:
    first, second = directories
    first.rename(first.with_name("away"))
    first.touch()

    with pytest.raises(BrokerError, match=f"{first} cannot be a data directory .File exists.; "):
        asked(first, second, look_again)


@pytest.mark.parametrize("operation", ["pwrite", "sync"])
def test_a_directory_that_fails_is_read_only_and_the_other_is_served(
    directories: tuple[Path, Path],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    operation: str,
) -> None:
    first, second = directories
    healthy = getattr(OsFile, operation)

    def failing(file: OsFile, *arguments: Any) -> Any:
        if file.path.startswith(str(second)):
            raise OSError(errno.EIO, "Input/output error")
        return healthy(file, *arguments)

    def look(client: Client) -> tuple[Any, ...]:
        with monkeypatch.context() as broken:
            broken.setattr(OsFile, operation, failing)
            codes = write_codes(client)
        codes_later = write_codes(client)
        create_topic(client, "more", partitions=2)
        return codes, codes_later, leaders(client), high_watermarks(client), log_dirs(client)

    with caplog.at_level(logging.ERROR):
        told = asked(first, second, look)

    assert told == (
        [NONE, STORAGE] * 2,
        [NONE, STORAGE] * 2,
        [(NONE, 1)] * 4,
        [(NONE, 3), (NONE, 1)] * 2,
        {
            "first": [("more", 0), ("more", 1), ("words", 0), ("words", 2)],
            "second": STORAGE,
        },
    )
    assert caplog.messages == [
        (
            f"data directory failed path={second}: [Errno 5] Input/output error; nothing is"
            " written to its partitions any more, reads go on: mend the disk and restart the"
            " broker"
        )
    ]
    assert (first / CLEAN_SHUTDOWN_FILE).exists()
    assert not (second / CLEAN_SHUTDOWN_FILE).exists()
    codes, marks = asked(first, second, lambda client: (write_codes(client), look_again(client)[1]))
    assert codes == [NONE] * 4
    assert [code for code, _ in marks] == [NONE] * 4


def test_a_directory_that_cannot_be_closed_is_told_of_and_the_others_are_closed_in_order(
    directories: tuple[Path, Path],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    first, second = directories
    healthy = OsFileSystem.write_atomic

    def full(fs: OsFileSystem, path: str, data: bytes) -> None:
        if path.startswith(str(first)):
            raise OSError(errno.ENOSPC, "No space left on device")
        healthy(fs, path, data)

    def fill(_: Client) -> None:
        monkeypatch.setattr(OsFileSystem, "write_atomic", full)

    with (
        caplog.at_level(logging.ERROR),
        pytest.raises(BrokerError, match=r"ended by itself: .Errno 28. No space left on device"),
    ):
        asked(first, second, fill)

    assert caplog.messages == [
        (
            f"data directory not closed in order path={first}: [Errno 28] No space left on device;"
            " the next start scans its logs: free some space first"
        )
    ]
    assert not (first / CLEAN_SHUTDOWN_FILE).exists()
    assert (second / CLEAN_SHUTDOWN_FILE).exists()


@pytest.mark.parametrize("what", ["an empty directory in its place", "not in log.dirs"])
def test_partitions_of_a_directory_that_is_missing_do_not_begin_empty(
    directories: tuple[Path, Path], what: str, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = directories
    away = second.with_name("away")
    second.rename(away)
    named: tuple[Path, ...] = (first,)
    if what != "not in log.dirs":
        second.mkdir()
        named = directories

    with (
        caplog.at_level(logging.ERROR),
        a_broker(*named) as broker,
        Client(broker.bootstrap_servers) as client,
    ):
        told = leaders(client), write_codes(client)
    shutil.rmtree(second, ignore_errors=True)
    away.rename(second)
    mended = asked(first, second, look_again)

    assert told == ([(NONE, 1), (UNAVAILABLE, -1)] * 2, [NONE, STORAGE] * 2)
    assert mended == ([(NONE, 1)] * 4, [(NONE, 2), (NONE, 1)] * 2)
    assert caplog.messages[0] == (
        f"data directory offline path={second}: [Errno 2] not the one that was there; its"
        " partitions are not served: mount it or put it back into log.dirs (to begin its partitions"
        " empty, take its line out of the file log-directories beside metadata.sqlite) and restart"
        " the broker"
    )


def test_a_missing_directory_that_is_forgotten_lets_its_partitions_begin_empty(
    directories: tuple[Path, Path],
) -> None:
    first, second = directories
    shutil.rmtree(second)
    known = first / "log-directories"
    lines = known.read_text().splitlines()
    known.write_text("".join(f"{line}\n" for line in lines if not line.endswith(str(second))))

    found = asked(first, second, look_again)

    assert len(lines) == 2
    assert found == ([(NONE, 1)] * 4, [(NONE, 1), (NONE, 0)] * 2)
