"""Producers and a reader by librdkafka, whose every record is in a ledger.

A delivery report without an error is an acknowledgement; one with an error tells nothing: the
record may be there or not.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from tests.crash.reading import Kept
from tests.crash.values import VALUE_BYTES_MIN, Mint, claimed_source, source_of

_CODECS = ("none", "none", "lz4", "zstd", "snappy", "gzip")
_QUEUED_MAX = 3_000
_READ_SECONDS = 20
_RETRY = {
    "reconnect.backoff.ms": 10,
    "reconnect.backoff.max.ms": 100,
    "retry.backoff.ms": 20,
    "retry.backoff.max.ms": 100,
    "message.timeout.ms": 900_000,
    "topic.metadata.refresh.interval.ms": 1_000,
    "log.connection.close": False,
}
_QUIET = {"error_cb": lambda _: None, "log_level": 0}


@dataclass
class Sender:
    """One producer; it outlives the broker's crashes and sends again what was not answered."""

    number: int
    servers: str
    partitions: Sequence[Kept]
    mint: Mint
    random: Random
    is_idempotent: bool
    value_bytes_max: int = 1_000
    unsure: Counter[str] = field(default_factory=Counter)
    """Delivery reports with an error, by its name."""
    fatal: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._places = {(kept.topic, kept.partition): kept for kept in self.partitions}
        # Without idempotence only one request in flight keeps the order (and repeats stay in it).
        alone: dict[str, Any] = {} if self.is_idempotent else {"max.in.flight": 1}
        self._producer = Producer(
            {
                "bootstrap.servers": self.servers,
                "enable.idempotence": self.is_idempotent,
                "acks": "all",
                "linger.ms": self.random.choice((0, 1, 5)),
                "compression.type": self.random.choice(_CODECS),
                "queue.buffering.max.messages": 2 * _QUEUED_MAX,
                "batch.num.messages": self.random.choice((1, 20, 500)),
                **alone,
                **_RETRY,
                **_QUIET,
            }
        )

    def send(self, count: int) -> None:
        """Send some records unless too many wait already; take what was reported."""
        self._producer.poll(0)
        if len(self._producer) > _QUEUED_MAX:
            return
        for _ in range(count):
            kept = self.random.choice(self.partitions)
            source = source_of(self.number, kept.ledger.next_sequence(self.number))
            padding = self.random.randbytes(
                self.random.randrange(self.value_bytes_max - VALUE_BYTES_MIN)
            )
            self._producer.produce(
                kept.topic,
                key=kept.ledger.key_of(source),
                value=self.mint.make(kept.topic, kept.partition, source, padding),
                partition=kept.partition,
                on_delivery=self._reported,
            )

    def _reported(self, error: KafkaError | None, message: Any) -> None:
        if error is not None:
            self.unsure[error.name()] += 1
            if error.fatal():
                self.fatal.append(str(error))
            return
        ledger = self._places[message.topic(), message.partition()].ledger
        ledger.acknowledge(claimed_source(message.value()), message.offset())

    def flush(self, seconds: float) -> int:
        """Wait for all reports; return how many are missing."""
        return int(self._producer.flush(seconds))


def read_all_by_consumer(servers: str, partitions: Iterable[Kept], mint: Mint) -> None:
    """Read every partition from its start to its end, by librdkafka's own parser."""
    consumer = Consumer(
        {
            "bootstrap.servers": servers,
            "group.id": "none",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "check.crcs": True,
            **_QUIET,
        }
    )
    try:
        for kept in partitions:
            _read(consumer, kept, mint)
    finally:
        consumer.close()


def _read(consumer: Any, kept: Kept, mint: Mint) -> None:
    place = TopicPartition(kept.topic, kept.partition)
    start, end = consumer.get_watermark_offsets(place, timeout=_READ_SECONDS)
    reading = kept.ledger.reading(start)
    consumer.assign([TopicPartition(kept.topic, kept.partition, start)])
    at_end, deadline = False, time.monotonic() + _READ_SECONDS
    while not at_end:
        messages = consumer.consume(1_000, timeout=0.1)
        if messages:
            deadline = time.monotonic() + _READ_SECONDS
        elif time.monotonic() > deadline:
            raise TimeoutError(f"{kept.ledger.name} gives no more records, nor its end")
        for message in messages:
            error = message.error()
            if error is None:
                source = mint.source(kept.topic, kept.partition, message.value())
                reading.record(message.offset(), source, message.key())
            elif error.code() == KafkaError._PARTITION_EOF:
                at_end = True
            else:
                raise KafkaException(error)
    reading.end(end)
