"""Reading a log from its start, one fetch in flight, as much per partition as consumers ask for."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.client import Client
from benchmarks.line import Sample, Scale
from benchmarks.lines.produce import GB, MB
from benchmarks.peers import Started
from benchmarks.processes import Stretch
from benchmarks.requests import (
    batch_of,
    check_produced,
    fetch_frame,
    fetched,
    make_topic,
    produce_frame,
)

PARTITION_MAX_BYTES = 1 << 20
"""What clients ask for by default (`max.partition.fetch.bytes`)."""
RECORDS, VALUE_BYTES = 950, 1024
LOG_BATCHES = 128
BATCH_BYTES = RECORDS * VALUE_BYTES
IN_FLIGHT = 4
MAX_WAIT_MS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetch:
    """A load of fetches from so many partitions of one topic."""

    key: str
    partitions: int
    volume_bytes: int

    @property
    def stored_bytes(self) -> int:
        """What is written before it is read."""
        return LOG_BATCHES * BATCH_BYTES * self.partitions

    def bytes_at_once(self, started: Started, topic: str, scale: Scale) -> Sample:
        """Give CPU seconds per GB and MB per second."""
        batch = batch_of(records=RECORDS, value_bytes=VALUE_BYTES)
        with Client(started.address) as client:
            make_topic(client, topic)
            stored = min(LOG_BATCHES, started.partition_bytes_max // len(batch))
            for partition in range(self.partitions):
                produce = produce_frame(topic, batch, partition=partition)
                replies = client.pipeline(produce, count=stored, in_flight=IN_FLIGHT)
                check_produced(replies, stored)
            frames = [
                fetch_frame(
                    topic,
                    [number * RECORDS] * self.partitions,
                    partition_max_bytes=PARTITION_MAX_BYTES,
                    max_wait_ms=MAX_WAIT_MS,
                )
                for number in range(stored)
            ]
            expected = len(batch) * self.partitions
            _read(client, frames, count=stored, expected=expected)
            count = scale.count(self.volume_bytes // expected, least=stored)
            with Stretch(started.process) as stretch:
                _read(client, frames, count=count, expected=expected)
        volume = count * expected
        sample = Sample(
            {
                f"{self.key}.cpu": stretch.cpu_per(volume / GB),
                f"{self.key}.rate": volume / MB / stretch.seconds,
            }
        )
        sample.note(stretch)
        return sample


def _read(client: Client, frames: list[bytes], *, count: int, expected: int) -> None:
    """Fetch `count` times, from the start again at the end; every reply must be full."""
    for number in range(count):
        client.socket.sendall(frames[number % len(frames)])
        reply = client.receive()
        if len(reply) < expected:
            raise AssertionError(f"{len(reply)} bytes instead of {expected}: {fetched(reply)}")
