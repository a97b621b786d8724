"""How brokers draw producer ids (T9): blocks, never given twice, lost when their broker dies."""

from __future__ import annotations

from pykbroker.errors import ErrorCode, KafkaError
from pykbroker.metadata.commits import ATTEMPTS_MAX, Commits
from pykbroker.metadata.keys import encode
from pykbroker.metadata.store import ModRev, Put, Unknown

PRODUCER_IDS_PER_BLOCK = 1000
"""Kafka's ProducerIdsBlock."""


async def allocate_producer_ids(commits: Commits) -> range:
    """Take the next block of producer ids for this broker alone.

    A block whose transaction has an unknown outcome is thrown away: another broker's success looks
    the same. Raises REQUEST_TIMED_OUT when the store gives none in several attempts.
    """
    key = commits.keys.producer_ids
    for _ in range(ATTEMPTS_MAX):
        first, seen = commits.image.next_producer_id, commits.image.producer_ids_revision
        block = range(first, first + PRODUCER_IDS_PER_BLOCK)
        try:
            result = await commits.txn(
                [ModRev(key, seen)], [Put(key, encode({"next": block.stop}))]
            )
        except Unknown:
            snapshot = await commits.store.load(key)
            await commits.feed.image_at(
                max((kv.mod_rev for kv in snapshot.kvs.values()), default=0)
            )
            continue
        await commits.catch_up(result)
        if result.ok:
            return block
    raise KafkaError(ErrorCode.REQUEST_TIMED_OUT, "no producer ids could be had")
