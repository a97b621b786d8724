"""The topics that crashing brokers are written to, and who writes: what every long run shares.

`kept` is never shortened, `squeezed` is compacted, `short` loses its oldest segments, and topics
come and go meanwhile. Segments are small and every task of the broker runs often.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from tests.api.requests import create_topic
from tests.crash.ledger import Anomaly, Findings, PartitionLedger
from tests.crash.pipelines import Pipeline
from tests.crash.reading import Kept
from tests.crash.values import Mint
from tests.crash.workload import Churn, Task
from tests.kafka_client import Client

SEGMENT_BYTES = 1 << 20
KEYS = 40
BUSY = {
    "log.segment.bytes": SEGMENT_BYTES,
    "log.initial.task.delay.ms": 0,
    "log.retention.check.interval.ms": 150,
    "log.segment.delete.delay.ms": 200,
    "log.flush.offset.checkpoint.interval.ms": 200,
    "log.flush.start.offset.checkpoint.interval.ms": 250,
    "log.cleaner.backoff.ms": 100,
}
"""Properties under which everything that runs in the background runs all the time."""
TOPICS: dict[str, tuple[int, dict[str, str]]] = {
    "kept": (3, {}),
    "squeezed": (2, {"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.01"}),
    "short": (2, {"retention.bytes": str(2 * SEGMENT_BYTES)}),
}
"""Partitions and configuration by name."""


def options(
    data: str, properties: Mapping[str, object] | None = None, *, port: int = 0
) -> list[str]:
    """Give the options of a busy broker on a data directory."""
    given = ["--data-dir", data, "--port", str(port), "--log-level", "warning"]
    for name, value in {**BUSY, **(properties or {})}.items():
        given += ["--override", f"{name}={value}"]
    return given


@dataclass(frozen=True, slots=True)
class Load:
    """Topics with their ledgers, and producers and other tasks at work on them."""

    findings: Findings
    mint: Mint
    partitions: list[Kept]
    pipelines: list[Pipeline]
    churn: PoweredChurn

    @property
    def tasks(self) -> list[Task]:
        """Everybody who works."""
        return [*self.pipelines, self.churn]

    @property
    def acknowledged(self) -> int:
        """Records acknowledged so far."""
        return sum(kept.ledger.acknowledged_count for kept in self.partitions)


def shortened(partitions: Collection[Kept]) -> str:
    """Say what compaction and retention have taken away."""
    compacted = sum(kept.ledger.compacted for kept in partitions)
    expired = sum(kept.ledger.expired for kept in partitions)
    return f"{compacted:,} offsets compacted away, {expired:,} expired"


def kept_partitions(findings: Findings, idempotent: frozenset[int]) -> list[Kept]:
    """Give every partition of `TOPICS` its ledger."""
    return [
        Kept(
            topic,
            index,
            PartitionLedger(
                f"{topic}-{index}",
                findings,
                idempotent=idempotent,
                keys=KEYS if topic == "squeezed" else None,
            ),
            may_expire=topic == "short",
        )
        for topic, (count, _) in TOPICS.items()
        for index in range(count)
    ]


def make_topics(client: Client) -> None:
    """Create `TOPICS`."""
    for topic, (count, configs) in TOPICS.items():
        create_topic(client, topic, partitions=count, configs=configs)


@dataclass(kw_only=True)
class PoweredChurn(Churn):
    """Topics that come and go; refused only while `power_is_off`."""

    power_is_off: threading.Event
    findings: Findings

    def step(self, client: Client) -> None:
        try:
            super().step(client)
        except AssertionError as refusal:
            if self.power_is_off.is_set():
                raise ConnectionAbortedError("the disk is gone") from refusal
            self.findings.note(Anomaly.PHANTOM, f"a topic that comes and goes, {refusal}")
            self.in_doubt = None

    def check(self, client: Client) -> None:
        try:
            super().check(client)
        except AssertionError as fault:
            self.findings.note(Anomaly.LOST, f"a topic that comes and goes, {fault}")


def a_load(random: Random, findings: Findings, power_is_off: threading.Event) -> Load:
    """Make producers: two that are idempotent, one that asks for no durability, three plain."""
    idempotent = frozenset({1, 2})
    mint = Mint(random.randbytes(32))
    partitions = kept_partitions(findings, idempotent)

    def pipeline(
        number: int, *topics: str, acks: int = -1, batch_records_max: int = 20
    ) -> Pipeline:
        return Pipeline(
            number,
            [kept for kept in partitions if kept.topic in topics],
            mint,
            Random(random.random()),
            is_idempotent=number in idempotent,
            acks=acks,
            batch_records_max=batch_records_max,
        )

    churn = PoweredChurn(
        Random(random.random()),
        others=frozenset(TOPICS),
        power_is_off=power_is_off,
        findings=findings,
    )
    pipelines: Sequence[Pipeline] = (
        pipeline(1, "kept", "squeezed", "short"),
        pipeline(2, "kept", "squeezed"),
        pipeline(3, "kept"),
        pipeline(4, "kept", "short", batch_records_max=60),
        pipeline(5, "squeezed"),
        pipeline(6, "kept", "short", acks=1, batch_records_max=60),
    )
    return Load(findings, mint, partitions, list(pipelines), churn)
