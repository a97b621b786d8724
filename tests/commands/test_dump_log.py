from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest

from pykbroker import cli
from pykbroker.wire.messages.offsets_records import OffsetCommitKey, OffsetCommitValue
from pykbroker.wire.records import build_batch
from tests.storage.logs import a_batch

KAFKA_LOGS = Path(__file__).parents[1] / "storage" / "kafka_logs"
LOG = "00000000000000000000.log"
INDEX = "00000000000000000000.index"
TIME_MS = 1_700_000_000_000
TIME = "2023-11-14T22:13:20.000Z"


def a_partition(
    directory: Path, *batches: bytes, name: str = "orders-0", base_offset: int = 0
) -> Path:
    """Write a segment of these batches, and return the partition's directory."""
    path = directory / name
    path.mkdir(exist_ok=True)
    (path / f"{base_offset:020d}.log").write_bytes(b"".join(batches))
    return path


def shown(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> list[str]:
    """Run the command, which finds nothing wrong, and return its lines."""
    assert cli.main(["dump-log", *map(str, arguments)]) == 0
    return capsys.readouterr().out.splitlines()


def shown_as_json(
    capsys: pytest.CaptureFixture[str], *arguments: str | Path
) -> list[dict[str, Any]]:
    return [json.loads(line) for line in shown(capsys, "--json", *arguments)]


def test_segments_batches_and_records_are_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [
        (TIME_MS, b"k1", "žluťoučký".encode(), (("h", b"x"), ("a b", None))),
        (TIME_MS, None, b"\xff\0", ()),
        (TIME_MS, "\x1b[2J\u202e".encode(), None, ()),
    ]
    path = a_partition(tmp_path, build_batch(rows, leader_epoch=4)) / LOG

    lines = shown(capsys, path)
    with_values = shown(capsys, "--records", path)
    batches = shown(capsys, "--batches", path)

    size = path.stat().st_size
    heads = [
        f"segment {path} from offset 0, {size} bytes",
        f"  offsets 0-2  at 0  {size} bytes  3 records  none  create time {TIME}  leader epoch 4",
    ]
    assert batches == heads
    assert lines == [
        *heads,
        f"    0  {TIME}  key 2 bytes  value 13 bytes  2 headers",
        f"    1  {TIME}  key null  value 2 bytes",
        f"    2  {TIME}  key 7 bytes  value null",
    ]
    assert with_values == [
        *heads,
        f'    0  {TIME}  key "k1"  value "žluťoučký"  headers h="x" "a b"=null',
        f"    1  {TIME}  key null  value 0xff00",
        f'    2  {TIME}  key "\\u001b[2J\\u202e"  value null',
    ]


def test_what_a_batch_is_part_of_is_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    batch = a_batch(
        2, producer_id=7, producer_epoch=3, base_sequence=5, transactional=True, codec=4
    )
    directory = a_partition(tmp_path, batch)

    lines = shown(capsys, "--batches", directory)

    assert lines[1] == (
        f"  offsets 0-1  at 0  {len(batch)} bytes  2 records  zstd  create time {TIME}"
        "  leader epoch -1  producer 7 epoch 3  sequence 5-6  transactional"
    )


def test_json_has_one_object_per_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    batch = build_batch([(TIME_MS, b"k", b"\xff", (("h", None),))], leader_epoch=2)
    path = a_partition(tmp_path, batch) / LOG

    segment, of_batch, record = shown_as_json(capsys, "--records", path)

    size = len(batch)
    assert segment == {"type": "segment", "path": str(path), "base_offset": 0, "size_bytes": size}
    assert of_batch == {
        "type": "batch",
        "position": 0,
        "base_offset": 0,
        "last_offset": 0,
        "records": 1,
        "size_bytes": size,
        "codec": "none",
        "leader_epoch": 2,
        "crc": int.from_bytes(batch[17:21], "big"),
        "timestamp_type": "CreateTime",
        "base_timestamp": TIME_MS,
        "max_timestamp": TIME_MS,
        "producer_id": -1,
        "producer_epoch": -1,
        "base_sequence": -1,
        "last_sequence": -1,
        "transactional": False,
        "control": False,
        "delete_horizon": None,
    }
    assert record == {
        "type": "record",
        "offset": 0,
        "timestamp": TIME_MS,
        "key_bytes": 1,
        "value_bytes": 1,
        "headers_count": 1,
        "key": "k",
        "value": {"base64": "/w=="},
        "headers": [["h", None]],
    }


def test_a_range_of_offsets_and_a_number_can_be_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for base in (0, 10, 20):
        batches = [a_batch(5, base_offset=base), a_batch(5, base_offset=base + 5)]
        directory = a_partition(tmp_path, *batches, base_offset=base)

    def offsets(*options: str) -> list[int]:
        found = shown_as_json(capsys, *options, directory)
        names = {"record": "offset", "batch": "base_offset"}
        kind = "batch" if "--batches" in options else "record"
        return [each[names[kind]] for each in found if each["type"] == kind]

    assert offsets() == [*range(30)]
    assert offsets("--from-offset", "13", "--to-offset", "21") == [*range(13, 22)]
    assert offsets("--from-offset", "13", "--max", "4") == [13, 14, 15, 16]
    assert offsets("--from-offset", "13", "--max", "2", "--batches") == [10, 15]
    assert offsets("--max", "0") == []
    segments = [line for line in shown(capsys, "--from-offset", "10", directory) if line[0] == "s"]
    assert [line.split(",")[0][-2:] for line in segments] == ["10", "20"]
    assert offsets("--to-offset", "6", "--batches", "--verify") == [0, 5]


def test_a_limit_cuts_values_between_characters(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    batch = build_batch([(TIME_MS, b"\xff" * 200, "ž".encode() * 200, ())])
    directory = a_partition(tmp_path, batch)

    *_, limited = shown_as_json(capsys, "--records", "--value-bytes", "3", directory)
    *_, all_of_it = shown_as_json(capsys, "--records", directory)
    *_, line = shown(capsys, "--records", "--value-bytes", "3", directory)
    *_, by_default = shown(capsys, "--records", directory)

    assert (limited["value"], limited["value_bytes"]) == ("ž", 400)
    assert all_of_it["value"] == "ž" * 200
    assert line.endswith('key 0xffffff... (200 bytes)  value "ž"... (400 bytes)')
    assert by_default.endswith(f'value "{"ž" * 50}"... (400 bytes)')


def test_control_records_and_delete_horizons_are_shown(
    capsys: pytest.CaptureFixture[str],
) -> None:
    transactions = shown_as_json(capsys, KAFKA_LOGS / "transactions-0")
    compacted = shown_as_json(capsys, "--batches", KAFKA_LOGS / "compacted-0")

    markers = [
        (each["offset"], each["control"])
        for each in transactions
        if each["type"] == "record" and "control" in each
    ]
    assert markers == [
        (offset, {"name": name, "key": None, "value": {"coordinator_epoch": 0}})
        for offset, name in (
            *((7, "COMMIT"), (15, "ABORT"), (21, "COMMIT"), (31, "COMMIT")),
            *((37, "ABORT"), (47, "COMMIT"), (53, "COMMIT"), (61, "ABORT")),
        )
    ]
    assert [each.get("delete_horizon") for each in compacted] == [None, 1795337705871]


def test_records_of_internal_topics_are_decoded_unless_not_wanted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key_fields = {"group": "g", "topic": "orders", "partition": 3}
    value_fields = {"offset": 42, "leader_epoch": 1, "metadata": "", "commit_timestamp": 5}
    key = struct.pack(">h", 1) + OffsetCommitKey.version(0).build(key_fields)
    value = struct.pack(">h", 3) + OffsetCommitValue.version(3).build(value_fields)
    batch = build_batch([(TIME_MS, key, value, ()), (TIME_MS, b"?", None, ())])
    directory = a_partition(tmp_path, batch, name="__consumer_offsets-7")

    *_, decoded, unknown = shown_as_json(capsys, directory)
    *_, line, _ = shown(capsys, directory)
    *_, plain, _ = shown_as_json(capsys, "--no-decode", directory)

    assert decoded["decoded"]["name"] == "OffsetCommitValue"
    assert decoded["decoded"]["key"] == key_fields
    assert decoded["decoded"]["value"].items() >= value_fields.items()
    assert unknown["fault"] == "it does not begin with a version"
    assert 'OffsetCommitValue  {group="g" topic="orders" partition=3}  =  {offset=42' in line
    assert "decoded" not in plain


def test_every_kind_of_file_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(
        capsys,
        KAFKA_LOGS / "codecs-0" / INDEX,
        KAFKA_LOGS / "append-time-0" / "00000000000000000000.timeindex",
        KAFKA_LOGS / "transactions-0" / "00000000000000000000.txnindex",
        KAFKA_LOGS / "transactions-0" / "00000000000000000064.snapshot",
        KAFKA_LOGS / "deleted-prefix-0" / "leader-epoch-checkpoint",
        KAFKA_LOGS / "log-start-offset-checkpoint",
    )

    assert [line for line in lines if not line.startswith(" ")] == [
        f"index {KAFKA_LOGS / 'codecs-0' / INDEX}, 10 entries",
        f"timeindex {KAFKA_LOGS / 'append-time-0' / '00000000000000000000.timeindex'}, 1 entry",
        f"txnindex {KAFKA_LOGS / 'transactions-0' / '00000000000000000000.txnindex'}, 3 entries",
        f"snapshot {KAFKA_LOGS / 'transactions-0' / '00000000000000000064.snapshot'}, 1 entry",
        f"epochs {KAFKA_LOGS / 'deleted-prefix-0' / 'leader-epoch-checkpoint'}, 1 entry",
        f"offsets {KAFKA_LOGS / 'log-start-offset-checkpoint'}, 1 entry",
    ]
    assert lines[1] == "  offset 69  position 4745"
    assert lines[-1] == "  topic deleted-prefix  partition 0  offset 23"
