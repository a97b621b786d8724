"""A broker compacts what clients wrote: on disk in a process of its own, in memory in steps."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from pykbroker.testing import Broker
from pykbroker.wire.records import build_batch, iterate_records, parse_batch_header
from tests.api.requests import create_topic, fetched, produce_raw
from tests.kafka_client import Client

COMPACT = {
    "cleanup.policy": "compact",
    "segment.bytes": str(1 << 20),
    "min.cleanable.dirty.ratio": "0.01",
}
NOW_MS = 1_700_000_000_000
WITHIN_SECONDS = 30
LARGE = bytes(600_000)
"""Two of them do not fit one segment."""


def kept(client: Client) -> list[tuple[int, bytes]]:
    """The offsets and keys of all records, as a consumer reads them batch by batch."""
    found: list[tuple[int, bytes]] = []
    offset = 0
    while data := memoryview(fetched(client, "words", offset=offset)):
        while data:
            header = parse_batch_header(data)
            batch, data = data[: header.size_bytes], data[header.size_bytes :]
            found += [(each.offset, bytes(each.key or b"")) for each in iterate_records(batch)]
            offset = header.next_offset
    return found


@pytest.mark.parametrize("place", ["disk", "memory"])
def test_of_each_key_the_newest_value_is_left_at_its_offset(place: str, tmp_path: Path) -> None:
    properties: dict[str, object] = {"log.cleaner.backoff.ms": 100}
    data_dir = tmp_path / "data" if place == "disk" else None
    with (
        Broker(data_dir=data_dir, properties=properties) as broker,
        Client(broker.bootstrap_servers) as client,
    ):
        create_topic(client, "words", configs=COMPACT)
        for key in (b"a", b"b", b"a", b"c"):
            batch = build_batch([(NOW_MS, key, LARGE, ())])
            assert produce_raw(client, "words", batch).error_code == 0

        deadline = time.monotonic() + WITHIN_SECONDS
        while (found := kept(client)) and len(found) == 4 and time.monotonic() < deadline:
            pass

    assert found == [(1, b"b"), (2, b"a"), (3, b"c")]
