"""kafka-python 3."""

from __future__ import annotations

from collections.abc import Sequence

import kafka
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient

from interop.text import PARTITIONS, TextRecord


class KafkaPython:
    """kafka-python."""

    name = "kafka-python"
    sets_timestamps = True

    def version(self) -> str:
        return str(kafka.__version__)

    def create_topic(self, servers: str, topic: str, partitions: int) -> None:
        admin = KafkaAdminClient(bootstrap_servers=servers)
        admin.create_topics({topic: {"num_partitions": partitions, "replication_factor": 1}})
        admin.close()

    def produce(self, servers: str, topic: str, codec: str, records: Sequence[TextRecord]) -> None:
        producer = KafkaProducer(
            bootstrap_servers=servers,
            acks="all",
            compression_type=None if codec == "none" else codec,
            linger_ms=5,
            batch_size=65_536,
        )
        futures = [
            producer.send(
                topic,
                key=record.key,
                value=record.value,
                headers=list(record.headers),
                timestamp_ms=record.timestamp_ms,
                partition=number % PARTITIONS,
            )
            for number, record in enumerate(records)
        ]
        producer.flush()
        for future in futures:
            future.get(timeout=30)
        producer.close()

    def read(
        self, servers: str, topic: str, partition: int, offset: int, count: int
    ) -> list[TextRecord]:
        consumer = KafkaConsumer(bootstrap_servers=servers, consumer_timeout_ms=10_000)
        place = TopicPartition(topic, partition)
        consumer.assign([place])
        consumer.seek(place, offset)
        found = []
        for message in consumer:
            assert message.offset == offset + len(found)
            found.append(
                TextRecord(message.key, message.value, tuple(message.headers), message.timestamp)
            )
            if len(found) == count:
                break
        consumer.close()
        return found

    def offset_at(self, servers: str, topic: str, partition: int, timestamp_ms: int) -> int:
        consumer = KafkaConsumer(bootstrap_servers=servers)
        place = TopicPartition(topic, partition)
        found = consumer.offsets_for_times({place: timestamp_ms})[place]
        consumer.close()
        return int(found.offset)
