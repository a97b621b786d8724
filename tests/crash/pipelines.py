"""Producers that have several requests in flight, whose every record is in a ledger.

An idempotent one sends what was not answered again, as it was, when it comes back; the others never
do: whether such records are there is not known.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from pykbroker.errors import ErrorCode
from pykbroker.wire.header import parse_response_header
from pykbroker.wire.messages.init_producer_id import InitProducerId
from pykbroker.wire.messages.produce import Produce
from pykbroker.wire.records import build_batch
from tests.crash.reading import Kept
from tests.crash.values import VALUE_BYTES_MIN, Mint, Source, source_of
from tests.kafka_client import Client

_VERSION = 12
_CODECS = (0, 0, 0, 0, 2, 3, 4)
_REFUSED_PAUSE_SECONDS = 0.01


@dataclass(frozen=True, slots=True)
class InFlight:
    """One batch on its way."""

    kept: Kept
    sources: list[Source]
    batch: bytes


@dataclass
class Pipeline:
    """A producer, as a task; `acks` other than -1 promise nothing."""

    number: int
    partitions: Sequence[Kept]
    mint: Mint
    random: Random
    is_idempotent: bool = False
    acks: int = -1
    in_flight_max: int = 4
    value_bytes_max: int = 2_000
    batch_records_max: int = 20
    refused: Counter[ErrorCode] = field(default_factory=Counter)
    resent: int = 0
    in_flight: deque[InFlight] = field(default_factory=deque)
    _connection: Client | None = None
    _begins_anew: bool = False
    _producer_id: int = -1
    _sequences: Counter[tuple[str, int]] = field(default_factory=Counter)

    def step(self, client: Client) -> None:
        """Send a batch; wait for an answer when enough are in flight."""
        if client is not self._connection:
            self._connected(client)
        if self._begins_anew:
            self._begin_anew(client)
        self._send(client, self._new_batch())
        while len(self.in_flight) >= self.in_flight_max:
            self.take_answer(client)

    def settle(self, client: Client) -> None:
        """Send what was not answered again, or give it up."""
        self._connected(client)
        self.drain(client)

    def drain(self, client: Client) -> None:
        """Wait for all answers."""
        while self.in_flight:
            self.take_answer(client)

    def check(self, client: Client) -> None:
        """The ledgers are compared by who reads them."""

    def _connected(self, client: Client) -> None:
        self._connection = client
        again = list(self.in_flight) if self.is_idempotent else []
        self.in_flight.clear()
        if self.is_idempotent and self._producer_id == -1:
            self._ask_producer_id(client)
        for sent in again:
            self.resent += 1
            self._send(client, sent)

    def _begin_anew(self, client: Client) -> None:
        """After a refusal, go on under another producer id: sequences of the old one are broken."""
        self.drain(client)
        self._ask_producer_id(client)
        self._begins_anew = False

    def _ask_producer_id(self, client: Client) -> None:
        answer = client.call(InitProducerId, {"transactional_id": None}, version=5)
        if answer.error_code == ErrorCode.KAFKA_STORAGE_ERROR:  # the power is off
            self.refused[ErrorCode.KAFKA_STORAGE_ERROR] += 1
            raise ConnectionAbortedError("no producer ids are given out")
        assert answer.error_code == 0, answer
        self._producer_id = answer.producer_id
        self._sequences.clear()

    def _new_batch(self) -> InFlight:
        kept = self.random.choice(self.partitions)
        sources = [
            source_of(self.number, kept.ledger.next_sequence(self.number))
            for _ in range(self.random.randrange(1, self.batch_records_max + 1))
        ]
        now_ms = time.time_ns() // 1_000_000
        records = [(now_ms, kept.ledger.key_of(one), self._value(kept, one), ()) for one in sources]
        batch = build_batch(
            records, codec=self.random.choice(_CODECS), **self._sequence(kept, sources)
        )
        return InFlight(kept, sources, bytes(batch))

    def _value(self, kept: Kept, source: Source) -> bytes:
        size = self.random.randrange(VALUE_BYTES_MIN, self.value_bytes_max) - VALUE_BYTES_MIN
        return self.mint.make(kept.topic, kept.partition, source, self.random.randbytes(size))

    def _sequence(self, kept: Kept, sources: Sequence[Source]) -> dict[str, Any]:
        if not self.is_idempotent:
            return {}
        place = kept.topic, kept.partition
        first = self._sequences[place]
        self._sequences[place] += len(sources)
        return {"producer_id": self._producer_id, "producer_epoch": 0, "base_sequence": first}

    def _send(self, client: Client, sent: InFlight) -> None:
        data = {"index": sent.kept.partition, "records": sent.batch}
        request = {
            "acks": self.acks,
            "timeout_ms": 5_000,
            "topic_data": [{"name": sent.kept.topic, "partition_data": [data]}],
        }
        self.in_flight.append(sent)
        client.send(Produce, request, version=_VERSION)

    def take_answer(self, client: Client) -> None:
        """Wait for the answer to the oldest request in flight."""
        frame = client.receive_raw()
        flexible = Produce.response_header_version(_VERSION) == 1
        _, position = parse_response_header(frame, flexible=flexible)
        response = Produce.response(_VERSION).parse(frame[position:])
        answer = response.responses[0].partition_responses[0]
        sent = self.in_flight.popleft()
        if answer.error_code:
            self.refused[ErrorCode(answer.error_code)] += 1
            self._begins_anew = self.is_idempotent
            time.sleep(_REFUSED_PAUSE_SECONDS)
        elif self.acks == -1:
            for number, source in enumerate(sent.sources):
                sent.kept.ledger.acknowledge(source, answer.base_offset + number)
