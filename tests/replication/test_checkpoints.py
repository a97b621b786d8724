"""Checkpoints are shared by whoever asks at the same time; a full disk is asked again."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from pykbroker.errors import ErrorCode, KafkaError
from pykbroker.replication.checkpoints import Checkpoints
from pykbroker.storage.memory_fs import MemoryFileSystem
from tests.replication.hosted import at_once
from tests.replication.upkept import START_MS, Trouble, Upkept

LOG_STARTS, RECOVERY_POINTS = "log-start-offset-checkpoint", "recovery-point-offset-checkpoint"


async def an_upkept(fs: MemoryFileSystem) -> Upkept:
    upkept = Upkept(fs)
    await upkept.create()
    upkept.append(START_MS, START_MS)
    return upkept


async def test_those_who_ask_while_one_is_written_share_the_next() -> None:
    upkept = await an_upkept(MemoryFileSystem())
    partition_log = upkept.leader().partition_log
    rounds, go_on, stored = [], trio.Event(), []

    async def offload(work: Callable[[], Any]) -> Any:
        rounds.append(partition_log.log_start_offset)
        await go_on.wait()
        return work()

    checkpoints = Checkpoints([upkept.directory], offload)

    async def delete_up_to(offset: int) -> None:
        upkept.leader().raise_log_start(offset)
        await checkpoints.store_log_start(partition_log)
        stored.append((offset, upkept.checkpoint(LOG_STARTS)))

    async with trio.open_nursery() as nursery:
        for offset in (1, 2, 3):
            nursery.start_soon(delete_up_to, offset)
            await wait_all_tasks_blocked()
        go_on.set()

    assert rounds == [1, 3]
    assert stored == [(1, ["words 0 3"]), (2, ["words 0 3"]), (3, ["words 0 3"])]


async def test_each_kind_is_stored_by_itself() -> None:
    upkept = await an_upkept(MemoryFileSystem())
    upkept.leader().raise_log_start(1)
    checkpoints = Checkpoints([upkept.directory], at_once)

    await checkpoints.store_recovery_points(upkept.directory)
    assert upkept.checkpoint(RECOVERY_POINTS) == ["words 0 4"]
    assert upkept.checkpoint(LOG_STARTS) == []

    await checkpoints.store_log_starts(upkept.directory)
    assert upkept.checkpoint(LOG_STARTS) == ["words 0 1"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
async def test_a_full_disk_refuses_until_there_is_space(
    number: int, caplog: pytest.LogCaptureFixture
) -> None:
    fs = Trouble("write_atomic")
    upkept = await an_upkept(fs)
    checkpoints = Checkpoints([upkept.directory], at_once)
    fs.failure = OSError(number, "No room")
    with pytest.raises(KafkaError) as refused:
        await checkpoints.store_recovery_points(upkept.directory)
    assert refused.value.code is ErrorCode.KAFKA_STORAGE_ERROR
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert upkept.directory.failure is None

    fs.failure = None
    await checkpoints.store_recovery_points(upkept.directory)

    assert upkept.checkpoint(RECOVERY_POINTS) == ["words 0 4"]


async def test_any_other_failure_fails_the_directory_and_is_not_tried_again() -> None:
    fs = Trouble("write_atomic")
    upkept = await an_upkept(fs)
    checkpoints = Checkpoints([upkept.directory], at_once)
    fs.failure = OSError(errno.EIO, "Input/output error")

    for _ in range(2):
        with pytest.raises(KafkaError):
            await checkpoints.store_log_starts(upkept.directory)

    assert upkept.directory.failure is fs.failure
    assert fs.refused == 1


async def test_who_waited_for_a_turn_does_not_write_to_a_directory_that_has_failed_since() -> None:
    fs = Trouble("write_atomic")
    upkept = await an_upkept(fs)
    upkept.leader().raise_log_start(1)

    async def offload(work: Callable[[], Any]) -> Any:
        await wait_all_tasks_blocked()
        try:
            return work()
        finally:
            fs.failure = None

    checkpoints = Checkpoints([upkept.directory], offload)
    fs.failure = OSError(errno.EIO, "Input/output error")
    codes = []

    async def ask() -> None:
        with pytest.raises(KafkaError) as refused:
            await checkpoints.store_log_starts(upkept.directory)
        codes.append(refused.value.code)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask)
        nursery.start_soon(ask)

    assert codes == [ErrorCode.KAFKA_STORAGE_ERROR] * 2
    assert upkept.checkpoint(LOG_STARTS) == []
