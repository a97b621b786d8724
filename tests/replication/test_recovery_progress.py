"""Long recoveries tell how far they are, end when they are told to, and say what they cut."""

from __future__ import annotations

import logging

import pytest
import trio

from pykbroker.replication.recovery_progress import RecoveryProgress, tell_cut
from pykbroker.storage.memory_fs import MemoryFileSystem
from tests.replication.clusters import a_topic
from tests.replication.hosted import Feed, a_directory, append, led, some_partitions
from tests.storage.logs import DIRECTORY, a_log
from tests.storage.logs import append as append_to

MIB = 1 << 20
FIRST_LOG = f"{DIRECTORY}/00000000000000000000.log"


class StepClock:
    """A clock that goes on when it is told to."""

    def __init__(self) -> None:
        self.ms = 0

    def now_ms(self) -> int:
        return self.ms


def test_progress_is_told_once_a_second_from_the_second_second_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock, asked = StepClock(), []

    def bytes_to_scan() -> int:
        asked.append(clock.ms)
        return 50 * MIB

    progress = RecoveryProgress(clock, logs=3, bytes_to_scan=bytes_to_scan)
    with caplog.at_level(logging.INFO):
        for ms in range(0, 2_600, 100):
            clock.ms = ms
            progress.read(f"data/t-{ms // 1000}/0.log", MIB)
            if ms == 1_500:
                progress.opened("data")

    assert caplog.messages == [
        "recovering logs=0/3 mib=11/50 reading=data/t-1/0.log",
        "recovering logs=1/3 mib=21/50 reading=data/t-2/0.log",
    ]
    assert asked == [1_000]


async def test_opening_ends_at_the_next_read_once_its_task_is_cancelled() -> None:
    progress = RecoveryProgress(StepClock(), logs=1, bytes_to_scan=lambda: 0)
    reads = 0

    def work() -> None:
        nonlocal reads
        while True:
            progress.read("data/t-0/0.log", 1)
            reads += 1
            if reads == 3:
                trio.from_thread.run_sync(scope.cancel)

    with trio.CancelScope() as scope:
        await trio.to_thread.run_sync(work)

    assert scope.cancelled_caught
    assert reads == 3


async def test_a_directory_whose_opening_was_cancelled_is_opened_by_the_next_start() -> None:
    fs = MemoryFileSystem()
    directory = a_directory(fs)
    partitions, feed = some_partitions(directory), Feed(led(a_topic("words", 2)))
    await partitions.apply(feed.image)
    for index in (0, 1):
        append(partitions, "words", index)
    directory.close(clean=False)

    directory = a_directory(fs)
    with trio.CancelScope() as scope:
        scope.cancel()
        await some_partitions(directory, offload=trio.to_thread.run_sync).apply(feed.image)
    directory.close(clean=False)

    assert scope.cancelled_caught
    partitions = some_partitions(a_directory(fs))
    await partitions.apply(feed.image)
    assert [partitions.leader("words", index).end_offset for index in (0, 1)] == [1, 1]


def test_bytes_to_scan_are_those_from_the_recovery_point_on() -> None:
    fs = MemoryFileSystem()
    directory = a_directory(fs)
    for index, place in enumerate(("clean", "unclean", "new")):
        assert directory.bytes_to_scan(place, index) == 0
    log = a_log(fs, "data/unclean-0")
    sizes = []
    for _ in range(3):
        sizes.append(len(append_to(log, 2)))
        log.roll(0)

    assert directory.bytes_to_scan("unclean", 0) == sum(sizes)


@pytest.mark.parametrize(
    ("tail", "told"),
    [
        (b"x" * 70, "kept in data/topic-0/ as 00000000000000000000.log.torn"),
        (bytes(70), "all zero"),
    ],
)
def test_what_recovery_cut_is_a_warning(
    caplog: pytest.LogCaptureFixture, tail: bytes, told: str
) -> None:
    fs = MemoryFileSystem()
    size = len(append_to(a_log(fs), 2))
    fs.open(FIRST_LOG).pwrite(tail, size)

    tell_cut(a_log(fs))
    tell_cut(a_log(fs))

    (message,) = caplog.messages
    assert message == (
        "log cut topic=topic partition=0 offset=2 bytes=70 file=00000000000000000000.log"
        f" position={size}: what a crash left unfinished; {told}"
    )


def test_a_hole_is_told_as_one(caplog: pytest.LogCaptureFixture) -> None:
    fs = MemoryFileSystem()
    log = a_log(fs)
    for _ in range(8):
        size = len(append_to(log, 2, value_bytes=900))
    fs.open(FIRST_LOG).pwrite(bytes(4096), 4096)

    tell_cut(a_log(fs))

    (message,) = caplog.messages
    assert message == (
        f"log cut topic=topic partition=0 offset=4 bytes={6 * size}"
        f" file=00000000000000000000.log position={2 * size}: of writes that no sync had covered a"
        " power cut kept some, but not those before them; kept in data/topic-0/ as"
        " 00000000000000000000.log.torn"
    )
