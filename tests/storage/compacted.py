"""Compacted logs for tests: records appended by key, cleaned as a broker does, read back whole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pykbroker.storage.append import Origin
from pykbroker.storage.cleaning.compaction import Cleaned, CleanedGroup, Compaction, CompactionTask
from pykbroker.storage.cleaning.swapping import Swap
from pykbroker.storage.files import FileSystem
from pykbroker.storage.log import Log
from pykbroker.storage.memory_fs import MemoryFileSystem
from pykbroker.storage.removal import Removals
from pykbroker.wire.records import BatchHeader, build_batch, iterate_records
from tests.storage.logs import DIRECTORY, NOW_MS, a_log

COMPACT = frozenset({"compact"})
DAY_MS = 24 * 60 * 60 * 1000
Row = tuple[str | None, str | None]
"""Key and value."""


class Kept(NamedTuple):
    """A record that is left, as a consumer sees it."""

    offset: int
    key: str | None
    value: str | None


def a_compacted_log(fs: FileSystem, directory: str = DIRECTORY, **given: Any) -> Log:
    """Open a log whose cleanup.policy is compact; keywords as `a_log`."""
    return a_log(fs, directory, **{"cleanup_policy": COMPACT, **given})


def rows_as_records(rows: Iterable[Row], timestamp_ms: int = NOW_MS) -> list[Any]:
    """Make what `build_batch` takes, a millisecond between records."""
    return [
        (timestamp_ms + number, _encoded(key), _encoded(value), ())
        for number, (key, value) in enumerate(rows)
    ]


def _encoded(text: str | None) -> bytes | None:
    return None if text is None else text.encode()


def put(log: Log, *rows: Row, timestamp_ms: int = NOW_MS, **fields: Any) -> None:
    """Append one batch of these records."""
    batch = build_batch(rows_as_records(rows, timestamp_ms), **fields)
    origin = Origin.COORDINATOR if fields.get("control") else Origin.CLIENT
    log.append_as_leader(
        memoryview(bytearray(batch)), leader_epoch=0, now_ms=timestamp_ms, origin=origin
    )


def end_transaction(log: Log, *, commit: bool, producer_id: int = 7) -> None:
    """Append the marker that ends a producer's transaction."""
    batch = build_batch(
        [(NOW_MS, b"\0\0\0" + bytes((commit,)), b"\0\0\0\0\0\0", ())],
        producer_id=producer_id,
        producer_epoch=0,
        transactional=True,
        control=True,
    )
    log.append_as_leader(
        memoryview(bytearray(batch)), leader_epoch=0, now_ms=NOW_MS, origin=Origin.COORDINATOR
    )


@dataclass
class Outcome:
    """What a cleaning did."""

    end_offset: int
    keyless_records: int
    groups: list[tuple[int, ...]] = field(default_factory=list)


def a_task(log: Log, **given: Any) -> CompactionTask:
    """Describe the cleaning of all of a log but its active segment."""
    active = log.segments[-1].base_offset
    options: dict[str, Any] = {
        "directory": log.directory,
        "base_offsets": tuple(segment.base_offset for segment in log.segments[:-1]),
        "first_dirty_offset": 0,
        "first_uncleanable_offset": active,
        "now_ms": NOW_MS,
        "config": log.config,
        "last_records": last_records(log),
        "memory_bytes": 1 << 20,
        "load_factor": 0.9,
        "io_buffer_bytes": 1 << 12,
        "salt": b"salt",
    }
    return CompactionTask(**options | given)


def last_records(log: Log) -> Mapping[int, tuple[int, int]]:
    """Give the last record's offset and the epoch of each producer, as the broker does."""
    return {
        producer_id: (
            entry.batches[-1].last_offset if entry.batches else -1,
            entry.producer_epoch,
        )
        for producer_id, entry in log.producers.entries.items()
    }


def clean(fs: FileSystem, log: Log, **given: Any) -> Outcome:
    """Clean all but the active segment, and put what comes of it in its place."""
    log.flush()
    old = {segment.base_offset: segment for segment in log.segments}
    groups = []
    for step in Compaction(fs, a_task(log, **given)).steps():
        match step:
            case CleanedGroup():
                groups.append(step.base_offsets)
                swap = Swap(
                    fs,
                    log,
                    [old[base_offset] for base_offset in step.base_offsets],
                    is_open=lambda: True,
                    aside=Removals(fs).remove,
                )
                for work in swap.steps():
                    work()
                assert swap.is_done
            case Cleaned():
                return Outcome(step.end_offset, step.keyless_records, groups)
    raise AssertionError("a compaction ends with its end")


def batches_of(log: Log) -> list[tuple[BatchHeader, bytes]]:
    """All batches of a log, each with its header."""
    return [
        (header, bytes(segment.file.pread(header.size_bytes, position)))
        for segment in log.segments
        for position, header in segment.headers()
    ]


def kept(log: Log) -> list[Kept]:
    """All data records of a log, in order."""
    return [
        Kept(record.offset, _text(record.key), _text(record.value))
        for header, batch in batches_of(log)
        if not header.is_control
        for record in iterate_records(batch)
    ]


def _text(data: bytes | None) -> str | None:
    return None if data is None else data.decode()


class CrashError(Exception):
    """The machine stops."""


class CrashingFileSystem(MemoryFileSystem):
    """Stops in front of call number `calls_left` that changes names."""

    calls_left = 1 << 30

    def _count(self) -> None:
        if not self.calls_left:
            raise CrashError
        self.calls_left -= 1

    def rename(self, old: str, new: str) -> None:
        self._count()
        super().rename(old, new)

    def remove(self, path: str) -> None:
        self._count()
        super().remove(path)

    def sync_directory(self, path: str) -> None:
        self._count()
        super().sync_directory(path)
