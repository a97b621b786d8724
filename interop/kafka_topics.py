"""What is written to the logs that brokers exchange, and read back from them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from random import Random
from typing import NamedTuple

from confluent_kafka import Consumer, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from kafka import KafkaProducer

from interop.client import CODECS

FIRST_MS = 1_700_000_000_000
SEGMENT_BYTES = 1 << 20
RECORDS = 3000
VALUE_BYTES = 1200
READ_WITHIN_SECONDS = 60
_SIZES = {"segment.bytes": str(SEGMENT_BYTES), "index.interval.bytes": "4096"}
_COMPACTED = {
    **_SIZES,
    "cleanup.policy": "compact",
    "min.cleanable.dirty.ratio": "0.01",
    "delete.retention.ms": "86400000",
}
PLAIN_TOPICS = {f"plain-{codec}": _SIZES for codec in CODECS}
"""Topics with their configuration; one partition each."""
KAFKA_TOPICS = PLAIN_TOPICS | {
    "transactions": _SIZES,
    "compacted": _COMPACTED,
    "compacted-transactions": _COMPACTED,
}


class Stored(NamedTuple):
    """A record as a consumer gets it."""

    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]


Written = dict[str, list[Stored]]
"""The records of each topic, in order of offsets."""


def create_topics(servers: str, topics: Mapping[str, Mapping[str, str]]) -> None:
    """Create topics of one partition."""
    admin = AdminClient({"bootstrap.servers": servers})
    asked = [NewTopic(name, 1, 1, config=dict(config)) for name, config in topics.items()]
    for future in admin.create_topics(asked).values():
        future.result(30)


def records_of(codec: str, count: int, *, later: int = 0) -> list[Stored]:
    """Make records that differ in all there is: null, empty and long, with and without headers.

    Text without blanks, as that is what Kafka's tool prints unharmed. Offsets are not known yet.
    """
    random = Random(f"{codec} {later}")
    return [
        Stored(
            offset=-1,
            timestamp_ms=FIRST_MS + 7 * (later + number) - number % 5,
            key=(None, b"", b"key-%d" % (number % 40))[min(number % 7, 2)],
            value=None if number % 11 == 5 else _text(random, number % VALUE_BYTES),
            headers=(("h", b"%d" % number), ("null", None), ("h", b""))[: number % 4],
        )
        for number in range(count)
    ]


def _sendable(record: Stored) -> Stored:
    """Leave out what kafka-python does not send: null as a header's value, null key with value."""
    headers = tuple(header for header in record.headers if header[1] is not None)
    key = b"" if record.key is None and record.value is None else record.key
    return record._replace(key=key, headers=headers)


def _text(random: Random, length: int) -> bytes:
    return random.randbytes(length // 2).hex().encode()


def produce_plain(servers: str, count: int, *, later: int = 0) -> Written:
    """Write to every plain topic by both libraries, with and without idempotence."""
    written: Written = {}
    for codec in CODECS:
        topic = f"plain-{codec}"
        records = records_of(codec, count, later=later)
        half = count // 2
        found = _by_confluent(servers, topic, codec, records[:half], idempotent=True)
        sendable = [*map(_sendable, records[half : half + half // 2])]
        found += _by_kafka_python(servers, topic, codec, sendable)
        found += _by_confluent(servers, topic, codec, records[half + half // 2 :], idempotent=False)
        written[topic] = sorted(found)
    return written


def produce_transactions(servers: str, topic: str, *, rounds: int, keys: int) -> None:
    """Write transactions to a topic of Kafka's, each third aborted, with tombstones among them."""
    producer = Producer(
        {
            "bootstrap.servers": servers,
            "transactional.id": topic,
            "compression.type": "zstd",
            "linger.ms": 5,
        }
    )
    producer.init_transactions(30)
    random = Random(topic)
    for number in range(rounds):
        producer.begin_transaction()
        for each in range(40):
            value = None if each % 9 == 4 else _text(random, VALUE_BYTES)
            key = b"key-%d" % (each * 13 % keys)
            producer.produce(topic, value, key, 0, timestamp=FIRST_MS + number)
        producer.flush(30)
        end: Callable[[float], None] = producer.commit_transaction
        if number % 3 == 1:
            end = producer.abort_transaction
        end(30)


def produce_overwritten(servers: str, topic: str, *, keys: int) -> None:
    """Write what later records replace: of a producer's last batch the header must remain."""
    records = [Stored(-1, FIRST_MS, b"key-%d" % key, b"old", ()) for key in range(keys)]
    _by_confluent(servers, topic, "lz4", records, idempotent=True)


def produce_compacted(servers: str, topic: str, count: int) -> None:
    """Write records of 40 keys, each fortieth of them a tombstone."""
    producer = Producer({"bootstrap.servers": servers, "linger.ms": 20, "batch.num.messages": 50})
    for number in range(count):
        value = None if number % 40 == 7 else b"%06d" % number * 150
        producer.produce(topic, value, b"key-%d" % (number % 40), 0)
        if number % 500 == 0:
            producer.flush(30)
    producer.flush(30)


def commit_offsets(servers: str, topic: str) -> None:
    """Join a group and commit, for there to be records in __consumer_offsets."""
    consumer = Consumer(
        {"bootstrap.servers": servers, "group.id": "a-group", "auto.offset.reset": "earliest"}
    )
    consumer.subscribe([topic])
    message = None
    while message is None or message.error():
        message = consumer.poll(10)
    consumer.commit(message=message, asynchronous=False)
    consumer.close()


def read_topics(servers: str, topics: Iterable[str]) -> Written:
    """Read every record of topics, those of aborted transactions too."""
    return {topic: list(_read(servers, topic)) for topic in topics}


def _read(servers: str, topic: str) -> Iterator[Stored]:
    consumer = Consumer(
        {
            "bootstrap.servers": servers,
            "group.id": "none",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "isolation.level": "read_uncommitted",
            "enable.partition.eof": True,
            "check.crcs": True,
        }
    )
    consumer.assign([TopicPartition(topic, 0, 0)])
    deadline = time.monotonic() + READ_WITHIN_SECONDS
    while time.monotonic() < deadline:
        message = consumer.poll(1)
        if message is None:
            continue
        if message.error():
            if message.error().name() == "_PARTITION_EOF":
                consumer.close()
                return
            raise KafkaException(message.error())
        yield _stored(message)
    raise AssertionError(f"{topic} is not read to its end in {READ_WITHIN_SECONDS} s")


def _stored(message: Message) -> Stored:
    return Stored(
        message.offset(),
        message.timestamp()[1],
        message.key(),
        message.value(),
        tuple(message.headers() or ()),
    )


def _by_confluent(
    servers: str, topic: str, codec: str, records: list[Stored], *, idempotent: bool
) -> list[Stored]:
    found: list[Stored] = []

    def delivered(record: Stored) -> Callable[[object, Message], None]:
        def note(error: object, message: Message) -> None:
            assert error is None, error
            found.append(record._replace(offset=message.offset()))

        return note

    producer = Producer(
        {
            "bootstrap.servers": servers,
            "compression.type": codec,
            "enable.idempotence": idempotent,
            "linger.ms": 20,
            "batch.num.messages": 50,
        }
    )
    for record in records:
        producer.produce(
            topic,
            record.value,
            record.key,
            0,
            headers=list(record.headers),
            timestamp=record.timestamp_ms,
            on_delivery=delivered(record),
        )
    assert producer.flush(60) == 0
    return found


def _by_kafka_python(servers: str, topic: str, codec: str, records: list[Stored]) -> list[Stored]:
    producer = KafkaProducer(
        bootstrap_servers=servers,
        acks="all",
        compression_type=None if codec == "none" else codec,
        linger_ms=20,
    )
    futures = [
        producer.send(
            topic,
            record.value,
            record.key,
            list(record.headers),
            0,
            record.timestamp_ms,
        )
        for record in records
    ]
    producer.flush()
    found = [
        record._replace(offset=future.get(30).offset)
        for record, future in zip(records, futures, strict=True)
    ]
    producer.close()
    return found
