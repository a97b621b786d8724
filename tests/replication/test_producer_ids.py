"""Producer ids out of blocks, with an allocation that does what a test says."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator

import pytest
import trio

from pykbroker.errors import ErrorCode, KafkaError
from pykbroker.replication.producer_ids import ProducerIds


def blocks(*given: range | KafkaError) -> Callable[[], Awaitable[range]]:
    """Allocate the blocks given, one after the other, each taking a moment."""
    left: Iterator[range | KafkaError] = iter(given)

    async def allocate() -> range:
        await trio.lowlevel.checkpoint()
        block = next(left)
        if isinstance(block, KafkaError):
            raise block
        return block

    return allocate


async def test_ids_are_drawn_in_order_from_one_block_after_the_other() -> None:
    ids = ProducerIds(blocks(range(3), range(10, 12)))

    assert [await ids.next_id() for _ in range(5)] == [0, 1, 2, 10, 11]


async def test_many_who_ask_at_once_share_a_block_and_get_no_id_twice() -> None:
    ids = ProducerIds(blocks(range(3), range(10, 13)))
    given: list[int] = []

    async def ask() -> None:
        given.append(await ids.next_id())

    async with trio.open_nursery() as nursery:
        for _ in range(6):
            nursery.start_soon(ask)

    assert sorted(given) == [0, 1, 2, 10, 11, 12]


async def test_an_empty_block_is_followed_by_another() -> None:
    ids = ProducerIds(blocks(range(0), range(7, 8)))

    assert await ids.next_id() == 7


async def test_a_refused_block_is_told_and_the_next_asker_tries_again() -> None:
    ids = ProducerIds(blocks(KafkaError(ErrorCode.COORDINATOR_NOT_AVAILABLE), range(5, 6)))

    with pytest.raises(KafkaError) as refused:
        await ids.next_id()

    assert refused.value.code is ErrorCode.COORDINATOR_NOT_AVAILABLE
    assert await ids.next_id() == 5


async def test_an_asker_that_goes_away_takes_nobody_elses_id() -> None:
    ids = ProducerIds(blocks(range(2), range(2, 4)))

    with trio.CancelScope() as scope:
        scope.cancel()
        await ids.next_id()

    assert scope.cancelled_caught
    assert len({await ids.next_id() for _ in range(2)}) == 2
