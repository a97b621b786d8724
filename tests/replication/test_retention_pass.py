"""A look through the logs deletes what the rules say, and no crash shows half of that."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Any

import pytest

from pykbroker.errors import ErrorCode, KafkaError
from pykbroker.replication.retention_pass import RetentionPass
from pykbroker.replication.waiter import Waiter
from pykbroker.storage.memory_fs import MemoryFileSystem
from pykbroker.storage.removal import Removal
from pykbroker.storage.segment import DamagedLogError
from tests.replication.hosted import at_once
from tests.replication.upkept import NAME, START_MS, LoopClock, Trouble, Upkept, log_files
from tests.storage.logs import offsets_in

OLD = START_MS - 2000
FULL = OSError(errno.ENOSPC, "No space left on device")
BROKEN = OSError(errno.EIO, "Input/output error")


async def look_through(upkept: Upkept, offload: Callable[..., Any] = at_once) -> None:
    each = RetentionPass(upkept.partitions, clock=LoopClock(), offload=offload)
    await each.run(upkept.directory)


async def test_old_segments_go_and_whoever_waits_looks_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    upkept, waiter = Upkept(MemoryFileSystem()), Waiter()
    await upkept.create(retention_ms=1000, file_delete_delay_ms=7)
    upkept.append(OLD, OLD, START_MS)
    upkept.leader().watch(waiter)
    caplog.set_level("INFO")

    await look_through(upkept)

    assert upkept.files(".log") == log_files(4)
    assert upkept.checkpoint("log-start-offset-checkpoint") == ["words 0 4"]
    removals = upkept.directory.removals.take()
    assert Removal(f"data/words-0/{log_files(0)[0]}.deleted", 7) in removals
    await waiter.wait()
    with pytest.raises(KafkaError) as refused:
        upkept.leader().read(3, max_bytes=1, committed_only=False, at_least_one=True)
    assert refused.value.code is ErrorCode.OFFSET_OUT_OF_RANGE
    assert caplog.messages == [
        "deleting segments topic=words partition=0 log_start_offset=4: 2 older than retention.ms"
    ]


async def test_what_is_not_committed_stays() -> None:
    upkept = Upkept(MemoryFileSystem())
    await upkept.create(retention_ms=1000)
    upkept.append(OLD, OLD)
    upkept.leader()._progress.high_watermark = 3

    await look_through(upkept)

    assert upkept.files(".log") == log_files(2)
    assert upkept.leader().log_start_offset == 2


async def test_all_may_go_and_appends_go_on() -> None:
    upkept = Upkept(MemoryFileSystem())
    await upkept.create(retention_ms=1000)
    upkept.append(OLD, OLD)

    await look_through(upkept)
    upkept.append(START_MS)

    leader = upkept.leader()
    assert (leader.log_start_offset, leader.end_offset) == (4, 6)
    read = leader.read(4, max_bytes=1 << 20, committed_only=False, at_least_one=True)
    assert offsets_in(read.records) == [(4, 5)]


async def test_records_deleted_by_hand_take_their_segments_along_even_of_a_compacted_topic() -> (
    None
):
    upkept = Upkept(MemoryFileSystem())
    await upkept.create(retention_ms=-1)
    upkept.append(START_MS, START_MS, START_MS)
    upkept.leader().raise_log_start(3)
    await upkept.create(cleanup_policy="compact")

    await look_through(upkept)

    assert upkept.files(".log") == log_files(2, 4)
    assert upkept.leader().log_start_offset == 3


async def test_a_configuration_altered_holds_at_the_next_pass() -> None:
    upkept = Upkept(MemoryFileSystem())
    await upkept.create(retention_ms=-1)
    upkept.append(OLD, START_MS)
    await look_through(upkept)
    assert upkept.files(".log") == log_files(0, 2)

    await upkept.create(retention_ms=1000)
    await look_through(upkept)

    assert upkept.files(".log") == log_files(2)


async def test_a_power_cut_at_any_step_leaves_the_log_with_or_without_what_goes() -> None:
    """Steps: the log starts are raised, stored, the files renamed, the names synced."""
    states: list[MemoryFileSystem] = []

    class Watched(MemoryFileSystem):
        def write_atomic(self, path: str, data: bytes) -> None:
            states.append(self.after_power_cut())
            super().write_atomic(path, data)
            states.append(self.after_power_cut())

        def rename(self, old: str, new: str) -> None:
            super().rename(old, new)
            states.append(self.after_power_cut())

    upkept = Upkept(Watched())
    await upkept.create(retention_ms=1000)
    upkept.append(OLD, OLD, START_MS)
    upkept.directory.checkpoint()
    states.clear()

    await look_through(upkept)
    upkept.leader().partition_log.flush()
    states.append(upkept.fs.after_power_cut())

    assert len(states) > 5
    starts = []
    for fs in states:
        again = Upkept(fs)
        await again.create(retention_ms=1000)
        leader = again.leader()
        starts.append(leader.log_start_offset)
        assert (leader.log_start_offset, leader.end_offset) in ((0, 6), (4, 6))
        read = leader.read(4, max_bytes=1 << 20, committed_only=False, at_least_one=True)
        assert offsets_in(read.records) == [(4, 5)]
        await look_through(again)
        assert again.files(".log") == log_files(4)
    assert starts == sorted(starts)
    assert starts[0] == 0
    assert starts[-1] == 4


async def test_on_a_full_disk_segments_go_one_by_one_and_for_good(
    caplog: pytest.LogCaptureFixture,
) -> None:
    fs, synced = Trouble("write_atomic"), []
    upkept = Upkept(fs)
    await upkept.create(retention_ms=1000)
    upkept.append(OLD, OLD, START_MS)

    async def offload(work: Callable[[], Any]) -> Any:
        synced.append(upkept.files(".log"))
        return work()

    fs.failure = FULL
    await look_through(upkept, offload)

    assert synced == [log_files(2, 4), log_files(4)]
    assert upkept.directory.failure is None
    assert upkept.leader().log_start_offset == 4
    assert "checkpoint not written path=data" in caplog.text
    assert "free some space" in caplog.text


async def test_without_space_for_a_new_segment_the_next_pass_tries_again() -> None:
    fs = Trouble("create")
    upkept = Upkept(fs)
    await upkept.create(retention_ms=1000)
    upkept.append(OLD)
    fs.failure = FULL
    await look_through(upkept)
    assert (upkept.files(".log"), upkept.leader().log_start_offset) == (log_files(0), 0)

    fs.failure = None
    await look_through(upkept)

    assert (upkept.files(".log"), upkept.leader().log_start_offset) == (log_files(2), 2)


@pytest.mark.parametrize("call", ["write_atomic", "rename", "create"])
async def test_any_other_trouble_fails_the_directory(call: str) -> None:
    fs = Trouble(call)
    upkept = Upkept(fs)
    await upkept.create(retention_ms=1000)
    upkept.append(OLD, OLD)
    fs.failure = BROKEN

    await look_through(upkept)
    await look_through(upkept)

    assert upkept.directory.failure is BROKEN
    assert fs.refused == 1 + (call == "create")  # the mark that the disk failed


async def test_a_log_that_cannot_be_read_keeps_no_other_from_it(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    upkept = Upkept(MemoryFileSystem())
    await upkept.create("bad", NAME, retention_ms=1000)
    upkept.append(OLD, name="bad")
    upkept.append(OLD)

    def damaged(**_: Any) -> None:
        raise DamagedLogError(errno.EIO, "no batch at position 0", "bad.log")

    monkeypatch.setattr(upkept.leader("bad").partition_log, "retention_plan", damaged)
    await look_through(upkept)

    assert upkept.files(".log") == log_files(2)
    assert upkept.directory.failure is None
    assert "segments not deleted topic=bad partition=0" in caplog.text


async def test_a_topic_deleted_meanwhile_and_made_again_keeps_its_files() -> None:
    upkept = Upkept(MemoryFileSystem())
    await upkept.create(retention_ms=1000)
    upkept.append(OLD, OLD, START_MS)
    checkpoints, old_leader = upkept.partitions.checkpoints, upkept.leader()
    store_log_starts = checkpoints.store_log_starts

    async def make_again(directory: Any) -> None:
        await store_log_starts(directory)
        await upkept.delete()
        await upkept.create(retention_ms=-1)
        upkept.append(START_MS, START_MS)

    checkpoints.store_log_starts = make_again  # type: ignore[method-assign]
    await look_through(upkept)

    assert upkept.leader() is not old_leader
    assert upkept.files(".log") == log_files(0, 2)


async def test_timestamps_in_the_future_are_told_of_once(caplog: pytest.LogCaptureFixture) -> None:
    upkept = Upkept(MemoryFileSystem())
    await upkept.create(retention_ms=1000)
    upkept.append(START_MS + 5000, START_MS)
    each = RetentionPass(upkept.partitions, clock=LoopClock(), offload=at_once)

    await each.run(upkept.directory)
    await each.run(upkept.directory)

    assert upkept.files(".log") == log_files(0, 2)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert f"newest timestamp {START_MS + 5000} is in the future" in caplog.text
