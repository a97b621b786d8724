"""Producing as fast as it goes: batches with acks=all, pipelined on one connection."""

from __future__ import annotations

import time
from dataclasses import dataclass

from benchmarks.client import Client
from benchmarks.line import Sample, Scale
from benchmarks.peers import Started
from benchmarks.processes import Stretch
from benchmarks.requests import batch_of, check_produced, make_topic, produce_frame

GB = 1_000_000_000
MB = 1_000_000
WARM_REQUESTS = 50
SETTLE_SECONDS = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Produce:
    """A load of equal batches; figures are of record bytes as they are in the log."""

    key: str
    records: int
    value_bytes: int
    volume_bytes: int
    in_flight: int

    def bytes_at_once(self, started: Started, topic: str, scale: Scale) -> Sample:
        """Give CPU seconds per GB and MB per second."""
        sample, stretch, volume_bytes, _ = self._run(started, topic, scale)
        sample.figures = {
            f"{self.key}.cpu": stretch.cpu_per(volume_bytes / GB),
            f"{self.key}.rate": volume_bytes / MB / stretch.seconds,
        }
        return sample

    def records_at_once(self, started: Started, topic: str, scale: Scale) -> Sample:
        """Give CPU seconds per million records and million records per second."""
        sample, stretch, _, records = self._run(started, topic, scale)
        sample.figures = {
            f"{self.key}.cpu": stretch.cpu_per(records / 1e6),
            f"{self.key}.rate": records / 1e6 / stretch.seconds,
        }
        return sample

    def requests_at_once(self, started: Started, topic: str, scale: Scale) -> Sample:
        """Give requests per second, and CPU microseconds per request."""
        sample, stretch, _, records = self._run(started, topic, scale)
        requests = records / self.records
        cpu = stretch.cpu_per(requests / 1e6)
        sample.figures = {
            f"{self.key}.rate": requests / 1000 / stretch.seconds,
            f"{self.key}.cpu": cpu,
        }
        return sample

    def resident(self, started: Started, topic: str, scale: Scale) -> Sample:
        """Give resident MB before anything was asked, and the most while the volume came."""
        time.sleep(SETTLE_SECONDS)
        idle = started.process.resident_bytes()
        self._run(started, topic, scale)
        most = started.process.resident_bytes_max()
        return Sample(
            {
                "memory.idle": None if idle is None else idle / MB,
                "memory.loaded": None if most is None else most / MB,
            }
        )

    def _run(self, started: Started, topic: str, scale: Scale) -> tuple[Sample, Stretch, int, int]:
        batch = batch_of(records=self.records, value_bytes=self.value_bytes)
        frame = produce_frame(topic, batch)
        count = scale.count(self.volume_bytes // len(batch), least=self.in_flight)
        with Client(started.address) as client:
            make_topic(client, topic)
            warm = min(count, WARM_REQUESTS)
            check_produced(client.pipeline(frame, count=warm, in_flight=self.in_flight), warm)
            with Stretch(started.process) as stretch:
                replies = client.pipeline(frame, count=count, in_flight=self.in_flight)
            check_produced(replies, count)
        sample = Sample()
        sample.note(stretch)
        return sample, stretch, count * len(batch), count * self.records
