"""Builders of batches and logs for the tests of storage."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

from pykbroker.storage.append import Origin, Prepared, prepare
from pykbroker.storage.files import FileSystem, Slice
from pykbroker.storage.log import Appended, Log
from pykbroker.storage.log_config import LogConfig
from pykbroker.storage.producer_state import ProducerStates
from pykbroker.wire.records import BatchHeader, build_batch, parse_batch_header

NOW_MS = 1_700_000_000_000
TOPIC_ID = bytes(range(16))
DIRECTORY = "data/topic-0"


def a_batch(
    records: int = 1, *, timestamp_ms: int = NOW_MS, value_bytes: int = 10, **fields: Any
) -> bytes:
    """One batch; records are a millisecond apart, the newest first, so that it has the largest."""
    rows = [
        (timestamp_ms - number, b"%d" % number, b"v" * value_bytes, ()) for number in range(records)
    ]
    return build_batch(rows, **fields)


_OPEN_OPTIONS = (
    *("clean", "recovery_point", "log_start_offset", "cleaned_offset"),
    *("now_ms", "topic_id", "watch"),
)


def a_log(fs: FileSystem, directory: str = DIRECTORY, **given: Any) -> Log:
    """Open a log; keywords are LogConfig's or Log.open's, unclean unless said otherwise."""
    options: dict[str, Any] = {"clean": False, "now_ms": NOW_MS, "topic_id": TOPIC_ID}
    options |= {name: given.pop(name) for name in _OPEN_OPTIONS if name in given}
    random: Random | None = given.pop("random", None)
    return Log.open(
        fs,
        directory,
        topic="topic",
        partition=0,
        config=LogConfig(**given),
        random=random,
        **options,
    )


def append(log: Log, records: int = 1, *, leader_epoch: int = 0, **fields: Any) -> bytes:
    """Append a batch as the leader does; return it as it is stored."""
    batch = bytearray(a_batch(records, **fields))
    answer = log.append_as_leader(
        memoryview(batch), leader_epoch=leader_epoch, now_ms=NOW_MS, origin=Origin.CLIENT
    )
    assert isinstance(answer, Appended), answer
    return bytes(batch)


def replicate(log: Log, *batches: bytes) -> None:
    """Append a leader's batches as a follower does."""
    prepared = prepare(
        memoryview(b"".join(batches)),
        config=log.config,
        producers=ProducerStates(),
        next_offset=log.end_offset,
        leader_epoch=1_000,
        now_ms=NOW_MS,
        origin=Origin.FOLLOWER,
    )
    assert isinstance(prepared, Prepared)
    log.append(prepared, NOW_MS)


def headers_in(data: Slice | bytes | memoryview | None) -> list[BatchHeader]:
    """The headers of whole batches, and nothing after them."""
    if data is None:
        return []
    data = bytes(data if isinstance(data, (bytes, memoryview)) else data.read())
    headers, position = [], 0
    while position < len(data):
        header = parse_batch_header(data, position)
        headers.append(header)
        position += header.size_bytes
    assert position == len(data)
    return headers


def offsets_in(data: Slice | bytes | memoryview | None) -> list[tuple[int, int]]:
    """(base offset, last offset) of whole batches."""
    return [(header.base_offset, header.last_offset) for header in headers_in(data)]


def read_all(log: Log) -> bytes:
    """All that can be read, by reading on from each end."""
    offset, parts = log.log_start_offset, []
    while (part := read(log, offset)) is not None:
        parts.append(bytes(part.read()))
        offset = headers_in(parts[-1])[-1].next_offset
    return b"".join(parts)


def read(
    log: Log,
    offset: int,
    *,
    max_bytes: int = 1 << 30,
    end_offset: int | None = None,
    at_least_one: bool = True,
) -> Slice | None:
    """Read with what a test does not care about left out."""
    return log.read(
        offset,
        max_bytes=max_bytes,
        end_offset=log.end_offset if end_offset is None else end_offset,
        at_least_one=at_least_one,
    )


@dataclass(frozen=True)
class Stored:
    """What a model knows of a batch."""

    base_offset: int
    last_offset: int
    data: bytes
    max_timestamp: int


def stored(batch: bytes) -> Stored:
    """Describe a batch as it lies in the log."""
    header = parse_batch_header(batch)
    return Stored(header.base_offset, header.last_offset, batch, header.max_timestamp)


def overwrite(fs: FileSystem, path: str, data: bytes) -> None:
    """Put `data` in a file, whatever was there."""
    fs.create(path).pwrite(data, 0)
