"""A data directory: one owner, a marker that can be trusted, logs that come and go."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from pykbroker.errors import KafkaError
from pykbroker.storage.log import Log
from pykbroker.storage.log_config import LogConfig
from pykbroker.storage.log_directory import FoundPartition, LogDirectory, LogDirectoryError
from pykbroker.storage.memory_fs import MemoryFileSystem
from pykbroker.storage.removal import Removal
from pykbroker.storage.segment import DamagedLogError
from tests.storage.logs import NOW_MS, TOPIC_ID, append, read, read_all

DIRECTORY_ID = b"d" * 16


@pytest.fixture
def fs() -> MemoryFileSystem:
    return MemoryFileSystem()


def opened(fs: MemoryFileSystem, **given: Any) -> LogDirectory:
    options: dict[str, Any] = {"node_id": 1, "cluster_id": "cluster", "directory_id": DIRECTORY_ID}
    options |= given
    return LogDirectory.open(fs, "data", **options)


def a_log(directory: LogDirectory, topic: str = "topic", topic_id: bytes = TOPIC_ID) -> Log:
    return directory.log(topic, 0, topic_id, LogConfig(), NOW_MS)


def test_a_directory_closed_in_order_opens_clean_once(fs: MemoryFileSystem) -> None:
    directory = opened(fs)
    assert (directory.clean, directory.clean_broker_epoch) == (False, None)
    written = append(a_log(directory), 3)
    directory.close(broker_epoch=77)
    assert fs.exists("data/.kafka_cleanshutdown")

    directory = opened(fs)
    assert (directory.clean, directory.clean_broker_epoch) == (True, 77)
    assert not fs.exists("data/.kafka_cleanshutdown")
    log = a_log(directory)
    assert (log.recovery_report.scanned_bytes, log.recovery_point, read_all(log)) == (0, 3, written)
    directory.close(clean=False)

    assert opened(fs).clean is False


def test_a_power_cut_after_a_clean_close_loses_nothing(fs: MemoryFileSystem) -> None:
    directory = opened(fs)
    written = append(a_log(directory), 3, producer_id=1, producer_epoch=0, base_sequence=0)
    a_log(directory, "empty")
    directory.close()

    directory = opened(fs.after_power_cut())

    assert directory.clean
    log = a_log(directory)
    assert (read_all(log), log.recovery_report.scanned_bytes) == (written, 0)
    assert log.producers.entries[1].last_sequence == 2
    assert a_log(directory, "empty").end_offset == 0


def test_a_log_without_records_waits_for_no_disk_when_it_is_closed(fs: MemoryFileSystem) -> None:
    directory = opened(fs)
    a_log(directory, "empty")
    append(a_log(directory, "cut"), 3)
    a_log(directory, "cut").flush()
    a_log(directory, "cut").truncate_to(0)
    directory.close()
    survivor = fs.after_power_cut()

    assert [survivor.listdir(f"data/{name}-0") for name in ("cut", "empty")] == [
        ["00000000000000000000.log", "leader-epoch-checkpoint", "partition.metadata"],
        [],
    ]
    directory = opened(survivor)
    assert [a_log(directory, name).end_offset for name in ("cut", "empty")] == [0, 0]


def test_without_a_clean_close_what_was_flushed_is_there(fs: MemoryFileSystem) -> None:
    directory = opened(fs)
    log = a_log(directory)
    written = append(log, 3)
    log.raise_log_start(2)
    log.flush()
    directory.checkpoint()
    append(log, 3)

    log = a_log(opened(fs.after_power_cut()))

    assert (log.log_start_offset, log.end_offset, log.recovery_point) == (2, 3, 3)
    part = read(log, 2)
    assert part is not None
    assert bytes(part.read()) == written


def test_the_log_start_is_stored_only_where_no_segment_says_it(fs: MemoryFileSystem) -> None:
    directory = opened(fs)
    append(a_log(directory), 3)
    directory.checkpoint()
    assert fs.read_bytes("data/log-start-offset-checkpoint") == b"0\n0\n"

    a_log(directory).raise_log_start(1)
    directory.checkpoint()
    assert fs.read_bytes("data/log-start-offset-checkpoint") == b"0\n1\ntopic 0 1\n"
    assert fs.read_bytes("data/recovery-point-offset-checkpoint") == b"0\n1\ntopic 0 0\n"


def test_truncation_lowers_the_stored_recovery_point_first(fs: MemoryFileSystem) -> None:
    directory = opened(fs)
    log = a_log(directory)
    append(log, 3)
    append(log, 3)
    log.flush()
    directory.checkpoint()

    log.truncate_to(3)

    assert fs.read_bytes("data/recovery-point-offset-checkpoint") == b"0\n1\ntopic 0 3\n"
    log.truncate_to(2)
    assert log.end_offset == 0


def test_a_directory_whose_disk_failed_vouches_for_nothing(fs: MemoryFileSystem) -> None:
    directory = opened(fs)
    told: list[LogDirectory] = []
    append(a_log(directory), 3)
    directory.on_failure = told.append
    first, second = OSError(5, "Input/output error"), OSError(30, "Read-only file system")

    directory.fail(first)
    directory.fail(second)
    directory.close(clean=True)

    assert (directory.failure, told) == (first, [directory])
    assert fs.listdir("data") == [".lock", ".pykbroker-reread", "meta.properties", "topic-0"]
    assert opened(fs).clean is False


def test_a_directory_has_one_owner(fs: MemoryFileSystem) -> None:
    directory = opened(fs)
    with pytest.raises(LogDirectoryError, match="in use by another process"):
        opened(fs)

    directory.close()

    opened(fs).close()


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"node_id": 2}, r"node\.id 1, this broker is node\.id 2"),
        ({"cluster_id": "other"}, "cluster cluster, this is cluster other"),
    ],
)
def test_another_brokers_directory_is_refused_and_left_alone(
    fs: MemoryFileSystem, given: dict[str, Any], why: str
) -> None:
    opened(fs).close()

    with pytest.raises(LogDirectoryError, match=why):
        opened(fs, **given)

    assert opened(fs).clean


def test_unreadable_meta_properties_are_refused(fs: MemoryFileSystem) -> None:
    opened(fs).close()
    fs.write_atomic("data/meta.properties", b"version=9\n")

    with pytest.raises(LogDirectoryError, match="version 9"):
        opened(fs)


def test_a_directory_keeps_its_id_and_gets_one_if_it_has_none(fs: MemoryFileSystem) -> None:
    opened(fs).close()
    again = opened(fs, directory_id=b"e" * 16)
    assert again.meta.directory_id == DIRECTORY_ID
    again.close()

    fs.write_atomic("data/meta.properties", b"version=1\ncluster.id=cluster\nnode.id=1\n")
    directory = opened(fs)

    assert directory.meta.directory_id == DIRECTORY_ID
    assert b"directory.id=" in fs.read_bytes("data/meta.properties")


def test_partitions_on_disk_are_listed_with_their_topic_ids(fs: MemoryFileSystem) -> None:
    directory = opened(fs)
    a_log(directory, "b")
    a_log(directory, "a", bytes(16))
    a_log(directory, "broken")
    fs.write_atomic("data/broken-0/partition.metadata", b"nothing")
    fs.mkdirs("data/no-partition")
    fs.create("data/file-0")

    assert directory.partitions() == [
        FoundPartition("a", 0, None),
        FoundPartition("b", 0, TOPIC_ID),
        FoundPartition("broken", 0, None),
    ]
    assert [log.topic for log in directory.logs] == ["b", "a", "broken"]
    assert directory.log("b", 0, TOPIC_ID, LogConfig(), NOW_MS) is directory.logs[0]


def test_a_partition_of_another_topic_id_is_not_opened(fs: MemoryFileSystem) -> None:
    directory = opened(fs)
    a_log(directory)
    directory.close()

    with pytest.raises(KafkaError, match="INCONSISTENT_TOPIC_ID"):
        a_log(opened(fs), topic_id=b"x" * 16)


def test_a_deleted_partition_is_gone_but_for_slices_of_it(fs: MemoryFileSystem) -> None:
    directory = opened(fs)
    log = a_log(directory)
    written = append(log)
    part = read(log, 0)
    log.flush()
    directory.checkpoint()

    directory.delete("topic", 0, "1f")
    directory.delete("never", 0, "1f")

    assert part is not None
    assert bytes(part.read()) == written
    assert (directory.partitions(), directory.logs) == ([], ())
    directory.checkpoint()
    assert fs.read_bytes("data/recovery-point-offset-checkpoint") == b"0\n0\n"
    assert a_log(directory, topic_id=b"x" * 16).end_offset == 0


def test_a_deletion_is_noted_and_one_cut_short_again_at_the_next_start(
    fs: MemoryFileSystem,
) -> None:
    directory = opened(fs)
    append(a_log(directory))
    directory.delete("topic", 0, "1f")
    assert directory.removals.take() == [Removal("data/topic-0.1f-delete", None)]
    directory.close()

    directory = opened(fs)

    assert directory.partitions() == []
    assert directory.removals.take() == [Removal("data/topic-0.1f-delete", 0)]


def test_files_of_deleted_segments_are_noted_when_the_log_is_opened(fs: MemoryFileSystem) -> None:
    directory = opened(fs)
    log = a_log(directory)
    append(log)
    log.roll(NOW_MS)
    log.raise_log_start(1)
    aside = log.drop_unreachable()
    directory.close()

    directory = opened(fs)
    a_log(directory)

    left = [Removal(path, 0) for path in sorted(aside)]
    assert directory.removals.take() == left
    assert left[-1].path.endswith(".deleted")


def test_a_partition_made_again_inherits_no_offsets_of_the_deleted_one(
    fs: MemoryFileSystem,
) -> None:
    directory = opened(fs)
    log = a_log(directory)
    append(log, 100)
    log.raise_log_start(50)
    directory.close()
    directory = opened(fs)
    directory.delete("topic", 0, "unique")
    again = b"n" * 16
    written = append(a_log(directory, topic_id=again), 3)
    directory.close(clean=False)

    log = a_log(opened(fs), topic_id=again)

    assert (log.log_start_offset, log.recovery_point, read_all(log)) == (0, 0, written)


def test_the_marker_does_not_vouch_for_logs_nobody_recovered(fs: MemoryFileSystem) -> None:
    directory = opened(fs)
    for name in ("opened", "forgotten"):
        append(log := a_log(directory, name), 2)
        log.flush()
        directory.checkpoint()
        append(log, 2)
    directory.close(clean=False)
    directory = opened(fs)
    a_log(directory, "opened")
    directory.close()

    directory = opened(fs)

    assert directory.clean
    assert a_log(directory, "opened").recovery_report.scanned_bytes == 0
    forgotten = a_log(directory, "forgotten")
    assert forgotten.recovery_report.scanned_bytes > 0
    assert (forgotten.recovery_point, forgotten.end_offset) == (2, 4)


def test_damage_that_one_start_found_the_next_one_finds_too(fs: MemoryFileSystem) -> None:
    directory = opened(fs)
    for _ in range(3):
        append(a_log(directory))
    a_log(directory).flush()
    directory.checkpoint()
    directory.close(clean=False)
    file = fs.open("data/topic-0/00000000000000000000.log")
    file.pwrite(b"\xff", 70)

    for _ in range(3):
        directory = opened(fs)
        append(a_log(directory, "whole"))
        with pytest.raises(DamagedLogError):
            a_log(directory)
        directory.close()

    assert not opened(fs).clean


def test_logs_nobody_opened_stay_clean(fs: MemoryFileSystem) -> None:
    directory = opened(fs)
    append(a_log(directory), 2)
    directory.close()
    opened(fs).close()

    assert a_log(opened(fs)).recovery_report.scanned_bytes == 0


@pytest.mark.parametrize("sync_threads", [1, 3])
def test_many_logs_are_flushed_at_once(fs: MemoryFileSystem, sync_threads: int) -> None:
    directory = opened(fs, sync_threads=sync_threads)
    logs = [a_log(directory, f"topic-{number}") for number in range(130)]
    for log in logs:
        append(log, 2)

    directory.flush(logs)

    assert [log.recovery_point for log in logs] == [2] * 130


@pytest.mark.parametrize(("sync_threads", "in_own_thread"), [(1, True), (3, False)])
def test_one_thread_that_waits_for_the_disk_is_the_callers(
    sync_threads: int, in_own_thread: bool
) -> None:
    class WatchedFileSystem(MemoryFileSystem):
        def sync_directory(self, path: str) -> None:
            if path.startswith("data/"):
                syncing.add(threading.get_ident())
            super().sync_directory(path)

    syncing: set[int] = set()
    directory = opened(WatchedFileSystem(), sync_threads=sync_threads)
    append(a_log(directory), 1)

    directory.close()

    assert (syncing == {threading.get_ident()}) is in_own_thread


def test_a_new_directory_survives_a_power_cut_itself() -> None:
    synced = []

    class Noting(MemoryFileSystem):
        def sync_directory(self, path: str) -> None:
            synced.append(path)
            super().sync_directory(path)

    fs = Noting()
    fs.mkdirs("/srv")

    LogDirectory.open(fs, "/srv/data", node_id=1, cluster_id="c", directory_id=b"d" * 16)

    assert "/srv" in synced
