"""Requests that tests of many APIs begin with; each raises where the broker refuses."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Any

from pykbroker.errors import ErrorCode
from pykbroker.wire.messages.create_topics import CreateTopics
from pykbroker.wire.messages.delete_topics import DeleteTopics
from pykbroker.wire.messages.describe_configs import DescribeConfigs
from pykbroker.wire.messages.fetch import Fetch
from pykbroker.wire.messages.metadata import Metadata
from pykbroker.wire.messages.produce import Produce
from pykbroker.wire.records import build_batch, crc_of
from tests.kafka_client import Client

NOW_MS = 1_700_000_000_000
DYNAMIC_TOPIC = 1
"""As the source of a configuration value: set on the topic."""


def create_topic(
    client: Client, name: str, *, partitions: int = 1, configs: Mapping[str, str] | None = None
) -> bytes:
    """Create a topic and give its id."""
    topic = {
        "name": name,
        "num_partitions": partitions,
        "replication_factor": 1,
        "configs": [{"name": n, "value": v} for n, v in (configs or {}).items()],
    }
    created = client.call(CreateTopics, {"topics": [topic], "timeout_ms": 10_000}).topics[0]
    assert created.error_code == 0, created
    topic_id: bytes = created.topic_id
    return topic_id


def a_batch(
    *,
    timestamps: Sequence[int] = (NOW_MS,),
    values: Sequence[bytes] | None = None,
    key: bytes | None = b"key",
    **header: Any,
) -> bytes:
    """Build a batch with a record for every timestamp."""
    values = values or [b"value-%d" % number for number in range(len(timestamps))]
    records = [(at, key, value, ()) for at, value in zip(timestamps, values, strict=True)]
    return bytes(build_batch(records, **header))


def resealed(batch: bytes, **fields: int) -> bytes:
    """Change header fields of a batch, named as in BatchHeader, and make its CRC right again."""
    changed = bytearray(batch)
    for name, value in fields.items():
        position, layout = BATCH_FIELDS[name]
        struct.pack_into(layout, changed, position, value)
    struct.pack_into(">I", changed, 17, crc_of(memoryview(changed)))
    return bytes(changed)


BATCH_FIELDS = {
    "base_offset": (0, ">q"),
    "batch_length": (8, ">i"),
    "partition_leader_epoch": (12, ">i"),
    "magic": (16, ">b"),
    "attributes": (21, ">h"),
    "last_offset_delta": (23, ">i"),
    "base_timestamp": (27, ">q"),
    "max_timestamp": (35, ">q"),
    "producer_id": (43, ">q"),
    "producer_epoch": (51, ">h"),
    "base_sequence": (53, ">i"),
    "records_count": (57, ">i"),
}


def produce_raw(
    client: Client,
    topic: str,
    records: bytes | None,
    *,
    partition: int = 0,
    acks: int = -1,
    version: int = 12,
) -> Any:
    """Produce any bytes to one partition and give the partition's answer."""
    request = {
        "acks": acks,
        "timeout_ms": 5_000,
        "topic_data": [
            {"name": topic, "partition_data": [{"index": partition, "records": records}]}
        ],
    }
    return client.call(Produce, request, version=version).responses[0].partition_responses[0]


def produce(client: Client, topic: str, *, partition: int = 0, **batch: Any) -> int:
    """Produce a batch and give its base offset."""
    answer = produce_raw(client, topic, a_batch(**batch), partition=partition)
    assert answer.error_code == 0, answer
    base_offset: int = answer.base_offset
    return base_offset


def fetch(
    client: Client,
    wanted: Mapping[str | bytes, Mapping[int, int]],
    *,
    version: int = 12,
    session: tuple[int, int] = (0, -1),
    partition: Mapping[str, int] | None = None,
    **request: Any,
) -> Any:
    """Fetch {topic or id: {partition: offset}}; without a session unless one is given."""
    name = "topic_id" if version >= 13 else "topic"
    asked = {
        "min_bytes": 1,
        "max_bytes": 1 << 24,
        "session_id": session[0],
        "session_epoch": session[1],
        "topics": [
            {
                name: topic,
                "partitions": [
                    {"partition": index, "fetch_offset": offset, "partition_max_bytes": 1 << 20}
                    | dict(partition or {})
                    for index, offset in offsets.items()
                ],
            }
            for topic, offsets in wanted.items()
        ],
    }
    return client.call(Fetch, asked | request, version=version)


def fetch_one(client: Client, topic: str | bytes, offset: int = 0, **options: Any) -> Any:
    """Fetch partition 0 of a topic and give the partition's answer."""
    return fetch(client, {topic: {0: offset}}, **options).responses[0].partitions[0]


def described(client: Client, *names: str, version: int = 12, create: bool = False) -> Any:
    """Ask Metadata for topics by name; give what it says of the first."""
    request = {"topics": [{"name": name} for name in names], "allow_auto_topic_creation": create}
    return client.call(Metadata, request, version=version).topics[0]


def delete_topic(client: Client, name: str) -> ErrorCode:
    """Delete a topic by name; give the code of the answer."""
    request = {"topics": [{"name": name}], "timeout_ms": 10_000}
    return ErrorCode(client.call(DeleteTopics, request).responses[0].error_code)


def overrides(client: Client, topic: str) -> dict[str, str | None]:
    """Ask what a topic overrides, by key."""
    resource = {"resource_type": 2, "resource_name": topic, "configuration_keys": None}
    (answer,) = client.call(DescribeConfigs, {"resources": [resource]}).results
    assert answer.error_code == 0, answer
    return {c.name: c.value for c in answer.configs if c.config_source == DYNAMIC_TOPIC}


def fetched(client: Client, topic: str, *, offset: int = 0) -> bytes:
    """Give everything that partition 0 has from an offset on."""
    return bytes(fetch_one(client, topic, offset).records)


def refused(client: Client, topic: str, records: bytes | None, **asked: int) -> ErrorCode:
    """Produce what must be refused; check that nothing was appended."""
    answer = produce_raw(client, topic, records, **asked)

    assert answer.base_offset == -1
    assert fetched(client, topic) == b""
    return ErrorCode(answer.error_code)
