"""aiokafka."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import aiokafka
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.structs import TopicPartition

from interop.text import PARTITIONS, TextRecord


class Aiokafka:
    """aiokafka."""

    name = "aiokafka"
    sets_timestamps = True

    def version(self) -> str:
        return str(aiokafka.__version__)

    def create_topic(self, servers: str, topic: str, partitions: int) -> None:
        async def create() -> None:
            admin = AIOKafkaAdminClient(bootstrap_servers=servers)
            await admin.start()
            await admin.create_topics([NewTopic(topic, partitions, 1)])
            await admin.close()

        asyncio.run(create())

    def produce(self, servers: str, topic: str, codec: str, records: Sequence[TextRecord]) -> None:
        async def send_all() -> None:
            producer = AIOKafkaProducer(
                bootstrap_servers=servers,
                compression_type=None if codec == "none" else codec,
                enable_idempotence=True,
                linger_ms=5,
                max_batch_size=65_536,
            )
            await producer.start()
            waiting = [
                await producer.send(
                    topic,
                    key=record.key,
                    value=record.value,
                    headers=list(record.headers),
                    timestamp_ms=record.timestamp_ms,
                    partition=number % PARTITIONS,
                )
                for number, record in enumerate(records)
            ]
            await asyncio.gather(*waiting)
            await producer.stop()

        asyncio.run(send_all())

    def read(
        self, servers: str, topic: str, partition: int, offset: int, count: int
    ) -> list[TextRecord]:
        async def read_all() -> list[TextRecord]:
            consumer = AIOKafkaConsumer(bootstrap_servers=servers)
            await consumer.start()
            place = TopicPartition(topic, partition)
            consumer.assign([place])
            consumer.seek(place, offset)
            found: list[TextRecord] = []
            while len(found) < count:
                batches = await consumer.getmany(timeout_ms=10_000, max_records=count - len(found))
                if not batches:
                    break
                for message in batches[place]:
                    assert message.offset == offset + len(found)
                    found.append(
                        TextRecord(
                            message.key, message.value, tuple(message.headers), message.timestamp
                        )
                    )
            await consumer.stop()
            return found

        return asyncio.run(read_all())

    def offset_at(self, servers: str, topic: str, partition: int, timestamp_ms: int) -> int:
        async def look_up() -> int:
            consumer = AIOKafkaConsumer(bootstrap_servers=servers)
            await consumer.start()
            place = TopicPartition(topic, partition)
            found = (await consumer.offsets_for_times({place: timestamp_ms}))[place]
            await consumer.stop()
            return int(found.offset)

        return asyncio.run(look_up())
