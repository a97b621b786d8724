"""Log directories that Apache Kafka wrote, opened as they are: see kafka_logs/README.md."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest

from pykbroker.errors import ErrorCode, KafkaError
from pykbroker.storage.append import Duplicate, Origin
from pykbroker.storage.appended import Appended
from pykbroker.storage.fs import OsFileSystem
from pykbroker.storage.index import TimestampOffset
from pykbroker.storage.leader_epochs import EpochEntry
from pykbroker.storage.log import Log
from pykbroker.storage.log_config import LogConfig
from pykbroker.storage.log_directory import LogDirectory
from pykbroker.wire.records import Record, iterate_records
from tests.storage.logs import a_batch, headers_in, offsets_in, read_all

KAFKA_LOGS = Path(__file__).parent / "kafka_logs"
CLUSTER_ID = "MkU3OEVBNTcwNTJENDM2Qg"
FIRST_MS = 1795335899443
CODECS = range(5)
INDEX_BYTES_AFTER_A_KILL = 10 << 20
"""What Kafka preallocates for the indexes of an active segment, and cuts off when it closes."""
ENDS = {
    "append-time": (0, 60),
    "codecs": (0, 1000),
    "compacted": (0, 3030),
    "deleted-prefix": (23, 50),
    "idempotent": (0, 90),
    "transactions": (0, 64),
}
"""Log start and end offset."""


@pytest.fixture(params=["closed", "killed"])
def data(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy of the directory: closed in order, or as a kill would have left it."""
    copy = tmp_path / "data"
    shutil.copytree(KAFKA_LOGS, copy)
    if request.param == "killed":
        (copy / ".kafka_cleanshutdown").unlink()
        (copy / "recovery-point-offset-checkpoint").unlink()
        for path in copy.glob("*/*index"):
            with path.open("r+b") as file:
                file.truncate(INDEX_BYTES_AFTER_A_KILL)
    return copy


@contextmanager
def opened(data: Path) -> Iterator[dict[str, Log]]:
    """Open the directory and the log of every topic; close it in order."""
    directory = LogDirectory.open(
        OsFileSystem(),
        str(data),
        node_id=1,
        cluster_id=CLUSTER_ID,
        directory_id=bytes(16),
        random=Random(1),
    )
    logs = {}
    for found in directory.partitions():
        assert found.topic_id is not None
        policy = "compact" if found.topic == "compacted" else "delete"
        config = LogConfig(cleanup_policy=frozenset({policy}))
        logs[found.topic] = directory.log(
            found.topic, found.partition, found.topic_id, config, now_ms=FIRST_MS
        )
    try:
        yield logs
    finally:
        directory.close()


def records_in(log: Log) -> list[Record]:
    data, position = memoryview(read_all(log)), 0
    records: list[Record] = []
    for header in headers_in(data):
        records += iterate_records(data[position : position + header.size_bytes])
        position += header.size_bytes
    return records


def test_every_log_has_the_offsets_it_had(data: Path) -> None:
    for _ in range(2):  # as Kafka left it, then as it was closed here
        with opened(data) as logs:
            found = {topic: (log.log_start_offset, log.end_offset) for topic, log in logs.items()}
            epochs = {topic: log.leader_epochs.entries for topic, log in logs.items()}

        assert found == ENDS
        assert epochs == {topic: (EpochEntry(0, start),) for topic, (start, _) in ENDS.items()}


def test_every_byte_above_the_log_start_is_read_as_it_was_written(data: Path) -> None:
    with opened(data) as logs:
        for topic, log in logs.items():
            (file,) = (KAFKA_LOGS / f"{topic}-0").glob("*.log")
            written = file.read_bytes()

            found = read_all(log)

            assert written.endswith(found)
            assert len(written) - len(found) == (444 if topic == "deleted-prefix" else 0)


def test_records_of_every_codec_are_read(data: Path) -> None:
    with opened(data) as logs:
        found = records_in(logs["codecs"])
        codecs = [header.compression for header in headers_in(read_all(logs["codecs"]))]

    assert codecs == [*CODECS] * 20
    assert found == [
        Record(
            offset=50 * time + 10 * codec + number,
            timestamp=FIRST_MS + 100 * time + number,
            key=b"k%d" % number,
            value=b"value %d " % number * 20,
            headers=(("h", b"x"), ("n", None)),
        )
        for time in range(20)
        for codec in CODECS
        for number in range(10)
    ]


def test_records_are_found_by_their_time(data: Path) -> None:
    with opened(data) as logs:
        log = logs["codecs"]
        found = [
            log.offset_for_timestamp(FIRST_MS + 100 * time + number, 1000)
            for time, number in ((0, 0), (7, 0), (7, 9), (7, 10), (19, 9), (19, 10))
        ]
        newest = log.offset_of_max_timestamp()
        stamped = [header.max_timestamp for header in headers_in(read_all(logs["append-time"]))]
        by_append_time = logs["append-time"].offset_for_timestamp(stamped[5], 60)

    assert found == [
        TimestampOffset(FIRST_MS, 0),
        TimestampOffset(FIRST_MS + 700, 350),
        TimestampOffset(FIRST_MS + 709, 359),
        TimestampOffset(FIRST_MS + 800, 400),
        TimestampOffset(FIRST_MS + 1909, 959),
        None,
    ]
    assert newest == TimestampOffset(FIRST_MS + 1909, 959)
    assert by_append_time == TimestampOffset(stamped[5], 3 * stamped.index(stamped[5]))


def test_a_gap_that_compaction_left_is_read_over(data: Path) -> None:
    with opened(data) as logs:
        found = logs["compacted"].read(0, max_bytes=1 << 20, end_offset=3030, at_least_one=True)

        assert offsets_in(found) == [(3020, 3029)]


def test_what_was_deleted_cannot_be_read(data: Path) -> None:
    with opened(data) as logs, pytest.raises(KafkaError) as refused:
        logs["deleted-prefix"].read(22, max_bytes=1 << 20, end_offset=50, at_least_one=True)

    assert refused.value.code is ErrorCode.OFFSET_OUT_OF_RANGE


def test_control_records_are_known_as_such(data: Path) -> None:
    with opened(data) as logs:
        headers = headers_in(read_all(logs["transactions"]))

    control = [header.base_offset for header in headers if header.is_control]
    assert control == [7, 15, 21, 31, 37, 47, 53, 61]
    assert sum(header.is_transactional for header in headers) == 16


def append(log: Log, sequence: int, *, epoch: int = 2) -> Appended | Duplicate:
    batch = a_batch(producer_id=902, producer_epoch=epoch, base_sequence=sequence)
    return log.append_as_leader(
        memoryview(bytearray(batch)), leader_epoch=1, now_ms=FIRST_MS, origin=Origin.CLIENT
    )


def test_producers_go_on_where_they_were(data: Path) -> None:
    with opened(data) as logs:
        log = logs["idempotent"]
        again = append(log, 9)
        following = append(log, 10)
        with pytest.raises(KafkaError) as skipped:
            append(log, 12)
        with pytest.raises(KafkaError) as fenced:
            append(log, 0, epoch=1)

    assert isinstance(again, Duplicate)
    assert again.first_offset == 88
    assert isinstance(following, Appended)
    assert following.first_offset == 90
    assert skipped.value.code is ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
    assert fenced.value.code is ErrorCode.INVALID_PRODUCER_EPOCH


def test_a_torn_last_batch_is_cut(tmp_path: Path) -> None:
    copy = tmp_path / "data"
    shutil.copytree(KAFKA_LOGS, copy)
    (copy / ".kafka_cleanshutdown").unlink()
    (copy / "recovery-point-offset-checkpoint").unlink()
    log = copy / "codecs-0" / "00000000000000000000.log"
    log.write_bytes(log.read_bytes()[:-1])

    with opened(copy) as logs:
        assert logs["codecs"].end_offset == 990
        assert records_in(logs["codecs"])[-1].offset == 989
