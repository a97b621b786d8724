"""confluent-kafka, the Python binding of librdkafka."""

from __future__ import annotations

from collections.abc import Sequence

import confluent_kafka
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from interop.text import PARTITIONS, TextRecord

QUEUE_MESSAGES = 20_000


class Confluent:
    """confluent-kafka."""

    name = "confluent-kafka"
    sets_timestamps = True

    def version(self) -> str:
        return f"{confluent_kafka.__version__} (librdkafka {confluent_kafka.libversion()[0]})"

    def create_topic(self, servers: str, topic: str, partitions: int) -> None:
        admin = AdminClient({"bootstrap.servers": servers})
        admin.create_topics([NewTopic(topic, partitions, 1)])[topic].result(30)

    def produce(self, servers: str, topic: str, codec: str, records: Sequence[TextRecord]) -> None:
        failures: list[KafkaError] = []
        producer = Producer(
            {
                "bootstrap.servers": servers,
                "compression.type": codec,
                "enable.idempotence": True,
                "linger.ms": 5,
            }
        )
        for number, record in enumerate(records):
            producer.produce(
                topic,
                key=record.key,
                value=record.value,
                headers=list(record.headers),
                timestamp=record.timestamp_ms,
                partition=number % PARTITIONS,
                on_delivery=lambda error, _: failures.append(error) if error else None,
            )
            if len(producer) > QUEUE_MESSAGES:
                producer.poll(0.05)
        left = producer.flush(60)
        if failures or left:
            raise RuntimeError(
                f"{left} records not delivered, {len(failures)} failed: {failures[:1]}"
            )

    def read(
        self, servers: str, topic: str, partition: int, offset: int, count: int
    ) -> list[TextRecord]:
        consumer = self._consumer(servers)
        consumer.assign([TopicPartition(topic, partition, offset)])
        found: list[TextRecord] = []
        while len(found) < count:
            messages = consumer.consume(min(count - len(found), 10_000), timeout=10)
            if not messages:
                break
            for message in messages:
                if message.error():
                    raise KafkaException(message.error())
                assert message.offset() == offset + len(found)
                found.append(
                    TextRecord(
                        message.key(),
                        message.value(),
                        tuple(message.headers() or ()),
                        message.timestamp()[1],
                    )
                )
        consumer.close()
        return found

    def offset_at(self, servers: str, topic: str, partition: int, timestamp_ms: int) -> int:
        consumer = self._consumer(servers)
        (found,) = consumer.offsets_for_times([TopicPartition(topic, partition, timestamp_ms)], 10)
        consumer.close()
        return int(found.offset)

    def _consumer(self, servers: str) -> Consumer:
        # The library wants a group's name even where partitions are assigned by hand.
        return Consumer(
            {
                "bootstrap.servers": servers,
                "group.id": "none",
                "enable.auto.commit": False,
                "auto.offset.reset": "error",
            }
        )
