"""Random histories of a compacted log against a dict of its keys, with crashes at every rename."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pykbroker.storage.log import Log
from tests.storage.compacted import (
    CrashError,
    CrashingFileSystem,
    Row,
    a_compacted_log,
    clean,
    end_transaction,
    kept,
    put,
)
from tests.storage.logs import NOW_MS, headers_in

RETENTION_MS = 1000
NO_CRASH = 1 << 30
CONFIG: dict[str, Any] = {
    "segment_bytes": 600,
    "index_interval_bytes": 150,
    "delete_retention_ms": RETENTION_MS,
}

keys = st.sampled_from(["a", "b", "c", "d", "a long key of more than fifteen bytes", ""])
values = st.one_of(st.none(), st.sampled_from(["1", "2" * 20, "3" * 90]))
rows = st.lists(st.tuples(keys, values), min_size=1, max_size=4)
producers = st.sampled_from([None, None, 1, 2])
events = st.one_of(
    st.tuples(st.just("put"), rows, producers, st.sampled_from([0, 0, 2, 4])),
    st.tuples(st.just("put"), rows, producers, st.just(0)),
    st.tuples(st.just("transaction"), rows, st.sampled_from([1, 2]), st.booleans()),
    st.tuples(st.just("roll")),
    st.tuples(st.just("clean"), st.just(NO_CRASH), st.booleans()),
    st.tuples(st.just("clean"), st.just(NO_CRASH), st.booleans()),
    st.tuples(st.just("clean"), st.integers(0, 40), st.booleans()),
    st.tuples(st.just("flush")),
    st.tuples(st.just("restart")),
    st.tuples(st.just("power cut")),
    st.tuples(st.just("trim"), st.floats(0, 1)),
    st.tuples(st.just("wait"), st.sampled_from([1, RETENTION_MS - 1, RETENTION_MS])),
)


class History:
    """A compacted log, and all that was ever put into it and is not lost."""

    def __init__(self) -> None:
        self.fs = CrashingFileSystem()
        self.log = self.opened(clean=False)
        self.rows: dict[int, Row] = {}
        """By offset."""
        self.produced: dict[int, tuple[int, int]] = {}
        """Producer id and sequence number by offset."""
        self.aborted: set[int] = set()
        """Offsets of records that nobody is to see."""
        self.first_dirty = 0
        self.now_ms = NOW_MS
        self.cleaned_ms: dict[int, int] = {}
        """When a cleaning first went over an offset."""
        self.log_start = 0

    def opened(self, *, clean: bool, recovery_point: int = 0, log_start: int = 0) -> Log:
        return a_compacted_log(
            self.fs,
            clean=clean,
            recovery_point=recovery_point,
            log_start_offset=log_start,
            **CONFIG,
        )

    # -- what happens

    def transaction(self, some: list[Row], producer_id: int, commit: bool) -> None:
        """All of it is durable, or none: a power cut leaves no transaction open."""
        first = self.log.end_offset
        self.put(some, producer_id, 0, transactional=True)
        self.put([("a", "between")], None, 0)
        end_transaction(self.log, commit=commit, producer_id=producer_id)
        if not commit:
            self.aborted |= set(range(first, first + len(some)))
        self.log.flush()

    def put(self, some: list[Row], producer_id: int | None, codec: int, **fields: Any) -> None:
        first = self.log.end_offset
        if producer_id is not None:
            sequence = self.next_sequence(producer_id)
            fields |= {"producer_id": producer_id, "producer_epoch": 0, "base_sequence": sequence}
            for number in range(len(some)):
                self.produced[first + number] = producer_id, sequence + number
        put(self.log, *some, timestamp_ms=self.now_ms, codec=codec, **fields)
        self.rows |= {first + number: row for number, row in enumerate(some)}

    def next_sequence(self, producer_id: int) -> int:
        return 1 + max(
            (one for id_, one in self.produced.values() if id_ == producer_id), default=-1
        )

    def roll(self) -> None:
        self.log.roll(self.now_ms)

    def clean(self, calls: int, power_cut: bool) -> None:
        """Clean all there is; stop in front of a call that changes names."""
        self.roll()
        self.log.flush()
        if len(self.log.segments) == 1:
            return
        end = self.log.segments[-1].base_offset
        for offset in range(end):
            self.cleaned_ms.setdefault(offset, self.now_ms)
        self.fs.calls_left = calls
        try:
            outcome = clean(
                self.fs,
                self.log,
                first_dirty_offset=max(self.first_dirty, self.log_start),
                now_ms=self.now_ms,
            )
            assert outcome.end_offset == end
            self.first_dirty = end
        except CrashError:
            self.fs.calls_left = NO_CRASH
            self.crash(power_cut=power_cut)
        self.fs.calls_left = NO_CRASH

    def flush(self) -> None:
        self.log.flush()

    def restart(self) -> None:
        self.log.close()
        end = self.log.end_offset
        self.log = self.opened(clean=True, recovery_point=end, log_start=self.log_start)

    def power_cut(self) -> None:
        self.crash(power_cut=True)

    def crash(self, *, power_cut: bool) -> None:
        durable_end = self.log.recovery_point
        if power_cut:
            survivor = self.fs.after_power_cut()
            self.fs.__dict__.update(survivor.__dict__)
        self.log = self.opened(clean=False, recovery_point=durable_end, log_start=self.log_start)
        assert self.log.end_offset >= durable_end
        end = self.log.end_offset
        self.rows = {o: row for o, row in self.rows.items() if o < end}
        self.produced = {o: of for o, of in self.produced.items() if o < end}

    def trim(self, share: float) -> None:
        self.log.flush()
        offset = self.log_start + int((self.log.end_offset - self.log_start) * share)
        self.log.raise_log_start(offset)
        self.log_start = self.log.log_start_offset
        for path in self.log.drop_unreachable():
            self.fs.remove(path)
        self.fs.sync_directory(self.log.directory)

    def wait(self, wait_ms: int) -> None:
        self.now_ms += wait_ms

    # -- what must hold

    def check(self) -> None:
        left = {one.offset: (one.key, one.value) for one in kept(self.log)}
        assert all(self.rows[offset] == row for offset, row in left.items())
        assert not any(offset < self.first_dirty for offset in left if offset in self.aborted)
        readable = {
            o: row for o, row in self.rows.items() if o >= self.log_start and o not in self.aborted
        }
        newest = {key: offset for offset, (key, _) in readable.items()}
        for offset in newest.values():
            _, value = readable[offset]
            if offset not in left:
                assert value is None
                assert self.cleaned_ms[offset] + RETENTION_MS <= self.now_ms
        cleaned = {
            key: offset for offset, (key, _) in readable.items() if offset < self.first_dirty
        }
        for offset, (key, _) in left.items():
            if self.log_start <= offset < self.first_dirty and offset not in self.aborted:
                assert offset == cleaned[key], "it is superseded"
        sequences = {
            producer_id: entry.last_sequence + 1
            for producer_id, entry in self.log.producers.entries.items()
        }
        assert sequences == {id_: self.next_sequence(id_) for id_, _ in self.produced.values()}
        self.check_reading(sorted(o for o in left if o >= self.log_start))

    def check_reading(self, offsets: list[int]) -> None:
        """From any offset on, the first batch read is the one with the next record, or before."""
        end = self.log.end_offset
        for offset in range(self.log_start, end):
            following = [one for one in offsets if one >= offset]
            found = self.log.read(offset, max_bytes=1, end_offset=end, at_least_one=True)
            if following:
                assert found is not None
                header = headers_in(found)[0]
                assert header.last_offset >= offset
                assert header.base_offset <= following[0]


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
@given(st.lists(events, max_size=30))
def test_the_newest_value_of_every_key_outlives_everything(happening: list[Any]) -> None:
    history = History()
    for name, *arguments in happening:
        getattr(history, name.replace(" ", "_"))(*arguments)
        history.check()
