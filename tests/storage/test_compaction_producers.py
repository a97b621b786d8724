"""What compaction leaves of producers and their transactions."""

from __future__ import annotations

from pykbroker.storage.log import Log
from pykbroker.storage.memory_fs import MemoryFileSystem
from pykbroker.wire.records import BatchHeader
from tests.storage.compacted import (
    DAY_MS,
    a_compacted_log,
    batches_of,
    clean,
    end_transaction,
    kept,
    put,
)
from tests.storage.logs import NOW_MS

PRODUCER = {"producer_id": 7, "producer_epoch": 0}
TRANSACTION = {**PRODUCER, "transactional": True}


def sequences_of(log: Log) -> dict[int, tuple[int, int]]:
    """Each producer's epoch and last sequence."""
    return {
        producer_id: (entry.producer_epoch, entry.last_sequence)
        for producer_id, entry in log.producers.entries.items()
    }


def headers_of(log: Log) -> list[BatchHeader]:
    return [header for header, _ in batches_of(log)]


def test_the_last_batch_of_a_producer_stays_as_an_empty_one() -> None:
    fs = MemoryFileSystem()
    log = a_compacted_log(fs)
    put(log, ("a", "1"), ("a", "2"), base_sequence=0, **PRODUCER)
    put(log, ("a", "3"), ("b", "3"))
    log.roll(NOW_MS)
    before = headers_of(log)[0]

    clean(fs, log)

    after = headers_of(log)[0]
    assert after == before._replace(
        batch_length=49, crc=after.crc, base_timestamp=-1, records_count=0
    )
    assert kept(log) == [(2, "a", "3"), (3, "b", "3")]


def test_of_a_producer_that_is_forgotten_nothing_stays() -> None:
    fs = MemoryFileSystem()
    log = a_compacted_log(fs)
    put(log, ("a", "1"), base_sequence=0, **PRODUCER)
    put(log, ("a", "2"))
    log.roll(NOW_MS)

    clean(fs, log, last_records={})

    assert [header.producer_id for header in headers_of(log)] == [-1]


def test_a_producer_goes_on_after_compaction_and_a_crash() -> None:
    fs = MemoryFileSystem()
    log = a_compacted_log(fs)
    for sequence in range(3):
        put(log, ("a", f"{sequence}"), base_sequence=sequence, **PRODUCER)
    put(log, ("a", "newest"))
    log.roll(NOW_MS)
    clean(fs, log)
    log.flush()
    after = fs.after_power_cut()
    for name in after.listdir(log.directory):
        if name.endswith(".snapshot"):
            after.remove(f"{log.directory}/{name}")

    log = a_compacted_log(after, recovery_point=log.recovery_point)

    assert sequences_of(log) == {7: (0, 2)}
    put(log, ("a", "3"), base_sequence=3, **PRODUCER)
    assert kept(log) == [(3, "a", "newest"), (4, "a", "3")]


def test_data_of_an_aborted_transaction_goes_and_supersedes_nothing() -> None:
    fs = MemoryFileSystem()
    log = a_compacted_log(fs)
    put(log, ("a", "1"), ("b", "1"))
    put(log, ("a", "aborted"), base_sequence=0, **TRANSACTION)
    put(log, ("c", "1"))
    end_transaction(log, commit=False)
    put(log, ("b", "committed"), base_sequence=1, **TRANSACTION)
    end_transaction(log, commit=True)
    log.roll(NOW_MS)

    clean(fs, log)

    assert kept(log) == [(0, "a", "1"), (3, "c", "1"), (5, "b", "committed")]


def test_a_producer_that_aborted_before_what_is_dirty_is_not_taken_for_aborting_now() -> None:
    fs = MemoryFileSystem()
    log = a_compacted_log(fs)
    put(log, ("a", "aborted"), base_sequence=0, **TRANSACTION)
    end_transaction(log, commit=False)
    put(log, ("b", "1"))
    log.roll(NOW_MS)
    first_dirty = clean(fs, log).end_offset
    put(log, ("b", "2"), base_sequence=1, **TRANSACTION)
    end_transaction(log, commit=True)
    log.roll(NOW_MS)

    clean(fs, log, first_dirty_offset=first_dirty)

    assert kept(log) == [(3, "b", "2")]


def test_a_transaction_that_began_before_what_is_dirty_is_aborted_all_the_same() -> None:
    fs = MemoryFileSystem()
    log = a_compacted_log(fs)
    put(log, ("a", "1"))
    put(log, ("b", "aborted"), base_sequence=0, **TRANSACTION)
    log.roll(NOW_MS)
    put(log, ("a", "aborted"), base_sequence=1, **TRANSACTION)
    end_transaction(log, commit=False)
    log.roll(NOW_MS)

    clean(fs, log, first_dirty_offset=2)

    assert kept(log) == [(0, "a", "1")]


def test_a_transaction_whose_end_was_not_seen_ends_the_cleaning() -> None:
    fs = MemoryFileSystem()
    log = a_compacted_log(fs)
    put(log, ("a", "1"), ("b", "1"))
    put(log, ("a", "2"))
    put(log, ("b", "open"), base_sequence=0, **TRANSACTION)
    put(log, ("a", "3"))
    log.roll(NOW_MS)

    outcome = clean(fs, log)

    assert outcome.end_offset == 3
    assert kept(log) == [(1, "b", "1"), (2, "a", "2"), (3, "b", "open"), (4, "a", "3")]


def test_nothing_is_written_when_no_dirty_record_is_decided() -> None:
    fs = MemoryFileSystem()
    log = a_compacted_log(fs)
    put(log, ("a", "1"))
    log.roll(NOW_MS)
    put(log, ("b", "open"), base_sequence=0, **TRANSACTION)
    log.roll(NOW_MS)

    outcome = clean(fs, log, first_dirty_offset=1)

    assert (outcome.end_offset, outcome.groups) == (1, [])


def test_each_transaction_of_a_producer_keeps_its_own_marker() -> None:
    fs = MemoryFileSystem()
    log = a_compacted_log(fs)
    put(log, ("a", "1"), base_sequence=0, **TRANSACTION)
    end_transaction(log, commit=True)
    put(log, ("b", "1"), base_sequence=1, **TRANSACTION)
    end_transaction(log, commit=True)
    put(log, ("b", "2"))
    log.roll(NOW_MS)
    clean(fs, log, last_records={})

    clean(fs, log, last_records={})

    assert [header.delete_horizon for header in headers_of(log) if header.is_control] == [
        None,
        NOW_MS + DAY_MS,
    ]


def test_a_marker_stays_while_data_of_its_transaction_does() -> None:
    fs = MemoryFileSystem()
    log = a_compacted_log(fs)
    put(log, ("a", "1"), base_sequence=0, **TRANSACTION)
    end_transaction(log, commit=True)
    put(log, ("b", "1"))
    log.roll(NOW_MS)
    before = batches_of(log)

    clean(fs, log)
    clean(fs, log, now_ms=NOW_MS + 2 * DAY_MS)

    assert batches_of(log) == before


def test_a_marker_without_data_gets_a_delete_horizon_and_goes_after_it() -> None:
    fs = MemoryFileSystem()
    log = a_compacted_log(fs)
    put(log, ("a", "1"), base_sequence=0, **TRANSACTION)
    end_transaction(log, commit=True)
    put(log, ("a", "2"))
    log.roll(NOW_MS)
    clean(fs, log, last_records={})
    # The cleaning that drops the data has still seen it: the next one knows that it is gone.
    clean(fs, log, last_records={})
    marker = headers_of(log)[0]
    assert (marker.is_control, marker.delete_horizon) == (True, NOW_MS + DAY_MS)

    clean(fs, log, now_ms=NOW_MS + DAY_MS, last_records={})

    assert [header.is_control for header in headers_of(log)] == [False]


def test_a_producer_known_by_its_marker_alone_keeps_the_marker() -> None:
    fs = MemoryFileSystem()
    log = a_compacted_log(fs)
    end_transaction(log, commit=True)
    put(log, ("a", "2"))
    log.roll(NOW_MS)
    assert log.producers.entries[7].batches == []
    clean(fs, log)

    clean(fs, log, now_ms=NOW_MS + DAY_MS)

    marker = headers_of(log)[0]
    assert (marker.is_control, marker.records_count, marker.producer_id) == (True, 0, 7)


def test_an_aborted_marker_is_kept_until_the_data_is_gone() -> None:
    fs = MemoryFileSystem()
    log = a_compacted_log(fs)
    put(log, ("a", "1"), base_sequence=0, **TRANSACTION)
    end_transaction(log, commit=False)
    put(log, ("b", "1"))
    log.roll(NOW_MS)

    clean(fs, log, last_records={})
    assert [(one.is_control, one.delete_horizon) for one in headers_of(log)] == [
        (True, None),
        (False, None),
    ]
    clean(fs, log, last_records={})

    assert headers_of(log)[0].delete_horizon == NOW_MS + DAY_MS
