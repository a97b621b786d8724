"""The checkpoints of a data directory: written when they change, one writer at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from pykbroker.storage.log import Log
from pykbroker.storage.memory_fs import MemoryFileSystem
from pykbroker.storage.stored_offsets import StoredOffsets
from tests.storage.logs import a_log, append

KEY = "topic", 0


class WatchedFileSystem(MemoryFileSystem):
    """Notes what is written atomically; `failure` refuses it, `before_write` is called first."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[tuple[str, bytes]] = []
        self.failure: OSError | None = None
        self.before_write: Callable[[], object] = lambda: None

    def write_atomic(self, path: str, data: bytes) -> None:
        self.before_write()
        if self.failure is not None:
            raise self.failure
        super().write_atomic(path, data)
        self.written.append((path.rpartition("/")[2], data))


@pytest.fixture
def fs() -> WatchedFileSystem:
    return WatchedFileSystem()


def some_logs(fs: WatchedFileSystem) -> dict[tuple[str, int], Log]:
    log = a_log(fs)
    append(log, 3)
    log.flush()
    fs.written.clear()
    return {KEY: log}


def test_a_file_that_says_so_already_is_not_written_again(fs: WatchedFileSystem) -> None:
    offsets, logs = StoredOffsets(fs, "data"), some_logs(fs)

    offsets.store_recovery_points(logs)
    offsets.store_recovery_points(logs)
    offsets.store_log_starts(logs, closing=False)
    offsets.store_log_starts(logs, closing=False)

    assert fs.written == [
        ("recovery-point-offset-checkpoint", b"0\n1\ntopic 0 3\n"),
        ("log-start-offset-checkpoint", b"0\n0\n"),
    ]


def test_what_failed_is_written_the_next_time(fs: WatchedFileSystem) -> None:
    offsets, logs = StoredOffsets(fs, "data"), some_logs(fs)
    offsets.store_recovery_points(logs)
    logs[KEY].raise_log_start(2)
    fs.failure = OSError(28, "No space left on device")
    with pytest.raises(OSError, match="No space"):
        offsets.store_log_starts(logs, closing=False)

    fs.failure = None
    offsets.store_log_starts(logs, closing=False)

    assert fs.written[1:] == [("log-start-offset-checkpoint", b"0\n1\ntopic 0 2\n")]


def test_what_a_failed_write_may_have_written_is_written_over() -> None:
    class HalfDone(WatchedFileSystem):
        def write_atomic(self, path: str, data: bytes) -> None:
            super().write_atomic(path, data)
            if data.endswith(b" 6\n"):
                raise OSError(5, "Input/output error", path)

    offsets, logs = StoredOffsets(fs := HalfDone(), "data"), some_logs(fs)
    log = logs[KEY]
    offsets.store_recovery_points(logs)
    append(log, 3)
    log.flush()
    with pytest.raises(OSError, match="Input/output"):
        offsets.store_recovery_points(logs)

    log.truncate_to(3)
    offsets.store_recovery_points(logs)

    assert StoredOffsets(fs, "data").recovery_point(KEY) == 3


def test_a_log_start_is_stored_until_the_directory_is_closed(fs: WatchedFileSystem) -> None:
    offsets, logs = StoredOffsets(fs, "data"), some_logs(fs)
    log = logs[KEY]
    log.roll(0)
    log.raise_log_start(3)
    offsets.store_log_starts(logs, closing=False)
    log.exchange(0, 1)

    offsets.store_log_starts(logs, closing=False)
    assert StoredOffsets(fs, "data").log_start(KEY) == 3

    offsets.store_log_starts(logs, closing=True)
    assert StoredOffsets(fs, "data").log_start(KEY) == 0


def test_a_partition_forgotten_while_others_are_stored_stays_forgotten(
    fs: WatchedFileSystem,
) -> None:
    offsets, logs = StoredOffsets(fs, "data"), some_logs(fs)

    def forget() -> None:
        logs.clear()
        offsets.forget(KEY)

    forgotten = threading.Thread(target=forget)

    def forget_meanwhile() -> None:
        fs.before_write = lambda: None
        forgotten.start()

    fs.before_write = forget_meanwhile
    offsets.store_recovery_points(logs)
    forgotten.join()

    assert StoredOffsets(fs, "data").recovery_point(KEY) is None


def test_offsets_of_logs_that_nobody_opened_are_kept(fs: WatchedFileSystem) -> None:
    StoredOffsets(fs, "data").store_recovery_points(some_logs(fs))

    offsets = StoredOffsets(fs, "data")
    offsets.store_recovery_points({})

    assert StoredOffsets(fs, "data").recovery_point(KEY) == 3
