"""Random histories of a log against a list of its batches."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from pykbroker.errors import ErrorCode, KafkaError
from pykbroker.storage.files import FileSystem
from pykbroker.storage.fs import OsFileSystem
from pykbroker.storage.log import Log
from pykbroker.storage.memory_fs import MemoryFileSystem
from pykbroker.wire.records import iterate_records, parse_batch_header
from tests.storage.logs import NOW_MS, Stored, a_batch, a_log, append, headers_in, replicate, stored

CONFIG = {"segment_bytes": 1_500, "index_interval_bytes": 100, "segment_index_bytes": 80}


class History:
    """A log, and the batches it should hold."""

    def __init__(self, fs: FileSystem, directory: str, random: Random) -> None:
        self.fs = fs
        self.directory = directory
        self.random = random
        self.compacted = random.random() < 0.5
        """Only a compacted log has gaps."""
        self.batches: list[Stored] = []
        self.log = self.opened(clean=False)
        self.end_offset = 0
        self.log_start_offset = 0
        self.leader_epoch = 0

    def opened(self, *, clean: bool, recovery_point: int = 0, log_start_offset: int = 0) -> Log:
        return a_log(
            self.fs,
            self.directory,
            clean=clean,
            recovery_point=recovery_point,
            log_start_offset=log_start_offset,
            cleaned_offset=0,
            cleanup_policy=frozenset({"compact" if self.compacted else "delete"}),
            **CONFIG,
        )

    # -- what happens

    def append(self) -> None:
        if self.random.random() < 0.1:
            self.leader_epoch += 1
        batch = append(
            self.log,
            self.random.choice((1, 1, 2, 9)),
            leader_epoch=self.leader_epoch,
            value_bytes=self.random.choice((1, 10, 100)),
            timestamp_ms=NOW_MS + self.random.randrange(-1_000_000, 1_000_000),
            codec=self.random.choice((0, 0, 1)),
            **self.random.choice(({}, {}, self.a_producer())),
        )
        self.took(batch)

    def a_producer(self) -> dict[str, int]:
        producer_id = self.random.randrange(3)
        entry = self.log.producers.entries.get(producer_id)
        sequence = 0 if entry is None else entry.last_sequence + 1
        return {"producer_id": producer_id, "producer_epoch": 0, "base_sequence": sequence}

    def replicate(self) -> None:
        batches, offset = [], self.end_offset
        for _ in range(self.random.randrange(1, 6)):
            offset += self.random.choice((0, 0, 1, 50)) if self.compacted else 0
            records = self.random.choice((1, 3))
            batches.append(
                a_batch(
                    records,
                    base_offset=offset,
                    leader_epoch=self.leader_epoch,
                    timestamp_ms=NOW_MS + self.random.randrange(-1_000_000, 1_000_000),
                )
            )
            offset += records
        replicate(self.log, *batches)
        for batch in batches:
            self.took(batch)

    def took(self, batch: bytes) -> None:
        self.batches.append(stored(batch))
        self.end_offset = self.batches[-1].last_offset + 1

    def roll(self) -> None:
        self.log.roll(NOW_MS)

    def flush(self) -> None:
        self.log.flush()
        assert self.log.recovery_point == self.end_offset

    def truncate(self) -> None:
        offset = self.random.randrange(max(0, self.end_offset - 40), self.end_offset + 2)
        changed = self.log.truncate_to(offset)
        assert changed == (offset < self.end_offset)
        if changed:
            self.end_offset = self.log.end_offset
            self.batches = [one for one in self.batches if one.last_offset < offset]
            last = self.batches[-1].last_offset + 1 if self.batches else 0
            assert last <= self.end_offset <= offset
            self.log_start_offset = min(self.log_start_offset, self.end_offset)

    def raise_log_start(self) -> None:
        offset = self.random.randrange(self.log_start_offset, self.end_offset + 1)
        self.log.raise_log_start(offset)
        self.log_start_offset = offset

    def reopen_clean(self) -> None:
        self.log.close()
        self.log = self.opened(
            clean=True,
            recovery_point=self.log.recovery_point,
            log_start_offset=self.log_start_offset,
        )
        assert self.log.recovery_report.scanned_bytes == 0
        self.end_may_sink()

    def reopen_unclean(self) -> None:
        self.log.close_files()
        self.log = self.opened(
            clean=False,
            recovery_point=self.log.recovery_point,
            log_start_offset=self.log_start_offset,
        )
        assert self.log.recovery_report.cut is None
        self.end_may_sink()

    def reopen_torn(self) -> None:
        if not self.batches or self.batches[-1].last_offset < self.log_start_offset:
            return
        torn = self.batches.pop()
        segment = self.log.segments[-1]
        if not segment.size:
            self.batches.append(torn)
            return
        cut = self.random.randrange(1, len(torn.data) + 1)
        segment.file.truncate(segment.file.size - cut)
        segment.file.sync()
        self.log.close_files()
        # No power cut tears what was synced.
        synced = self.batches[-1].last_offset + 1 if self.batches else 0
        self.log = self.opened(
            clean=False,
            recovery_point=min(self.log.recovery_point, synced),
            log_start_offset=min(self.log_start_offset, torn.base_offset),
        )
        self.log_start_offset = min(self.log_start_offset, torn.base_offset)
        self.end_may_sink()

    def end_may_sink(self) -> None:
        """After a gap the end is known only by the record before it, if the log start is below."""
        found = self.log.end_offset
        if self.batches and not self.log.size_bytes:
            assert found == self.log_start_offset > self.batches[-1].last_offset
            self.batches = []
        assert found <= self.end_offset
        assert found >= (self.batches[-1].last_offset + 1 if self.batches else 0)
        self.end_offset = found
        self.log_start_offset = self.log.log_start_offset

    # -- what must hold

    def check(self) -> None:
        log = self.log
        assert log.end_offset == self.end_offset
        assert log.log_start_offset == self.log_start_offset
        assert log.size_bytes == sum(len(one.data) for one in self.batches)
        self.check_reading_on()
        for _ in range(4):
            self.check_read()
            self.check_bytes_between()
        self.check_timestamps()
        self.check_epochs()

    def readable(self, offset: int, end_offset: int) -> list[Stored]:
        return [
            one
            for one in self.batches
            if one.last_offset >= offset and one.last_offset < end_offset
        ]

    def check_reading_on(self) -> None:
        offset, seen = self.log.log_start_offset, []
        while True:
            part = self.log.read(
                offset, max_bytes=700, end_offset=self.end_offset, at_least_one=True
            )
            if part is None:
                break
            seen.append(bytes(part.read()))
            offset = headers_in(seen[-1])[-1].next_offset
        expected = self.readable(self.log_start_offset, self.end_offset)
        assert b"".join(seen) == b"".join(one.data for one in expected)

    def check_read(self) -> None:
        offset = self.random.randrange(self.log_start_offset, self.end_offset + 1)
        end_offset = self.random.randrange(offset, self.end_offset + 1)
        max_bytes = self.random.choice((0, 50, 90, 300, 1_000, 10_000))
        at_least_one = self.random.random() < 0.7
        expected = self.readable(offset, end_offset)

        part = self.log.read(
            offset, max_bytes=max_bytes, end_offset=end_offset, at_least_one=at_least_one
        )

        data = b"" if part is None else bytes(part.read())
        assert b"".join(one.data for one in expected).startswith(data)
        assert part is None or data
        assert len(headers_in(data)) >= (1 if at_least_one and expected else 0)
        assert len(data) <= max_bytes or (at_least_one and len(headers_in(data)) == 1)
        if expected and len(expected[0].data) <= max_bytes:
            assert data

    def check_bytes_between(self) -> None:
        offset = self.random.randrange(self.log_start_offset, self.end_offset + 1)
        end_offset = self.random.randrange(offset, self.end_offset + 1)
        exact = sum(len(one.data) for one in self.readable(offset, end_offset))

        estimate = self.log.bytes_between(offset, end_offset)

        assert abs(estimate - exact) <= 2 * (CONFIG["index_interval_bytes"] + 1_200)
        assert (estimate > 0) == (offset < end_offset)

    def check_timestamps(self) -> None:
        records = [
            (record.timestamp, record.offset)
            for one in self.batches
            for record in iterate_records(one.data)
        ]
        timestamp_ms = NOW_MS + self.random.randrange(-1_100_000, 1_100_000)
        readable = [row for row in records if row[1] >= self.log_start_offset]
        later = [row for row in readable if row[0] >= timestamp_ms]
        assert self.log.offset_for_timestamp(timestamp_ms, self.end_offset) == (
            later[0] if later else None
        )
        largest = max(records, key=lambda row: row[0], default=None)
        assert self.log.offset_of_max_timestamp() == largest

    def check_epochs(self) -> None:
        expected: list[tuple[int, int]] = []
        for one in self.batches:
            epoch = parse_batch_header(one.data).partition_leader_epoch
            if not expected or epoch > expected[-1][0]:
                expected.append((epoch, one.base_offset))
        if expected and self.log_start_offset == 0:
            assert self.log.leader_epochs.entries == tuple(expected)


STEPS: list[tuple[Callable[[History], None], int]] = [
    (History.append, 40),
    (History.replicate, 6),
    (History.roll, 3),
    (History.flush, 4),
    (History.truncate, 5),
    (History.raise_log_start, 2),
    (History.reopen_clean, 3),
    (History.reopen_unclean, 3),
    (History.reopen_torn, 3),
]


def play(history: History, steps: int) -> None:
    names, weights = zip(*STEPS, strict=True)
    for step in history.random.choices(names, weights, k=steps):
        step(history)
        history.check()


@pytest.mark.parametrize("seed", range(40))
def test_a_log_in_memory_is_a_list_of_batches(seed: int) -> None:
    play(History(MemoryFileSystem(), "data/topic-0", Random(seed)), steps=60)


@pytest.mark.parametrize("seed", range(8))
def test_a_log_on_disk_is_a_list_of_batches(seed: int, tmp_path: Path) -> None:
    fs = OsFileSystem(open_files_max=2)
    play(History(fs, f"{tmp_path.as_posix()}/topic-0", Random(seed)), steps=60)


@pytest.mark.parametrize("seed", range(40))
def test_a_power_cut_takes_only_what_was_not_flushed(seed: int) -> None:
    fs = MemoryFileSystem()
    history = History(fs, "data/topic-0", Random(seed))
    play(history, steps=40)
    point = history.log.recovery_point

    history.fs = fs.after_power_cut()
    log = history.log = history.opened(
        clean=False,
        recovery_point=point,
        log_start_offset=min(history.log_start_offset, point),
    )

    kept = [one for one in history.batches if one.last_offset < log.end_offset]
    assert [one for one in history.batches if one.last_offset < point] == [
        one for one in kept if one.last_offset < point
    ]
    if not log.size_bytes:
        # All that is left was below the log start, and the log begins there anew.
        assert all(one.last_offset < log.log_start_offset for one in kept)
        kept = []
    history.batches, history.end_offset = kept, log.end_offset
    history.log_start_offset = log.log_start_offset
    history.check()


def test_outside_of_the_log_is_out_of_range() -> None:
    log = a_log(MemoryFileSystem())
    append(log, 5)
    log.raise_log_start(2)

    for offset in (-1, 0, 1, 6, 1 << 40):
        with pytest.raises(KafkaError) as raised:
            log.read(offset, max_bytes=100, end_offset=5, at_least_one=True)
        assert raised.value.code is ErrorCode.OFFSET_OUT_OF_RANGE
