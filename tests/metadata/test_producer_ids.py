"""Producer ids are drawn in blocks and never given twice."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from pykbroker.errors import KafkaError
from pykbroker.metadata.memory_store import MemoryStore
from tests.metadata.brokers import LossyStore, a_broker, joined


async def test_blocks_follow_each_other(nursery: trio.Nursery) -> None:
    metadata = await joined(nursery, MemoryStore())

    assert await metadata.allocate_producer_ids() == range(1000)
    assert await metadata.allocate_producer_ids() == range(1000, 2000)
    nursery.cancel_scope.cancel()


async def test_brokers_that_draw_at_once_get_different_blocks(nursery: trio.Nursery) -> None:
    store = MemoryStore()
    brokers = [await joined(nursery, store, a_broker(i)) for i in range(1, 5)]
    blocks: list[range] = []

    async def draw(index: int) -> None:
        blocks.append(await brokers[index].allocate_producer_ids())

    async with trio.open_nursery() as all_at_once:
        for index in range(4):
            all_at_once.start_soon(draw, index)

    assert sorted(block.start for block in blocks) == [0, 1000, 2000, 3000]
    nursery.cancel_scope.cancel()


@pytest.mark.parametrize(
    ("lost", "block"), [("requests_lost", range(1000)), ("replies_lost", range(1000, 2000))]
)
async def test_a_block_of_unknown_outcome_is_thrown_away(
    nursery: trio.Nursery, lost: str, block: range
) -> None:
    store = LossyStore()
    metadata = await joined(nursery, store)
    setattr(store, lost, 1)

    assert await metadata.allocate_producer_ids() == block
    nursery.cancel_scope.cancel()


async def test_a_store_that_never_answers_is_not_asked_for_ever(
    nursery: trio.Nursery,
    autojump_clock: MockClock,
) -> None:
    store = LossyStore()
    metadata = await joined(nursery, store)
    store.requests_lost = 100

    with pytest.raises(KafkaError, match="REQUEST_TIMED_OUT"):
        await metadata.allocate_producer_ids()
    nursery.cancel_scope.cancel()
