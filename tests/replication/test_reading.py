"""Reading partitions when there is enough, on real logs in memory and a clock that jumps."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from pykbroker.errors import ErrorCode, KafkaError
from pykbroker.metadata.values import PartitionImage
from pykbroker.replication.fetch_sessions import Wanted
from pykbroker.replication.partition import PartitionLeader
from pykbroker.replication.reading import Limits, Reading, read_when_enough
from pykbroker.storage.log import Log
from pykbroker.storage.log_config import LogConfig
from pykbroker.storage.memory_fs import MemoryFileSystem
from pykbroker.wire.records import build_batch

NOW_MS = 1_700_000_000_000


def a_leader(topic: str = "words") -> PartitionLeader:
    fs = MemoryFileSystem()
    fs.mkdirs("data")
    log = Log.open(
        fs,
        f"data/{topic}-0",
        topic=topic,
        partition=0,
        topic_id=bytes(16),
        config=LogConfig(),
        clean=True,
        now_ms=NOW_MS,
    )
    image = PartitionImage(index=0, replicas=(1,), leader=1, isr=(1,), isr_epochs=(7,))
    return PartitionLeader(log, image, node_id=1)


def append(leader: PartitionLeader, value: bytes = b"value") -> int:
    """Append a record and give the size of its batch."""
    batch = bytearray(build_batch([(NOW_MS, b"key", value, ())]))
    leader.append(memoryview(batch), acks_all=True, now_ms=NOW_MS)
    return len(batch)


def a_reading(leader: PartitionLeader, offset: int = 0) -> Reading:
    return Reading(("words", 0), "words", Wanted(offset, 1_000_000), leader=leader)


def limits(min_bytes: int = 1, max_wait_ms: int = 60_000, max_bytes: int = 1_000_000) -> Limits:
    return Limits(min_bytes, max_bytes, max_wait_ms, committed_only=False)


def found(reading: Reading) -> int:
    assert reading.found is not None
    return 0 if reading.found.records is None else len(reading.found.records)


async def test_nothing_to_come_is_answered_when_the_time_is_over(
    autojump_clock: MockClock,
) -> None:
    del autojump_clock
    reading = a_reading(a_leader())
    began = trio.current_time()

    await read_when_enough([reading], limits(max_wait_ms=500))

    assert trio.current_time() - began == 0.5
    assert found(reading) == 0


async def test_a_wait_ends_when_enough_has_come_and_not_before(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    del autojump_clock
    leader = a_leader()
    reading = a_reading(leader)
    done = trio.Event()

    async def read() -> None:
        await read_when_enough([reading], limits(min_bytes=150))
        done.set()

    nursery.start_soon(read)
    await wait_all_tasks_blocked()
    size = append(leader)
    await trio.sleep(1)
    assert not done.is_set()
    append(leader)
    with trio.fail_after(1):
        await done.wait()

    assert found(reading) == 2 * size


async def test_a_refused_partition_ends_the_wait_of_all(autojump_clock: MockClock) -> None:
    del autojump_clock
    refused, waiting = a_reading(a_leader(), offset=5), a_reading(a_leader())

    await read_when_enough([waiting, refused], limits())

    assert refused.refusal is not None
    assert refused.refusal.code is ErrorCode.OFFSET_OUT_OF_RANGE
    assert found(waiting) == 0


async def test_a_retired_leader_ends_the_wait(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    del autojump_clock
    leader = a_leader()
    reading = a_reading(leader)
    nursery.start_soon(read_when_enough, [reading], limits())
    await wait_all_tasks_blocked()

    leader.retire(KafkaError(ErrorCode.NOT_LEADER_OR_FOLLOWER))
    await wait_all_tasks_blocked()

    assert reading.refusal is not None
    assert reading.refusal.code is ErrorCode.NOT_LEADER_OR_FOLLOWER


async def test_a_stopping_broker_waits_for_no_more_records(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    del autojump_clock
    leader = a_leader()
    size = append(leader)
    reading = a_reading(leader)
    nursery.start_soon(read_when_enough, [reading], limits(min_bytes=10_000))
    await wait_all_tasks_blocked()

    leader.drain()
    await wait_all_tasks_blocked()

    assert found(reading) == size


async def test_a_cancelled_wait_leaves_nothing_behind(nursery: trio.Nursery) -> None:
    leader = a_leader()
    with trio.CancelScope() as scope:
        nursery.start_soon(trio.lowlevel.checkpoint)
        scope.cancel()
        await read_when_enough([a_reading(leader)], limits())

    append(leader)  # wakes nobody

    assert leader.high_watermark == 1


async def test_a_disk_that_fails_takes_the_partition_offline() -> None:
    leader = a_leader()
    reading = a_reading(leader)
    failure = leader.fail(OSError(5, "Input/output error"))

    await read_when_enough([reading], limits())

    assert failure.code is ErrorCode.KAFKA_STORAGE_ERROR
    assert leader.is_offline
    assert reading.refusal is not None
    assert reading.refusal.code is ErrorCode.KAFKA_STORAGE_ERROR


async def test_a_disk_that_fails_while_it_reads_is_told_of_that_partition_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broken, whole = a_leader("broken"), a_leader()
    append(broken)
    size = append(whole)

    def refuse(*_: object, **__: object) -> None:
        raise OSError(5, "Input/output error")

    readings = [a_reading(broken), a_reading(whole)]
    read = Log.read
    monkeypatch.setattr(
        Log,
        "read",
        lambda log, *at, **limits: (refuse if log.topic == "broken" else read)(log, *at, **limits),
    )
    await read_when_enough(readings, limits())

    refusals = [reading.refusal and reading.refusal.code for reading in readings]
    assert refusals == [ErrorCode.KAFKA_STORAGE_ERROR, None]
    assert found(readings[1]) == size


async def test_a_log_that_parted_is_told_where_and_nothing_is_read(
    autojump_clock: MockClock,
) -> None:
    del autojump_clock
    leader = a_leader()
    append(leader)
    leader.lead(PartitionImage(0, replicas=(1,), leader=1, isr=(1,), leader_epoch=4))
    append(leader)
    parted = Reading(("words", 0), "words", Wanted(2, 1_000, last_fetched_epoch=3), leader=leader)
    same = Reading(("words", 0), "words", Wanted(1, 1_000, last_fetched_epoch=0), leader=leader)

    await read_when_enough([parted], limits())
    await read_when_enough([same], limits())

    assert (parted.diverging, parted.found, parted.refusal) == ((0, 1), None, None)
    assert same.diverging is None
    assert found(same) > 0


async def test_a_partition_refused_before_is_left_alone(autojump_clock: MockClock) -> None:
    del autojump_clock
    refusal = KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
    unknown = Reading(("no", 0), "no", Wanted(0, 1_000), refusal=refusal)
    leader = a_leader()
    size = append(leader)
    known = a_reading(leader)

    await read_when_enough([unknown, known], limits(min_bytes=10_000))

    assert (unknown.found, unknown.refusal) == (None, refusal)
    assert found(known) == size


async def test_only_the_first_partition_with_records_exceeds_the_limit() -> None:
    leaders = [a_leader(name) for name in "abc"]
    sizes = [append(leader) for leader in leaders[1:]]
    readings = [a_reading(leader) for leader in leaders]

    await read_when_enough(readings, limits(max_bytes=1))
    first = [found(reading) for reading in readings]
    await read_when_enough(readings, limits(max_bytes=sum(sizes)))

    assert first == [0, sizes[0], 0]
    assert [found(reading) for reading in readings] == [0, *sizes]
