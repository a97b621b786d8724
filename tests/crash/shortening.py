"""Retention and compaction on a stage, and what a compacted log must still hold.

Of a compacted log: every record is one that was appended at that offset; the newest record of a
key is there, or it erased the key and none of that key's records is; producers go on where they
were.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pykbroker.storage.cleaning.compaction import CleanedGroup, Compaction
from pykbroker.storage.cleaning.swapping import Swap
from pykbroker.storage.log import Log
from pykbroker.wire.records import build_batch, iterate_records, parse_batch_header
from tests.crash.promises import Promises, require
from tests.crash.stage import Stage
from tests.storage.compacted import a_task
from tests.storage.logs import Stored, headers_in, read_all

COMPACT = frozenset({"compact"})
Found = tuple[int, bytes | None, bytes | None]
"""Offset, key and value of a record."""


def _bytes_of(data: memoryview | bytes | None) -> bytes | None:
    return None if data is None else bytes(data)


def records_of(batches: bytes) -> list[Found]:
    """Give the records of whole batches."""
    found: list[Found] = []
    view, position = memoryview(batches), 0
    for header in headers_in(batches):
        batch = view[position : position + header.size_bytes]
        found += [(r.offset, _bytes_of(r.key), _bytes_of(r.value)) for r in iterate_records(batch)]
        position += header.size_bytes
    return found


@dataclass(frozen=True, slots=True)
class NewestOfEachKey:
    """Judges a log that may have been compacted."""

    promises: Promises

    def check(self, log: Log) -> None:
        """Compare the log with all that was appended to it."""
        appended = [one for one in self.promises.batches if one.base_offset < log.end_offset]
        data = read_all(log)
        records = records_of(data)
        offsets = [offset for offset, _, _ in records]
        require(offsets == sorted(set(offsets)), f"offsets are {offsets}")
        all_records = records_of(b"".join(one.data for one in appended))
        strange = set(records) - set(all_records)
        require(not strange, f"records that were never appended: {sorted(strange)[:3]}")
        self._check_keys(log, set(records), all_records)
        for header in headers_in(data):
            epoch = log.leader_epochs.epoch_for_offset(max(header.base_offset, 0))
            require(
                epoch == header.partition_leader_epoch,
                f"epoch {epoch} is told of offset {header.base_offset}",
            )
        self._check_producers(log, appended)

    def _check_keys(self, log: Log, records: set[Found], all_records: list[Found]) -> None:
        newest: dict[bytes | None, Found] = {}
        for record in all_records:
            newest[record[1]] = record
        kept_keys = {key for _, key, _ in records}
        for key, record in newest.items():
            erased = record[2] is None and key not in kept_keys
            gone = record[0] < log.log_start_offset
            require(record in records or erased or gone, f"the newest of {key!r} is not there")

    def _check_producers(self, log: Log, appended: list[Stored]) -> None:
        last = {}
        for one in appended:
            header = parse_batch_header(one.data)
            if header.producer_id >= 0 and header.last_offset >= log.log_start_offset:
                last[header.producer_id] = header.last_sequence
        for producer_id, sequence in last.items():
            entry = log.producers.entries.get(producer_id)
            require(
                entry is not None and entry.last_sequence == sequence,
                f"producer {producer_id} sent {sequence} last, its state is {entry}",
            )


def create_compacted(stage: Stage, policy: frozenset[str] = COMPACT, **config: Any) -> None:
    """Make a topic whose log will be compacted."""
    stage.create(cleanup_policy=policy, delete_retention_ms=1_000, **config)
    promises = stage.promised.partitions["a"]
    promises.contents = NewestOfEachKey(promises)


def erase(stage: Stage, key: bytes) -> None:
    """Append a tombstone."""
    stage.append_batch(build_batch([(stage.promised.now_ms, key, None, ())], leader_epoch=0))


def compact(stage: Stage) -> None:
    """Clean all but the active segment, step by step as the broker does."""
    stage.sync()
    log = stage.logs["a"]
    if len(log.segments) == 1:
        return  # a full disk has refused all that was to be cleaned
    old = {segment.base_offset: segment for segment in log.segments}
    task = a_task(log, now_ms=stage.promised.now_ms)
    for step in Compaction(stage.fs, task).steps():
        if isinstance(step, CleanedGroup):
            swap = Swap(
                stage.fs,
                log,
                [old[base_offset] for base_offset in step.base_offsets],
                is_open=lambda: True,
                aside=lambda paths: stage.directory.removals.note(paths, delay_ms=0),
            )
            for work in swap.steps():
                work()


def retain(stage: Stage) -> None:
    """Look for segments to delete, as the broker does: log starts are stored, then files go."""
    log, promises = stage.log_of("a")
    plan = log.retention_plan(high_watermark=promises.durable_end, now_ms=stage.promised.now_ms)
    if not plan.reasons:
        return
    if plan.takes_all:
        log.roll(stage.promised.now_ms)
    stage.delete_records(plan.log_start_offset)
    stage.checkpoint()
    stage.directory.removals.note(log.drop_unreachable(), delay_ms=0)
