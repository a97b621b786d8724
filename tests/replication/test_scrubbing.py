"""Damage in segments that nobody writes to any more is told of, once, and nothing is changed."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from pykbroker.replication.scrubbing import PASS_SECONDS, Scrubbing
from pykbroker.storage.memory_fs import MemoryFileSystem
from pykbroker.wire.records import build_batch
from tests.replication.hosted import at_once
from tests.replication.upkept import START_MS, Upkept

Offload = Callable[[Callable[[], Any]], Any]


@asynccontextmanager
async def scrubbing(upkept: Upkept, offload: Offload = at_once) -> AsyncIterator[None]:
    partitions = upkept.partitions
    task = Scrubbing(partitions, settings=partitions._settings, offload=offload)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(task.run)
        yield
        nursery.cancel_scope.cancel()


async def three_segments(**broker: Any) -> Upkept:
    upkept = Upkept(MemoryFileSystem(), **broker)
    await upkept.create()
    upkept.append(START_MS, START_MS, START_MS)
    return upkept


def damage(upkept: Upkept, base_offset: int) -> None:
    """Flip a bit of the last record's value."""
    file = upkept.fs.open(f"data/words-0/{base_offset:020d}.log")
    last = file.pread(1, file.size - 2)
    file.pwrite(bytes([last[0] ^ 1]), file.size - 2)


async def test_damage_in_a_full_segment_is_told_of_once(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    upkept = await three_segments()
    damage(upkept, 2)

    async with scrubbing(upkept):
        await trio.sleep(2.5 * PASS_SECONDS)

    (told,) = caplog.records
    assert told.levelno == logging.ERROR
    assert "topic=words partition=0 base_offset=2 position=0" in told.getMessage()
    assert "`pykbroker repair --data-dir data words-0`" in told.getMessage()
    assert upkept.leader().end_offset == 6


async def test_what_is_whole_and_what_is_being_written_to_is_nothing_to_tell_of(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    upkept = await three_segments()
    damage(upkept, 4)

    async with scrubbing(upkept):
        await trio.sleep(1.5 * PASS_SECONDS)

    assert caplog.messages == []


async def test_it_takes_the_time_that_its_rate_allows_and_none_at_a_rate_of_0(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    upkept = await three_segments(pykbroker_scrub_bytes_per_second=10)
    size = upkept.leader().partition_log.segments[0].size
    damage(upkept, 2)
    never = await three_segments(pykbroker_scrub_bytes_per_second=0)
    damage(never, 0)

    async with scrubbing(upkept), scrubbing(never):
        await trio.sleep(size / 10 - 0.1)
        before = list(caplog.messages)
        await trio.sleep(0.2)

    assert (before, len(caplog.messages)) == ([], 1)


async def test_a_segment_that_is_gone_is_left_and_one_that_cannot_be_read_is_told_of(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    upkept = await three_segments()
    failures = iter([FileNotFoundError(2, "gone"), OSError(5, "Input/output error")])

    async def fail(work: Callable[[], Any]) -> Any:
        raise next(failures)

    async with scrubbing(upkept, fail):
        await trio.sleep(1)

    (told,) = caplog.messages
    assert "base_offset=2 position=0: [Errno 5] Input/output error;" in told


async def test_a_batch_with_a_wrong_crc_between_whole_ones_is_told_of(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    upkept = Upkept(MemoryFileSystem())
    await upkept.create()
    for _ in range(2):
        batch = memoryview(bytearray(build_batch([(START_MS, b"key", b"value", ())])))
        upkept.leader().append(batch, acks_all=True, now_ms=START_MS)
    upkept.append(START_MS)
    upkept.fs.open(f"data/words-0/{0:020d}.log").pwrite(b"\xff", 70)

    async with scrubbing(upkept):
        await trio.sleep(1)

    (told,) = caplog.messages
    assert "base_offset=0 position=0: its CRC is " in told
