"""One partition at its leader, over a log in memory."""

from __future__ import annotations

import errno
import logging
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from pykbroker.errors import ErrorCode, KafkaError
from pykbroker.metadata.values import PartitionImage
from pykbroker.replication.partition import HIGH_WATERMARK, PartitionLeader
from pykbroker.replication.waiter import Waiter
from pykbroker.storage.leader_epochs import EpochEntry
from pykbroker.storage.log import Log
from pykbroker.storage.log_config import LogConfig
from pykbroker.storage.log_directory import LogDirectory
from pykbroker.storage.memory_fs import MemoryFile, MemoryFileSystem
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


def an_image(*in_sync_replicas: int, leader_epoch: int = 0) -> PartitionImage:
    """Led by broker 1, on brokers 1 and 2."""
    return PartitionImage(
        0, replicas=(1, 2), leader=1, isr=in_sync_replicas, leader_epoch=leader_epoch
    )


def alone(**config: Any) -> PartitionLeader:
    """A leader without followers."""
    log = a_directory(MemoryFileSystem()).log("t", 0, TOPIC_ID, LogConfig(**config), NOW_MS)
    return PartitionLeader(log, an_image(1), node_id=1)


def refused(ask: Callable[..., object], *given: object) -> ErrorCode:
    with pytest.raises(KafkaError) as refusal:
        ask(*given)
    return refusal.value.code


def read(leader: PartitionLeader, offset: int = 0) -> bytes:
    found = leader.read(offset, max_bytes=1_000, committed_only=False, at_least_one=True)
    return b"" if found.records is None else bytes(found.records.read())


def test_without_followers_everything_is_committed_at_once() -> None:
    leader = alone()
    append(leader)
    append(leader)

    found = leader.read(1, max_bytes=1_000, committed_only=True, at_least_one=True)

    assert found.records is not None
    offsets = found.high_watermark, found.last_stable_offset, found.log_start_offset
    assert offsets == (2, 2, 0)
    assert leader.is_committed(2)
    assert not leader.is_committed(3)


def test_acks_all_wants_enough_replicas_in_sync_and_other_acks_do_not() -> None:
    leader = alone(min_insync_replicas=2)
    batch = memoryview(bytearray(build_batch([(NOW_MS, b"k", b"v", ())])))

    code = refused(lambda: leader.append(batch, acks_all=True, now_ms=NOW_MS))
    leader.append(batch, acks_all=False, now_ms=NOW_MS)

    assert code is ErrorCode.NOT_ENOUGH_REPLICAS
    assert leader.end_offset == 1


async def test_what_a_follower_has_not_is_committed_when_it_falls_out(
    nursery: trio.Nursery,
) -> None:
    log = a_directory(MemoryFileSystem()).log("t", 0, TOPIC_ID, LogConfig(), NOW_MS)
    leader = PartitionLeader(log, an_image(1, 2), node_id=1)
    append(leader)
    committed = []

    async def wait() -> None:
        await leader.wait_committed(1)
        committed.append(leader.high_watermark)

    nursery.start_soon(wait)
    await wait_all_tasks_blocked()
    before = leader.high_watermark, read(leader), list(committed)

    leader.lead(an_image(1))
    leader.wake_all()
    await wait_all_tasks_blocked()

    assert before == (0, b"", [])
    assert committed == [1]


def test_what_was_committed_stays_so_when_a_follower_joins() -> None:
    log = a_directory(MemoryFileSystem()).log("t", 0, TOPIC_ID, LogConfig(), NOW_MS)
    leader = PartitionLeader(log, an_image(1), node_id=1)
    append(leader)

    leader.lead(an_image(1, 2))
    append(leader)

    assert (leader.high_watermark, leader.end_offset) == (1, 2)


class CountingWaiter(Waiter):
    """Counts how often it is woken."""

    woken = 0

    def wake(self) -> None:
        self.woken += 1


def test_whoever_waits_is_woken_by_what_changes_the_partition() -> None:
    leader, waiter = alone(), CountingWaiter()
    leader.watch(waiter)
    append(leader)
    leader.raise_log_start(1)
    leader.drain()
    leader.retire(KafkaError(ErrorCode.NOT_LEADER_OR_FOLLOWER))
    leader.fail(OSError(5, "Input/output error"))
    leader.unwatch(waiter)
    leader.wake_all()

    assert waiter.woken == 5
    leader.unwatch(waiter)  # once more does no harm


@pytest.mark.parametrize(
    ("current_leader_epoch", "code"),
    [
        (-1, None),
        (4, None),
        (3, ErrorCode.FENCED_LEADER_EPOCH),
        (5, ErrorCode.UNKNOWN_LEADER_EPOCH),
    ],
)
def test_an_asker_with_another_view_of_the_leader_is_refused(
    current_leader_epoch: int, code: ErrorCode | None
) -> None:
    leader = alone()
    leader.lead(an_image(1, leader_epoch=4))

    if code is None:
        leader.check_epoch(current_leader_epoch)
    else:
        assert refused(lambda: leader.check_epoch(current_leader_epoch)) is code


def test_a_log_that_parted_from_ours_is_told_where() -> None:
    leader = alone()
    append(leader)
    leader.lead(an_image(1, leader_epoch=3))
    append(leader)
    append(leader)

    assert leader.end_offset_for_epoch(0) == (0, 1)
    assert leader.end_offset_for_epoch(3) == (3, 3)
    assert leader.end_offset_for_epoch(7) == (-1, -1)
    assert leader.diverging_epoch(0, 1) is None
    assert leader.diverging_epoch(3, 3) is None
    assert leader.diverging_epoch(0, 2) == (0, 1)  # had more of epoch 0 than we
    assert leader.diverging_epoch(2, 2) == (0, 1)  # had an epoch we never saw
    assert refused(lambda: leader.diverging_epoch(7, 3)) is ErrorCode.OFFSET_OUT_OF_RANGE


def test_bytes_are_counted_to_the_readable_end() -> None:
    leader = alone()
    append(leader)
    size = leader.bytes_after(0, committed_only=False)
    append(leader)
    leader.raise_log_start(1)

    assert size == leader.bytes_after(1, committed_only=True) == len(read(leader, 1))
    assert leader.bytes_after(2, committed_only=False) == 0
    for offset in (0, 3):
        code = refused(partial(leader.bytes_after, offset, committed_only=False))
        assert code is ErrorCode.OFFSET_OUT_OF_RANGE


def test_records_are_deleted_up_to_what_is_committed() -> None:
    leader = alone()
    for _ in range(3):
        append(leader)

    assert leader.raise_log_start(1) == 1
    assert leader.raise_log_start(0) == 1
    assert refused(lambda: leader.raise_log_start(4)) is ErrorCode.OFFSET_OUT_OF_RANGE
    assert refused(lambda: leader.raise_log_start(-2)) is ErrorCode.OFFSET_OUT_OF_RANGE
    assert leader.raise_log_start(HIGH_WATERMARK) == 3
    assert refused(lambda: read(leader, 2)) is ErrorCode.OFFSET_OUT_OF_RANGE


@pytest.mark.parametrize("policy", ["delete", "compact", "compact,delete"])
def test_records_are_deleted_only_where_the_policy_says_so(policy: str) -> None:
    leader = alone(cleanup_policy=frozenset(policy.split(",")))
    append(leader)

    if "delete" in policy:
        assert leader.raise_log_start(HIGH_WATERMARK) == 1
    else:
        code = refused(lambda: leader.raise_log_start(HIGH_WATERMARK))
        assert code is ErrorCode.POLICY_VIOLATION


FAILING: list[tuple[type, str, Callable[[PartitionLeader], object]]] = [
    (MemoryFile, "slice", read),
    (Log, "raise_log_start", lambda leader: leader.raise_log_start(1)),
]


EVERYTHING = [append, *(ask for *_, ask in FAILING)]


@pytest.mark.parametrize(("owner", "operation", "ask"), FAILING)
def test_a_failing_disk_takes_the_partition_offline_for_good(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    owner: type,
    operation: str,
    ask: Callable[[PartitionLeader], object],
) -> None:
    leader = alone()
    append(leader)

    def refuse(*_: object) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr(owner, operation, refuse)
        first = refused(ask, leader)

    assert first is ErrorCode.KAFKA_STORAGE_ERROR
    assert leader.is_offline
    for again in EVERYTHING:
        assert refused(again, leader) is ErrorCode.KAFKA_STORAGE_ERROR
    assert refused(lambda: leader.check_epoch(-1)) is ErrorCode.KAFKA_STORAGE_ERROR
    assert caplog.record_tuples == [
        (
            "pykbroker.replication",
            logging.ERROR,
            (
                "partition offline topic=t partition=0: [Errno 5] Input/output error; mend the"
                " disk and restart the broker"
            ),
        )
    ]


@pytest.mark.parametrize("ask", [append, read])
def test_too_many_open_files_refuse_a_request_and_nothing_more(
    monkeypatch: pytest.MonkeyPatch, ask: Callable[[PartitionLeader], object]
) -> None:
    leader = alone()
    append(leader)

    def refuse(*_: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    with monkeypatch.context() as crowded:
        crowded.setattr(MemoryFile, "slice", refuse)
        crowded.setattr(MemoryFile, "pwrite", refuse)
        assert refused(ask, leader) is ErrorCode.KAFKA_STORAGE_ERROR

    assert [leader.is_offline, leader.end_offset] == [False, 1]
    ask(leader)
    append(leader)


def test_a_retired_leader_refuses_everything_with_why() -> None:
    leader = alone()
    append(leader)

    leader.retire(KafkaError(ErrorCode.NOT_LEADER_OR_FOLLOWER))

    for ask in EVERYTHING:
        assert refused(ask, leader) is ErrorCode.NOT_LEADER_OR_FOLLOWER
    assert refused(lambda: leader.check_epoch(-1)) is ErrorCode.NOT_LEADER_OR_FOLLOWER
