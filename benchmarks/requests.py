"""The requests of the load, in versions that every peer speaks, and what replies must say."""

from __future__ import annotations

import struct
import time
from collections.abc import Sequence
from random import Random
from typing import Any

from benchmarks.client import Client, frame_of, response_of
from pykbroker.wire.messages.fetch import Fetch
from pykbroker.wire.messages.metadata import Metadata
from pykbroker.wire.messages.produce import Produce
from pykbroker.wire.records import build_batch

PRODUCE_VERSION, FETCH_VERSION, METADATA_VERSION = 9, 12, 9
"""The newest that librdkafka's mock cluster and Kafka 4 share, topics still by name."""
PARTITIONS = 4
"""Of every topic: what the mock cluster makes; the others are told to."""
TIMEOUT_MS = 30_000
TOPIC_WITHIN_SECONDS = 60
FETCH_MAX_BYTES = 64 << 20
_SEED = 4
_SIZE = struct.Struct(">i")


def batch_of(*, records: int, value_bytes: int) -> bytes:
    """Build one uncompressed batch of records without keys, their values random."""
    random, now_ms = Random(_SEED), time.time_ns() // 1_000_000
    return build_batch([(now_ms, None, random.randbytes(value_bytes), ()) for _ in range(records)])


def produce_frame(topic: str, batch: bytes, *, partition: int = 0) -> bytes:
    """Build a Produce request with acks=all for one partition."""
    data = {"index": partition, "records": batch}
    return frame_of(
        Produce,
        PRODUCE_VERSION,
        {
            "acks": -1,
            "timeout_ms": TIMEOUT_MS,
            "topic_data": [{"name": topic, "partition_data": [data]}],
        },
    )


def fetch_frame(
    topic: str, offsets: Sequence[int], *, partition_max_bytes: int, max_wait_ms: int
) -> bytes:
    """Build a Fetch request, without a session, of partition i from `offsets[i]` on."""
    partitions = [
        {"partition": i, "fetch_offset": offset, "partition_max_bytes": partition_max_bytes}
        for i, offset in enumerate(offsets)
    ]
    return frame_of(
        Fetch,
        FETCH_VERSION,
        {
            "max_wait_ms": max_wait_ms,
            "min_bytes": 1,
            "max_bytes": FETCH_MAX_BYTES,
            "topics": [{"topic": topic, "partitions": partitions}],
        },
    )


def fetched(frame: memoryview) -> Any:
    """Decode the reply to a Fetch; raises when anything failed."""
    response = response_of(Fetch, FETCH_VERSION, frame)
    if _has_failed(response):
        raise AssertionError(f"fetch failed: {response}")
    return response


def _has_failed(response: Any) -> bool:
    return bool(response.error_code) or any(
        partition.error_code for topic in response.responses for partition in topic.partitions
    )


def check_produced(replies: bytes, count: int) -> None:
    """Decode every reply to a Produce; raises unless there are `count` and none failed."""
    position = seen = 0
    while position < len(replies):
        (size,) = _SIZE.unpack_from(replies, position)
        position += _SIZE.size
        check_one_produced(memoryview(replies)[position : position + size])
        position += size
        seen += 1
    if seen != count:
        raise AssertionError(f"{seen} replies to {count} requests")


def check_one_produced(frame: memoryview) -> None:
    """Decode one reply to a Produce, its size left off; raises when it failed."""
    response = response_of(Produce, PRODUCE_VERSION, frame)
    for topic in response.responses:
        for partition in topic.partition_responses:
            if partition.error_code:
                raise AssertionError(f"produce failed: {partition}")


def make_topic(client: Client, topic: str) -> None:
    """Let the broker create `topic` by asking for it; return when every partition answers."""
    wanted = {"topics": [{"name": topic}], "allow_auto_topic_creation": True}
    look = fetch_frame(topic, [0] * PARTITIONS, partition_max_bytes=1, max_wait_ms=0)
    deadline = time.monotonic() + TOPIC_WITHIN_SECONDS
    while time.monotonic() < deadline:
        found = client.ask(Metadata, METADATA_VERSION, wanted).topics[0]
        if not found.error_code and len(found.partitions) == PARTITIONS:
            # Kafka tells of leaders before they have heard of it themselves.
            client.socket.sendall(look)
            if not _has_failed(response_of(Fetch, FETCH_VERSION, client.receive())):
                return
        time.sleep(0.001)
    raise TimeoutError(f"{topic} has no leaders after {TOPIC_WITHIN_SECONDS} s")
