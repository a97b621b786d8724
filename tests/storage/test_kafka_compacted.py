"""A partition that Apache Kafka compacted, opened and shown: see kafka_compacted/README.md."""

from __future__ import annotations

import json
import re
import shutil
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from pykbroker import cli
from pykbroker.storage.checkpoint import ZERO_ID
from pykbroker.storage.dump.batches import Batch, records_of, walk
from pykbroker.storage.fs import OsFileSystem
from pykbroker.storage.log import Log
from pykbroker.storage.log_config import LogConfig
from pykbroker.wire.records import Record, iterate_records
from tests.storage.logs import NOW_MS, headers_in, read_all

KAFKA_COMPACTED = Path(__file__).parent / "kafka_compacted"
END_OFFSET = 3919
_FIELD = re.compile(r"(\w+): (\S+)")


def said_by_kafka(mark: str) -> list[dict[str, str]]:
    """Return the fields of the lines that Kafka's tool began so."""
    lines = (KAFKA_COMPACTED / "kafka-dump-log.txt").read_text().splitlines()
    return [dict(_FIELD.findall(line)) for line in lines if line.startswith(mark)]


@pytest.fixture(params=["closed", "killed"])
def log(request: pytest.FixtureRequest, tmp_path: Path) -> Log:
    """A log of a copy: closed in order, or as a kill would have left it.

    Kafka's checkpoint of the cleaner says how far offsets may be missing.
    """
    copy = shutil.copytree(KAFKA_COMPACTED / "emptied-0", tmp_path / "emptied-0")
    closed = request.param == "closed"
    return Log.open(
        OsFileSystem(),
        str(copy),
        topic="emptied",
        partition=0,
        topic_id=ZERO_ID,
        config=LogConfig(cleanup_policy=frozenset({"compact"})),
        clean=closed,
        recovery_point=END_OFFSET if closed else 0,
        cleaned_offset=END_OFFSET,
        now_ms=NOW_MS,
    )


def as_kafka_says(record: Record, *, control: bool) -> dict[str, str]:
    fields = {
        "offset": str(record.offset),
        "CreateTime": str(record.timestamp),
        "keySize": str(-1 if record.key is None else len(record.key)),
        "valueSize": str(-1 if record.value is None else len(record.value)),
        "headerKeys": "[]",
    }
    if control:
        assert record.key is not None
        return fields | {"endTxnMarker": ("ABORT", "COMMIT")[record.key[3]]}
    if record.key is not None:
        fields["key"] = record.key.decode()
    if record.value is not None:
        fields["payload"] = f"sha256:{sha256(record.value).hexdigest()[:32]}"
    return fields


def without(fields: dict[str, str], *names: str) -> dict[str, str]:
    return {name: value for name, value in fields.items() if name not in names}


def test_what_is_left_is_read_as_kafka_reads_it(log: Log) -> None:
    data, position, found = memoryview(read_all(log)), 0, []
    for header in headers_in(data):
        batch = data[position : position + header.size_bytes]
        found += [as_kafka_says(r, control=header.is_control) for r in iterate_records(batch)]
        position += header.size_bytes

    assert found == [without(r, "sequence", "coordinatorEpoch") for r in said_by_kafka("| ")]


def test_the_log_ends_where_it_did_and_a_producer_of_nothing_is_known(log: Log) -> None:
    ends = {
        producer_id: (entry.producer_epoch, entry.last_sequence, entry.current_txn_first_offset)
        for producer_id, entry in log.producers.entries.items()
    }

    assert (log.log_start_offset, log.end_offset) == (0, END_OFFSET)
    assert ends == {11: (0, 24, -1), 12: (1, 1799, 3879)}


def test_dump_log_says_of_every_batch_what_kafkas_tool_says(
    capsys: pytest.CaptureFixture[str],
) -> None:
    directory = KAFKA_COMPACTED / "emptied-0"

    assert cli.main(["dump-log", "--json", "--batches", "--verify", str(directory)]) == 0

    lines = map(json.loads, capsys.readouterr().out.splitlines())
    found = [in_kafkas_words(line) for line in lines if line["type"] == "batch"]
    assert found == said_by_kafka("baseOffset")


def in_kafkas_words(batch: dict[str, Any]) -> dict[str, str]:
    horizon = batch["delete_horizon"]
    words = {
        "baseOffset": batch["base_offset"],
        "lastOffset": batch["last_offset"],
        "count": batch["records"],
        "baseSequence": batch["base_sequence"],
        "lastSequence": batch["last_sequence"],
        "producerId": batch["producer_id"],
        "producerEpoch": batch["producer_epoch"],
        "partitionLeaderEpoch": batch["leader_epoch"],
        "isTransactional": str(batch["transactional"]).lower(),
        "isControl": str(batch["control"]).lower(),
        "deleteHorizonMs": "OptionalLong.empty" if horizon is None else f"OptionalLong[{horizon}]",
        "position": batch["position"],
        batch["timestamp_type"]: batch["max_timestamp"],
        "size": batch["size_bytes"],
        "magic": 2,
        "compresscodec": batch["codec"],
        "crc": batch["crc"],
        "isvalid": "true",
    }
    return {name: str(value) for name, value in words.items()}


def test_segments_are_walked_over_where_nothing_is_left_of_a_batch_but_its_header() -> None:
    class Bytes:
        def __init__(self, data: bytes) -> None:
            self.data, self.size = data, len(data)

        def pread(self, length: int, position: int) -> bytes:
            return self.data[position : position + length]

    file = Bytes((KAFKA_COMPACTED / "emptied-0" / f"{0:020d}.log").read_bytes())
    emptied = next(walk(file, 0))

    assert isinstance(emptied, Batch)
    assert (emptied.header.size_bytes, emptied.header.last_offset) == (61, 24)
    assert list(records_of(file, emptied)) == []
