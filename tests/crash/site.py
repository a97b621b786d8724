"""A broker process whose disk is about to fail, records in it, and what it did wrong."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from threading import Event

from pykbroker.errors import ErrorCode
from tests.api.requests import a_batch, produce_raw
from tests.crash.ledger import Findings
from tests.crash.load import SEGMENT_BYTES, Load, a_load, make_topics, options
from tests.crash.reading import Kept, read_all
from tests.crash.values import source_of
from tests.kafka_client import Client
from tests.processes import BrokerProcess

STORAGE_ERROR = ErrorCode.KAFKA_STORAGE_ERROR
_BY_HAND = 99
"""The producer that `produce` is."""
_WORK_SECONDS = 0.3
_READY_AGAIN_SECONDS = 5


@dataclass
class Site:
    """One broker on one data directory, every record accounted for."""

    data: Path
    log: Path
    random: Random
    segment_bytes: int = SEGMENT_BYTES
    wrong: list[str] = field(default_factory=list)
    findings: Findings = field(default_factory=Findings)

    def __post_init__(self) -> None:
        given = options(
            str(self.data),
            {"log.flush.before.ack": "all", "log.segment.bytes": self.segment_bytes},
        )
        self.broker = BrokerProcess(*given, log=self.log)
        self.load: Load = a_load(self.random, self.findings, Event())

    def expect(self, condition: bool, otherwise: str) -> None:
        """Note what is wrong unless the condition holds."""
        if not condition:
            self.wrong.append(otherwise)

    def connect(self) -> Client:
        """Connect to the running broker."""
        return Client(self.broker.addresses[0])

    def begin(self) -> None:
        """Make the topics and fill them a little."""
        with self.connect() as client:
            make_topics(client)
            self.work(client)

    def work(self, client: Client, seconds: float = _WORK_SECONDS) -> None:
        """Let all producers work in turn and take all answers."""
        end = time.monotonic() + seconds
        for pipeline in self.load.pipelines:
            pipeline.step(client)
            pipeline.drain(client)
        while time.monotonic() < end:
            pipeline = self.random.choice(self.load.pipelines)
            pipeline.step(client)
            pipeline.drain(client)

    def kept(self, topic: str = "kept", partition: int = 0) -> Kept:
        """Give a partition."""
        (found,) = (
            kept
            for kept in self.load.partitions
            if (kept.topic, kept.partition) == (topic, partition)
        )
        return found

    def produce(
        self, client: Client, kept: Kept | None = None, *, acks: int = -1, padding: int = 0
    ) -> ErrorCode:
        """Produce one record; give the code of the answer."""
        to = kept or self.kept()
        source = source_of(_BY_HAND, to.ledger.next_sequence(_BY_HAND))
        value = self.load.mint.make(to.topic, to.partition, source, self.random.randbytes(padding))
        batch = a_batch(
            timestamps=[time.time_ns() // 1_000_000], values=[value], key=to.ledger.key_of(source)
        )
        answer = produce_raw(client, to.topic, batch, partition=to.partition, acks=acks)
        if answer.error_code == 0 and acks == -1:
            to.ledger.acknowledge(source, answer.base_offset)
        return ErrorCode(answer.error_code)

    def refusing(self, client: Client) -> int:
        """Count the partitions that refuse a record."""
        return sum(self.produce(client, kept) is STORAGE_ERROR for kept in self.load.partitions)

    def takes_all_again(self, client: Client, seconds: float = _READY_AGAIN_SECONDS) -> bool:
        """Tell whether every partition takes records again within that time."""
        deadline = time.monotonic() + seconds
        while self.refusing(client):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.1)
        return True

    def read_all(self, client: Client) -> None:
        """Compare everything that is there."""
        read_all(client, self.load.partitions, self.load.mint)

    def expect_log(self, *words: str) -> None:
        """Expect a line of the log for people that has all these words, and no traceback."""
        text = self.log.read_text()
        lines = [line for line in text.splitlines() if " ERROR " in line or " WARNING " in line]
        said = any(all(word in line for word in words) for line in lines)
        self.expect(said, f"no line of the log says {' … '.join(words)!r}")
        self.expect("Traceback" not in text, "a traceback in the log")

    @property
    def all_wrong(self) -> list[str]:
        """What is wrong, records included."""
        return [*self.wrong, *self.findings.told]
