"""After a failed sync the next start reads what is on the disk, until a stop in order."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from pykbroker.storage.fs import OsFileSystem
from pykbroker.storage.log_config import LogConfig
from pykbroker.storage.log_directory import LogDirectory
from tests.crash.simulated_fs import SimulatedFileSystem
from tests.storage.logs import append, read_all

EIO = OSError(5, "Input/output error")
TOPIC_ID = b"topic-id-0000001"


def opened(fs: SimulatedFileSystem) -> LogDirectory:
    return LogDirectory.open(fs, "data", node_id=1, cluster_id="c", directory_id=b"d" * 16)


def fail_syncs(call: str, path: str) -> None:
    if call == "sync" and path.endswith(".log"):
        raise EIO


def a_failed_directory() -> SimulatedFileSystem:
    """One whose log has two records, of which the second was lost by a sync that failed."""
    fs = SimulatedFileSystem(random=Random(4))
    directory = opened(fs)
    log = directory.log("t", 0, TOPIC_ID, LogConfig(), 0)
    append(log, 1)
    log.flush()
    append(log, 1)
    fs.before_call = fail_syncs
    try:
        log.flush()
    except OSError as failure:
        directory.fail(failure)
    return fs


def test_what_a_failed_sync_lost_is_not_believed_because_the_cache_shows_it() -> None:
    left = a_failed_directory().after_kill()

    log = opened(left).log("t", 0, TOPIC_ID, LogConfig(), 0)

    log.flush()
    after_power_cut = opened(left.after_power_cut(Random(1)))
    assert read_all(after_power_cut.log("t", 0, TOPIC_ID, LogConfig(), 0)) == read_all(log)


def test_a_stop_in_order_ends_the_distrust() -> None:
    left = a_failed_directory().after_kill()
    directory = opened(left)
    directory.log("t", 0, TOPIC_ID, LogConfig(), 0)
    assert ".pykbroker-reread" in left.listdir("data")

    directory.close()

    assert ".pykbroker-reread" not in left.listdir("data")


def test_a_log_that_cannot_be_synced_while_it_is_opened_leaves_the_mark() -> None:
    left = a_failed_directory().after_kill()
    left.remove("data/.pykbroker-reread")
    directory = opened(left)
    log_path = "data/t-0/00000000000000000000.log"
    torn = left.open(log_path)
    torn.pwrite(b"garbage", torn.size)
    left.before_call = fail_syncs

    with pytest.raises(OSError, match="Input/output error"):
        directory.log("t", 0, TOPIC_ID, LogConfig(), 0)

    assert ".pykbroker-reread" in left.listdir("data")


def test_a_file_is_the_same_once_it_is_read_anew(tmp_path: Path) -> None:
    file = OsFileSystem().create(f"{tmp_path}/file")
    file.pwrite(b"abc", 0)
    file.sync()

    file.drop_cached()

    assert file.pread(3, 0) == b"abc"
