"""Groups of the clients that tests may use: kafka-python and aiokafka, as their manuals show."""

from __future__ import annotations

import asyncio
import gc
import warnings
from collections.abc import Iterable, Iterator

import pytest
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener

from pykbroker.testing import Broker

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what the client itself is warned of
    from kafka import KafkaConsumer, KafkaProducer, TopicPartition
    from kafka.structs import OffsetAndMetadata

pytestmark = [
    pytest.mark.filterwarnings(f"ignore::{what}")
    for what in (
        "DeprecationWarning",
        "ResourceWarning",
        "pytest.PytestUnraisableExceptionWarning",
    )
]
"""The clients' own affairs."""

PARTITIONS, RECORDS = 4, 40


@pytest.fixture(autouse=True)
def no_remains() -> Iterator[None]:
    """Let what a client forgot to close be found here, where it is expected."""
    yield
    gc.collect()


@pytest.fixture(scope="module")
def servers() -> Iterator[str]:
    """A broker with a topic of 40 records."""
    with Broker(num_partitions=PARTITIONS) as broker:
        producer = KafkaProducer(bootstrap_servers=broker.bootstrap_servers)
        for number in range(RECORDS):
            producer.send("numbers", b"%d" % number, partition=number % PARTITIONS)
        producer.close()
        yield broker.bootstrap_servers


def a_consumer(servers: str, group: str, **options: object) -> KafkaConsumer:
    return KafkaConsumer(
        "numbers",
        bootstrap_servers=servers,
        group_id=group,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        consumer_timeout_ms=10_000,
        **options,
    )


def read(consumer: KafkaConsumer, count: int) -> set[int]:
    return {int(next(consumer).value) for _ in range(count)}


def test_a_group_goes_on_where_it_committed(servers: str) -> None:
    first = a_consumer(servers, "resumes")
    half = read(first, RECORDS // 2)
    first.commit()
    first.close()

    second = a_consumer(servers, "resumes")
    rest = read(second, RECORDS - len(half))
    second.close()

    assert half | rest == set(range(RECORDS))
    assert not half & rest


def test_what_was_committed_is_told(servers: str) -> None:
    consumer = a_consumer(servers, "tells")
    read(consumer, 1)
    partition = TopicPartition("numbers", 1)
    consumer.commit({partition: OffsetAndMetadata(7, "a note", -1)})

    told = consumer.committed(partition, metadata=True)
    consumer.close()

    assert (told.offset, told.metadata) == (7, "a note")


class Assigned(ConsumerRebalanceListener):  # type: ignore[misc]
    """Notes what its member has, and rings whenever that changes."""

    def __init__(self, changed: asyncio.Condition) -> None:
        self.partitions: set[int] = set()
        self._changed = changed

    async def on_partitions_revoked(self, revoked: object) -> None:
        self.partitions = set()

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        async with self._changed:
            self.partitions = {each.partition for each in assigned}
            self._changed.notify_all()


def test_members_share_the_partitions(servers: str) -> None:
    async def shares() -> list[set[int]]:
        changed = asyncio.Condition()
        assigned = [Assigned(changed), Assigned(changed)]
        members = [
            AIOKafkaConsumer(bootstrap_servers=servers, group_id="shares", heartbeat_interval_ms=20)
            for _ in assigned
        ]
        for member, listener in zip(members, assigned, strict=True):
            member.subscribe(["numbers"], listener=listener)
            await member.start()
        async with changed:
            await changed.wait_for(lambda: all(each.partitions for each in assigned))
        had = [each.partitions for each in assigned]
        for member in members:
            await member.stop()
        return had

    first, second = asyncio.run(asyncio.wait_for(shares(), 20))

    assert first | second == set(range(PARTITIONS))
    assert not first & second
