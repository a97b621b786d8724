"""The high watermark follows the slowest in-sync replica."""

from __future__ import annotations

from pykbroker.replication.progress import Progress


def a_progress(*in_sync: int, replicas: tuple[int, ...] = (1, 2, 3)) -> Progress:
    return Progress(replicas=replicas, in_sync_replicas=in_sync, high_watermark=0)


def test_alone_the_watermark_follows_the_log_end() -> None:
    progress = a_progress(1, replicas=(1,))

    assert progress.advance(1, 7)
    assert progress.high_watermark == 7


def test_the_watermark_waits_for_the_slowest_in_sync_replica() -> None:
    progress = a_progress(1, 2)

    assert not progress.advance(1, 9)
    assert progress.advance(2, 4)
    assert progress.high_watermark == 4


def test_a_replica_out_of_sync_moves_nothing_and_holds_nothing_back() -> None:
    progress = a_progress(1)

    assert not progress.advance(3, 0)
    assert progress.advance(1, 5)
    assert progress.high_watermark == 5


def test_the_watermark_never_goes_back() -> None:
    progress = a_progress(1)
    progress.advance(1, 5)

    assert not progress.advance(1, 3)
    assert progress.high_watermark == 5


def test_a_single_replica_is_enough_whatever_the_minimum_says() -> None:
    assert a_progress(1, replicas=(1,)).has_enough_replicas(2)


def test_with_three_replicas_one_in_sync_is_too_few_for_two() -> None:
    assert not a_progress(1).has_enough_replicas(2)
    assert a_progress(1, 2).has_enough_replicas(2)
