"""What clients do to a broker that dies under them, and what must be there afterwards.

Each task keeps a model of what the broker acknowledged. The last request may have been carried out
without being answered: whether it was is settled by `settle` after the restart, before `check`.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Protocol

from pykbroker.errors import ErrorCode
from pykbroker.wire.messages.create_topics import CreateTopics
from pykbroker.wire.messages.delete_topics import DeleteTopics
from pykbroker.wire.messages.init_producer_id import InitProducerId
from pykbroker.wire.messages.metadata import Metadata
from pykbroker.wire.records import iterate_records, parse_batch_header
from tests.api.requests import a_batch, create_topic, fetch, produce_raw
from tests.kafka_client import Client

TOPIC = "words"
CODECS = (0, 0, 0, 1, 2, 3, 4)
VALUE_BYTES_MAX = 20_000
CHURNED = ("a", "b", "c", "d")
"""Names that topics are created and deleted under, again and again."""


class Task(Protocol):
    """One client's work."""

    def step(self, client: Client) -> None:
        """Ask the broker for one thing and note what it acknowledged."""

    def settle(self, client: Client) -> None:
        """Find out whether the last thing asked before the crash was done."""

    def check(self, client: Client) -> None:
        """Compare what is there with what was acknowledged."""


def read_values(client: Client, partition: int, offset: int) -> list[tuple[int, bytes]]:
    """Read (offset, value) of every record of a partition from `offset` to its end."""
    values: list[tuple[int, bytes]] = []
    while True:
        answer = fetch(client, {TOPIC: {partition: offset}}, max_wait_ms=0)
        found = answer.responses[0].partitions[0]
        assert found.error_code == 0, found
        if not len(found.records):
            assert offset == found.high_watermark
            return values
        data, position = memoryview(found.records), 0
        while position < len(data):
            header = parse_batch_header(data, position)
            batch = data[position : position + header.size_bytes]
            records = [(r.offset, bytes(r.value or b"")) for r in iterate_records(batch)]
            values += [record for record in records if record[0] >= offset]
            offset, position = header.next_offset, position + header.size_bytes


@dataclass
class Producer:
    """Writes batches to one partition with acks=all; idempotent when it has a producer id."""

    partition: int
    random: Random
    is_idempotent: bool = False
    acknowledged: list[bytes] = field(default_factory=list)
    """Values by offset."""
    in_flight: list[bytes] = field(default_factory=list)
    resent: int = 0
    found_in_log: int = 0
    _checked: int = 0
    _producer: dict[str, int] = field(default_factory=dict)

    def step(self, client: Client) -> None:
        assert not self.in_flight
        if self.is_idempotent and not self._producer:
            answer = client.call(InitProducerId, {"transactional_id": None}, version=5)
            self._producer = {"producer_id": answer.producer_id, "producer_epoch": 0}
        first = len(self.acknowledged)
        self.in_flight = [
            struct.pack(">hq", self.partition, first + number)
            + self.random.randbytes(self.random.randrange(VALUE_BYTES_MAX))
            for number in range(self.random.choice((1, 1, 1, 2, 10)))
        ]
        self._send(client)

    def _send(self, client: Client) -> None:
        fields: dict[str, Any] = dict(self._producer)
        if fields:
            fields["base_sequence"] = len(self.acknowledged)
        batch = a_batch(
            timestamps=[time.time_ns() // 1_000_000] * len(self.in_flight),
            values=self.in_flight,
            codec=self.random.choice(CODECS),
            **fields,
        )
        answer = produce_raw(client, TOPIC, batch, partition=self.partition)
        assert answer.error_code == 0, answer
        assert answer.base_offset == len(self.acknowledged)
        self._acknowledge()

    def _acknowledge(self) -> None:
        self.acknowledged += self.in_flight
        self.in_flight = []

    def settle(self, client: Client) -> None:
        if not self.in_flight:
            return
        found = read_values(client, self.partition, len(self.acknowledged))
        if found:  # all of the batch or nothing
            assert [value for _, value in found] == self.in_flight
            self.found_in_log += 1
        if self.is_idempotent:
            self.resent += 1
            self._send(client)  # answered with the offset it has, if it was there
        elif found:
            self._acknowledge()
        else:
            self.in_flight = []

    def check(self, client: Client) -> None:
        found = read_values(client, self.partition, self._checked)
        assert found == list(enumerate(self.acknowledged))[self._checked :]
        self._checked = len(self.acknowledged)

    def check_all(self, client: Client) -> None:
        """Compare from the first offset on."""
        self._checked = 0
        self.check(client)


@dataclass
class Churn:
    """Creates and deletes topics; each holds one record that says which topic it is of."""

    random: Random
    others: frozenset[str] = frozenset({TOPIC})
    """Topics that are not its own; there must be no more than these and its own."""
    topics: dict[str, bytes] = field(default_factory=dict)
    """Topic ids by name."""
    in_doubt: str | None = None
    created: int = 0
    _filled: set[str] = field(default_factory=set)

    def step(self, client: Client) -> None:
        name = self.random.choice(CHURNED)
        self.in_doubt = name
        if name in self.topics:
            answer = client.call(DeleteTopics, {"topics": [{"name": name}], "timeout_ms": 9_000})
            assert answer.responses[0].error_code == 0, answer
            del self.topics[name]
            self._filled.discard(name)
        else:
            self.topics[name] = create_topic(client, name, partitions=2)
            self.created += 1
            record = a_batch(timestamps=[time.time_ns() // 1_000_000], values=[self.topics[name]])
            produced = produce_raw(client, name, record)
            assert (produced.error_code, produced.base_offset) == (0, 0), produced
            self._filled.add(name)
        self.in_doubt = None

    def settle(self, client: Client) -> None:
        """Take over what became of the topic that was being made or deleted."""
        name, self.in_doubt = self.in_doubt, None
        if name is None or name in self._filled & self._present(client).keys():
            return
        present = self._present(client)
        if name in present:
            self.topics[name] = present[name]
        else:
            self.topics.pop(name, None)
            self._filled.discard(name)

    def check(self, client: Client) -> None:
        assert self._present(client) == self.topics
        for name in self.topics.keys() & self._filled:
            found = fetch(client, {name: {0: 0}}, max_wait_ms=0).responses[0].partitions[0]
            assert found.high_watermark == 1
            (record,) = iterate_records(found.records)
            assert bytes(record.value or b"") == self.topics[name]

    def _present(self, client: Client) -> dict[str, bytes]:
        topics = client.call(Metadata, {"topics": None}).topics
        assert all(topic.error_code == 0 for topic in topics), topics
        return {topic.name: topic.topic_id for topic in topics if topic.name not in self.others}


@dataclass
class ProducerIdAsker:
    """Asks for producer ids; none may ever come twice."""

    ids: set[int] = field(default_factory=set)

    def step(self, client: Client) -> None:
        answer = client.call(InitProducerId, {"transactional_id": None}, version=5)
        assert answer.error_code == 0
        assert answer.producer_id not in self.ids
        self.ids.add(answer.producer_id)

    def settle(self, client: Client) -> None:
        """An id that was lost on its way is nobody's."""

    def check(self, client: Client) -> None:
        self.step(client)


def make_topic(client: Client, partitions: int) -> None:
    """Create the topic that producers write to."""
    create_topic(client, TOPIC, partitions=partitions)
    refused = client.call(CreateTopics, {"topics": [{"name": TOPIC}], "timeout_ms": 9_000})
    assert refused.topics[0].error_code == ErrorCode.TOPIC_ALREADY_EXISTS


def settle_and_check(client: Client, tasks: Sequence[Task]) -> None:
    """Settle what was in flight, then compare everything."""
    for task in tasks:
        task.settle(client)
    for task in tasks:
        task.check(client)
