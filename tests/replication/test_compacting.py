"""A compaction comes to the same whoever does it: the event loop, or a process of its own."""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path
from subprocess import PIPE
from typing import Any

import pytest
import trio

from pykbroker.errors import ProtocolError
from pykbroker.replication.compacting import CompactionInSteps, CompactionProcess, Compactor
from pykbroker.storage.cleaning.compaction import Cleaned, CleanedGroup
from pykbroker.storage.cleaning.compaction_messages import (
    UncleanableError,
    decode_step,
    decode_task,
    encode_failure,
    encode_step,
    encode_task,
    pause_seconds,
)
from pykbroker.storage.fs import OsFileSystem
from pykbroker.storage.log import Log
from pykbroker.storage.log_config import LogConfig
from pykbroker.storage.segment import DamagedLogError
from tests.storage.compacted import a_compacted_log, a_task, put
from tests.storage.logs import NOW_MS

NO_LIMIT = float("inf")
COMPACTORS = [CompactionInSteps, CompactionProcess]


def a_dirty_log(directory: Path) -> Log:
    log = a_compacted_log(OsFileSystem(), str(directory / "topic-0"))
    put(log, ("a", "1"), ("b", "1"), producer_id=3, producer_epoch=0, base_sequence=0)
    put(log, ("a", "2"))
    log.roll(NOW_MS)
    log.flush()
    return log


async def compacted(compactor: Compactor, log: Log, **given: Any) -> list[Any]:
    """What a compactor tells, in order."""
    told: list[Any] = []

    async def on_group(group: CleanedGroup) -> None:
        told.append(group)

    task = a_task(log, **given)
    told.append(await compactor.compact(task, bytes_per_second=NO_LIMIT, on_group=on_group))
    return told


@pytest.mark.parametrize("kind", COMPACTORS)
async def test_it_writes_the_segment_and_tells_of_it(kind: Any, tmp_path: Path) -> None:
    log = a_dirty_log(tmp_path)

    told = await compacted(kind(OsFileSystem()), log)

    cleaned = tmp_path / "topic-0" / "00000000000000000000.log.cleaned"
    size = cleaned.stat().st_size
    assert told == [CleanedGroup((0,), log.size_bytes, size), Cleaned(3, 0)]
    log.close()


@pytest.mark.parametrize("kind", COMPACTORS)
async def test_damage_is_told_as_such(kind: Any, tmp_path: Path) -> None:
    log = a_dirty_log(tmp_path)
    file = log.segments[0].file
    file.pwrite(b"?", file.size - 1)

    with pytest.raises(UncleanableError, match=r"no valid batch at position 79"):
        await compacted(kind(OsFileSystem()), log)
    log.close_files()


@pytest.mark.parametrize("kind", COMPACTORS)
async def test_a_log_that_is_gone_is_told_as_such(kind: Any, tmp_path: Path) -> None:
    log = a_dirty_log(tmp_path)

    with pytest.raises(FileNotFoundError):
        await compacted(kind(OsFileSystem()), log, directory=str(tmp_path / "gone-0"))
    log.close()


async def test_a_cancelled_process_is_gone_when_the_call_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = a_dirty_log(tmp_path)
    started: list[trio.Process] = []
    open_process = trio.lowlevel.open_process

    async def noting(*args: Any, **options: Any) -> trio.Process:
        started.append(await open_process(*args, **options))
        return started[-1]

    monkeypatch.setattr(trio.lowlevel, "open_process", noting)
    with trio.CancelScope() as scope:

        async def cancel(group: CleanedGroup) -> None:
            scope.cancel()
            await trio.lowlevel.checkpoint()

        await CompactionProcess(OsFileSystem()).compact(
            a_task(log), bytes_per_second=NO_LIMIT, on_group=cancel
        )

    assert scope.cancelled_caught
    assert [process.returncode is None for process in started] == [False]
    log.close()


def test_a_task_is_read_as_it_was_written(tmp_path: Path) -> None:
    log = a_dirty_log(tmp_path)
    config = LogConfig(segment_bytes=99, delete_retention_ms=5)
    task = a_task(log, last_records={3: (1, 0), 9: (-1, 32_767)}, config=config)

    line = encode_task(task, bytes_per_second=1e308)

    assert decode_task(line) == (task, 1e308)
    assert line.count(b"\n") == 1
    log.close()


@pytest.mark.parametrize("step", [CleanedGroup((0, 5, 9), 10, 3), Cleaned(12, 1)])
def test_a_step_is_read_as_it_was_written(step: CleanedGroup | Cleaned) -> None:
    assert decode_step(encode_step(step)) == step


@pytest.mark.parametrize(
    ("failure", "kind", "text"),
    [
        (DamagedLogError(errno.EIO, "no batch", "x.log"), UncleanableError, "no batch"),
        (ProtocolError("no record"), UncleanableError, "no record"),
        (OSError(errno.ENOSPC, "No space left"), OSError, "No space left"),
        (FileNotFoundError(errno.ENOENT, "gone"), FileNotFoundError, "gone"),
        (OSError("short"), OSError, "short"),
    ],
)
def test_a_failure_is_raised_as_what_it_was(
    failure: OSError | ProtocolError, kind: type[Exception], text: str
) -> None:
    with pytest.raises(kind, match=text) as raised:
        decode_step(encode_failure(failure))

    assert type(raised.value) is kind


def test_a_pause_is_as_long_as_what_was_moved_is_ahead_of_its_time() -> None:
    assert pause_seconds(1000, 1.0, 100.0) == 9.0
    assert pause_seconds(1000, 9.99, 100.0) == 0.0
    assert pause_seconds(1000, 20.0, 100.0) == 0.0


PROCESS = "from pykbroker.storage.cleaning.cleaner_process import main; main()"


def test_the_process_says_nothing_of_a_broker_that_was_killed_before_it_asked() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", PROCESS],
        check=False,
        input=b'{"direc',
        capture_output=True,
        timeout=30,
    )

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, b"", b"")


def test_the_process_says_nothing_when_there_is_nobody_to_tell(tmp_path: Path) -> None:
    log = a_dirty_log(tmp_path)

    with subprocess.Popen(
        [sys.executable, "-c", PROCESS], stdin=PIPE, stdout=PIPE, stderr=PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()  # as of a broker that was killed just now
        process.stdin.write(encode_task(a_task(log), bytes_per_second=1e9))
        process.stdin.flush()
        assert process.wait(timeout=30) == 1
        assert process.stderr.read() == b""
    log.close()


def test_the_process_ends_with_the_one_that_started_it(tmp_path: Path) -> None:
    log = a_dirty_log(tmp_path)

    with subprocess.Popen([sys.executable, "-c", PROCESS], stdin=PIPE) as process:
        assert process.stdin is not None
        process.stdin.write(encode_task(a_task(log), bytes_per_second=0.001))
        process.stdin.close()  # as the system does for a broker that was killed

        assert process.wait(timeout=30) == 1
    log.close()
