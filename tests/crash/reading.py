"""Reading partitions record by record into their ledgers, by the wire alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pykbroker.errors import ErrorCode
from pykbroker.wire.messages.list_offsets import ListOffsets
from pykbroker.wire.records import iterate_records, parse_batch_header
from tests.api.requests import fetch
from tests.crash.ledger import Anomaly, PartitionLedger, Reading
from tests.crash.values import Mint
from tests.kafka_client import Client

_EARLIEST = -2


@dataclass(frozen=True, slots=True)
class Kept:
    """A partition whose records are being accounted for."""

    topic: str
    partition: int
    ledger: PartitionLedger
    may_expire: bool = False
    """Whether retention may remove its oldest segments."""


def read_all(client: Client, partitions: Iterable[Kept], mint: Mint) -> None:
    """Read every partition from its log start to its high watermark, comparing every record."""
    for kept in partitions:
        start = _log_start(client, kept)
        if start is None:
            continue
        kept.ledger.expired = start
        if start > 0 and not kept.may_expire:
            kept.ledger.findings.note(Anomaly.LOST, f"{kept.ledger.name} begins at {start}")
        _read(client, kept, mint, start)


def read_new(client: Client, partitions: Iterable[Kept], mint: Mint) -> None:
    """Read every partition from where the last reading ended."""
    for kept in partitions:
        start = _log_start(client, kept)
        if start is not None:
            _read(client, kept, mint, max(start, kept.ledger.read_to))


def _log_start(client: Client, kept: Kept) -> int | None:
    asked = {"partition_index": kept.partition, "timestamp": _EARLIEST}
    request = {
        "replica_id": -1,
        "isolation_level": 0,
        "topics": [{"name": kept.topic, "partitions": [asked]}],
    }
    answer = client.call(ListOffsets, request, version=7).topics[0].partitions[0]
    if answer.error_code:
        _is_offline(kept, answer.error_code)
        return None
    return int(answer.offset)


def _is_offline(kept: Kept, error_code: int) -> None:
    kept.ledger.findings.note(Anomaly.OFFLINE, f"{kept.ledger.name}, {ErrorCode(error_code).name}")


def _read(client: Client, kept: Kept, mint: Mint, offset: int) -> None:
    reading = kept.ledger.reading(offset)
    high_watermark: int | None = None
    while high_watermark is None or offset < high_watermark:
        answer = fetch(client, {kept.topic: {kept.partition: offset}}, max_wait_ms=0)
        found = answer.responses[0].partitions[0]
        if found.error_code:
            _is_offline(kept, found.error_code)
            return
        high_watermark = high_watermark or found.high_watermark
        data = memoryview(found.records)
        if not len(data):
            break
        offset = _take_batches(data, offset, kept, mint, reading)
    reading.end(min(high_watermark, offset) if kept.ledger.is_compacted else high_watermark)


def _take_batches(data: memoryview, offset: int, kept: Kept, mint: Mint, reading: Reading) -> int:
    """Account for the records of whole batches from `offset` on; return where they end."""
    position = 0
    while position < len(data):
        header = parse_batch_header(data, position)
        batch = data[position : position + header.size_bytes]
        position += header.size_bytes
        for record in iterate_records(batch):
            if record.offset >= offset:
                source = mint.source(kept.topic, kept.partition, record.value)
                reading.record(record.offset, source, record.key)
        offset = header.next_offset
    return offset
