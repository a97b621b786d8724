"""Group commit: what is answered and seen before, during and after a sync."""

from __future__ import annotations

import errno

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from pykbroker.errors import ErrorCode, KafkaError
from pykbroker.metadata.values import PartitionImage
from pykbroker.wire.records import build_batch
from tests.replication.held_syncs import (
    EIO,
    NOW_MS,
    Site,
    Waiting,
    a_batch,
    append,
    running,
    seen,
)


async def test_nothing_is_committed_or_seen_before_a_sync_covers_it(nursery: trio.Nursery) -> None:
    site = Site()
    async with running(site):
        leader, waiting = site.leader(), Waiting(nursery)
        await append(leader)
        await waiting.begin(leader)
        before = seen(leader), list(waiting.outcomes)
        size = leader.partition_log.size_bytes

        await site.end_one()

    assert before == ((0, 0), [])
    assert seen(leader) == (1, size)
    assert waiting.outcomes == [(1, ErrorCode.NONE)]


async def test_appends_during_a_sync_join_exactly_one_next_round(nursery: trio.Nursery) -> None:
    site = Site()
    async with running(site):
        leader, waiting = site.leader(), Waiting(nursery)
        for _ in range(4):
            await append(leader)
            await waiting.begin(leader)
        under_way = len(site.threads.held), site.flusher.rounds

        await site.end_one()
        after_one = list(waiting.outcomes), len(site.threads.held), site.flusher.rounds
        await site.end_one()

    assert under_way == (1, 1)
    assert after_one == ([(1, ErrorCode.NONE)], 1, 2)
    assert sorted(waiting.outcomes[1:]) == [(end, ErrorCode.NONE) for end in (2, 3, 4)]
    assert (site.threads.held, site.flusher.rounds) == ([], 2)


async def test_appends_that_are_there_together_share_a_round() -> None:
    site = Site()
    async with running(site):
        leader = site.leader()
        for _ in range(3):
            leader.append(memoryview(a_batch()), acks_all=True, now_ms=NOW_MS)
        await wait_all_tasks_blocked()

        await site.end_one()

    assert (leader.high_watermark, site.flusher.rounds) == (3, 1)


async def test_who_was_alone_waits_for_nobody_to_join() -> None:
    site = Site()
    async with running(site):
        leader = site.leader()
        await append(leader)
        await site.end_one()

        leader.append(memoryview(a_batch()), acks_all=True, now_ms=NOW_MS)

        assert site.flusher.rounds == 2


async def test_partitions_of_a_round_are_committed_one_by_one_and_the_next_waits_for_all(
    nursery: trio.Nursery,
) -> None:
    site = Site()
    async with running(site):
        first, second = site.leader(0), site.leader(1)
        batch = build_batch([(NOW_MS, b"k", b"v", ())])
        for leader in (first, second):
            leader.append(memoryview(bytearray(batch)), acks_all=True, now_ms=NOW_MS)
        await wait_all_tasks_blocked()
        await append(first)

        await site.end_one()
        one = first.high_watermark, second.high_watermark, len(site.threads.held)
        await site.end_one()
        both = first.high_watermark, second.high_watermark, len(site.threads.held)

    assert one == (1, 0, 1)
    assert both == (1, 1, 1)
    assert site.flusher.rounds == 2


async def test_acks_1_waits_for_no_sync_yet_has_one_made() -> None:
    site = Site()
    async with running(site):
        leader = site.leader()

        await append(leader, acks_all=False)

        assert not leader.must_flush(1)
        assert len(site.threads.held) == 1


async def test_after_a_failed_sync_nothing_is_acknowledged_and_reads_go_on(
    nursery: trio.Nursery,
) -> None:
    site = Site()
    async with running(site):
        leader, other, waiting = site.leader(0), site.leader(1), Waiting(nursery)
        await append(leader)
        await site.end_one()
        await append(leader)
        await waiting.begin(leader)
        await append(leader)
        await waiting.begin(leader)
        before = seen(leader)

        await site.end_one(EIO)

        assert sorted(waiting.outcomes) == [(end, ErrorCode.KAFKA_STORAGE_ERROR) for end in (2, 3)]
        assert (seen(leader), before[0], site.threads.held) == (before, 1, [])
        for each in (leader, other):
            with pytest.raises(KafkaError) as refusal:
                await append(each)
            assert refusal.value.code is ErrorCode.KAFKA_STORAGE_ERROR
            assert (each.is_read_only, each.is_offline) == (True, False)
        assert site.directory.failure is EIO


async def test_a_sync_that_succeeds_beside_a_failed_one_acknowledges_nothing(
    nursery: trio.Nursery,
) -> None:
    site = Site()
    async with running(site):
        first, second, waiting = site.leader(0), site.leader(1), Waiting(nursery)
        batch = build_batch([(NOW_MS, b"k", b"v", ())])
        for leader in (first, second):
            leader.append(memoryview(bytearray(batch)), acks_all=True, now_ms=NOW_MS)
        for leader in (first, second):
            await waiting.begin(leader)

        await site.end_one(EIO)
        await site.end_one()

    assert waiting.outcomes == [(1, ErrorCode.KAFKA_STORAGE_ERROR)] * 2
    assert (first.high_watermark, second.high_watermark) == (0, 0)


async def test_the_files_of_a_deleted_topic_may_be_gone_when_they_are_synced(
    nursery: trio.Nursery,
) -> None:
    site = Site()
    async with running(site):
        leader, waiting = site.leader(), Waiting(nursery)
        await append(leader)
        await waiting.begin(leader)
        leader.retire(KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION))

        await site.end_one(FileNotFoundError(2, "No such file or directory"))

    assert waiting.outcomes == [(1, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)]
    assert site.directory.failure is None


async def test_a_retired_leader_is_in_no_later_round_and_the_one_under_way_is_waited_for(
    nursery: trio.Nursery,
) -> None:
    site = Site()
    over = trio.Event()

    async def wait() -> None:
        await site.flusher.round_over()
        over.set()

    async with running(site):
        leader, other = site.leader(0), site.leader(1)
        await append(leader)
        await append(leader)
        await append(other)
        leader.retire(KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION))
        nursery.start_soon(wait)
        await wait_all_tasks_blocked()
        before = over.is_set()

        await site.end_one()

        assert (before, over.is_set()) == (False, True)
        assert len(site.threads.held) == 1
        await site.end_one()
        assert (leader.partition_log.recovery_point, other.high_watermark) == (1, 1)


async def test_flush_messages_make_everybody_wait_in_the_mode_of_kafka(
    nursery: trio.Nursery,
) -> None:
    site = Site(before_ack=False)
    async with running(site):
        leader, waiting = site.leader(flush_messages=2), Waiting(nursery)
        await append(leader, acks_all=False)
        one = leader.must_flush(1), leader.high_watermark, len(site.threads.held)

        await append(leader, acks_all=False)
        two = leader.must_flush(2), leader.high_watermark, len(site.threads.held)
        await waiting.begin(leader, durable=True)
        await waiting.begin(leader)
        before = list(waiting.outcomes)
        await site.end_one()

    assert one == (False, 1, 0)
    assert two == (True, 1, 1)
    assert before == []
    assert waiting.outcomes == [(2, ErrorCode.NONE)] * 2
    assert leader.high_watermark == 2


async def test_records_are_synced_when_the_oldest_is_flush_ms_old(
    autojump_clock: MockClock,
) -> None:
    del autojump_clock
    site = Site(before_ack=False)
    async with running(site):
        leader = site.leader(flush_ms=1_000)
        await append(leader)
        assert leader.high_watermark == 1
        await trio.sleep(0.9)
        await append(leader)
        before = len(site.threads.held)

        await trio.sleep(0.2)

        assert (before, len(site.threads.held)) == (0, 1)
        site.threads.end_one()
        assert leader.partition_log.recovery_point == 2
        await trio.sleep(5)
        assert site.flusher.rounds == 1


async def test_what_was_synced_for_another_reason_is_not_due_any_more(
    autojump_clock: MockClock,
) -> None:
    del autojump_clock
    site = Site(before_ack=False)
    async with running(site):
        leader = site.leader(flush_ms=1_000, flush_messages=2)
        for _ in range(2):
            await append(leader)
        site.threads.end_one()

        await trio.sleep(5)

        assert (site.flusher.rounds, leader.high_watermark) == (1, 2)


async def test_logs_due_at_once_end_no_flusher_of_a_directory_that_failed_elsewhere(
    autojump_clock: MockClock,
) -> None:
    del autojump_clock
    site = Site(before_ack=False)
    async with running(site):
        leaders = [site.leader(index, flush_ms=1_000) for index in (0, 1)]
        await append(leaders[0])
        await trio.sleep(2)
        await site.end_one()
        for leader in leaders:
            await append(leader)
        site.directory.fail(EIO)

        await trio.sleep(5)

    assert (site.flusher.rounds, site.threads.held) == (1, [])


async def test_a_rolled_log_has_its_recovery_point_stored_once_it_is_durable() -> None:
    site = Site()
    async with running(site):
        leader = site.leader(segment_bytes=100)
        await append(leader)
        await site.end_one()
        await append(leader)
        await site.end_one()
        assert len(leader.partition_log.segments) == 2

        await site.end_one()

    text = site.fs.read_bytes("data/recovery-point-offset-checkpoint")
    assert text == b"0\n1\nt 0 2\n"


async def test_a_recovery_point_that_cannot_be_stored_fails_a_directory_that_is_not_full() -> None:
    site = Site()
    async with running(site):
        leader = site.leader(segment_bytes=100)
        await append(leader)
        await site.end_one()
        for failure in (OSError(errno.ENOSPC, "No space left on device"), EIO):
            assert site.directory.failure is None
            await append(leader)
            await site.end_one()
            await site.end_one(failure)

    assert site.directory.failure is EIO


async def test_what_is_noted_before_the_flusher_runs_is_synced_when_it_does() -> None:
    site = Site()
    leader = site.leader()
    await append(leader)
    before = len(site.threads.held)

    async with running(site):
        await wait_all_tasks_blocked()
        assert (before, len(site.threads.held)) == (0, 1)


async def test_a_log_that_is_led_anew_still_shows_only_what_is_durable() -> None:
    site = Site()
    async with running(site):
        leader = site.leader()
        await append(leader)

        leader.lead(PartitionImage(0, replicas=(1,), leader=1, isr=(1,), leader_epoch=3))

        assert leader.high_watermark == 0
        await site.end_one()
        assert leader.high_watermark == 1
