"""One partition at its leader, over a log in memory."""

from __future__ import annotations

from pykbroker.metadata.values import PartitionImage
from pykbroker.replication.partition import PartitionLeader
from pykbroker.storage.leader_epochs import EpochEntry
from pykbroker.storage.log_config import LogConfig
from pykbroker.storage.log_directory import LogDirectory
from pykbroker.storage.memory_fs import MemoryFileSystem
from pykbroker.wire.records import build_batch

NOW_MS = 1_700_000_000_000
TOPIC_ID = b"t" * 16


def a_directory(fs: MemoryFileSystem) -> LogDirectory:
    return LogDirectory.open(fs, "data", node_id=1, cluster_id="c", directory_id=b"d" * 16)


def a_leader(directory: LogDirectory, leader_epoch: int) -> PartitionLeader:
    log = directory.log("t", 0, TOPIC_ID, LogConfig(), NOW_MS)
    image = PartitionImage(0, replicas=(1,), leader=1, isr=(1,), leader_epoch=leader_epoch)
    return PartitionLeader(log, image, node_id=1)


def append(leader: PartitionLeader) -> None:
    batch = memoryview(build_batch([(NOW_MS, b"k", b"v", ())]))
    leader.append(batch, acks_all=True, now_ms=NOW_MS)


def test_the_epochs_of_all_leaders_outlive_clean_stops() -> None:
    fs = MemoryFileSystem()
    for leader_epoch in (0, 4, 5):
        directory = a_directory(fs)
        append(a_leader(directory, leader_epoch))
        directory.close()

    text = fs.read_bytes("data/t-0/leader-epoch-checkpoint")
    leader = a_leader(a_directory(fs), 7)

    assert text == b"0\n3\n0 0\n4 1\n5 2\n"
    assert leader.partition_log.leader_epochs.entries == (
        EpochEntry(0, 0),
        EpochEntry(4, 1),
        EpochEntry(5, 2),
        EpochEntry(7, 3),
    )


def test_a_leader_that_appended_nothing_costs_no_sync() -> None:
    fs = MemoryFileSystem()
    directory = a_directory(fs)
    append(a_leader(directory, 0))
    directory.close()

    leader = a_leader(a_directory(fs), 1)

    pending = leader.partition_log.pending_sync()
    assert (pending.files, pending.passing_files) == ((), ())
    assert (pending.leader_epochs, pending.directories) == (None, ())
