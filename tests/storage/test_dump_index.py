from __future__ import annotations

import struct

from hypothesis import given
from hypothesis import strategies as st

from pykbroker.storage.dump.indexes import (
    AbortedEntry,
    Contents,
    IndexCheck,
    IndexEntry,
    OffsetRow,
    ProducerRow,
    TimeEntry,
    read_aborted,
    read_leader_epochs,
    read_offset_checkpoint,
    read_offset_index,
    read_snapshot,
    read_time_index,
)
from pykbroker.storage.leader_epochs import EpochEntry
from pykbroker.storage.producer_state import ProducerStates
from pykbroker.wire.records import BatchHeader, parse_batch_header
from tests.storage.logs import NOW_MS, a_batch

INDEX = struct.pack(">iiii", 9, 4100, 19, 8200)
TIMES = struct.pack(">qiqi", NOW_MS, 9, NOW_MS + 5, 19)


def a_header(base_offset: int, timestamp_ms: int) -> BatchHeader:
    """Of a batch of ten records."""
    return parse_batch_header(a_batch(10, base_offset=base_offset, timestamp_ms=timestamp_ms))


def test_offsets_of_indexes_are_absolute() -> None:
    assert read_offset_index(INDEX, 100) == Contents(
        (IndexEntry(109, 4100), IndexEntry(119, 8200)), ()
    )
    assert read_time_index(TIMES, 100) == Contents(
        (TimeEntry(NOW_MS, 109), TimeEntry(NOW_MS + 5, 119)), ()
    )


def test_room_that_kafka_takes_in_advance_is_no_entry() -> None:
    assert read_offset_index(INDEX + bytes(80), 0).reserved_bytes == 80
    assert read_time_index(TIMES + bytes(120), 0).reserved_bytes == 120
    assert read_offset_index(bytes(80), 0) == Contents((), (), 80)


def test_entries_that_do_not_ascend_or_are_not_whole_are_faults() -> None:
    backwards = INDEX[8:] + INDEX[:8]

    assert read_offset_index(backwards + b"\1", 0).faults == (
        "17 bytes are not whole entries of 8",
        (
            "entry offset 9, position 4100 does not ascend: entry offset 19, position 8200 is"
            " before it"
        ),
    )
    assert read_time_index(TIMES[12:] + TIMES[:12], 0).faults == (
        (
            f"entry timestamp {NOW_MS}, offset 9 does not ascend: entry timestamp {NOW_MS + 5},"
            " offset 19 is before it"
        ),
    )


def test_entries_that_fit_their_batches_are_no_misfits() -> None:
    check = IndexCheck([IndexEntry(19, 500)], [TimeEntry(NOW_MS, 9), TimeEntry(NOW_MS + 5, 29)])

    found = check.batch(0, a_header(0, NOW_MS))
    found += check.batch(500, a_header(10, NOW_MS - 9))
    found += check.batch(1000, a_header(20, NOW_MS + 5))

    assert found + check.rest() == []


def test_entries_that_do_not_fit_their_batches_are_named() -> None:
    entries = [IndexEntry(9, 400), IndexEntry(18, 500), IndexEntry(40, 9000)]
    times = [TimeEntry(NOW_MS - 1, 9), TimeEntry(NOW_MS, 18), TimeEntry(NOW_MS + 9, 99)]
    check = IndexCheck(entries, times)

    found = check.batch(0, a_header(0, NOW_MS))
    found += check.batch(500, a_header(10, NOW_MS))

    assert found + check.rest() == [
        (times[0], f"the largest timestamp up to there is {NOW_MS}"),
        (entries[0], "no batch begins at that position"),
        (entries[1], "the batch there ends with offset 19"),
        (times[1], "no batch ends with that offset"),
        (entries[2], "it lies behind the last batch"),
        (times[2], "it lies behind the last batch"),
    ]


def test_aborted_transactions_are_read() -> None:
    row = struct.pack(">hqqqq", 0, 7, 10, 20, 21)

    assert read_aborted(row) == Contents((AbortedEntry(0, 7, 10, 20, 21),), ())
    assert read_aborted(row[:-1]) == Contents((), ("33 bytes follow the last whole entry",))
    assert read_aborted(struct.pack(">hqqqq", 0, 7, 20, 10, 21)).faults == (
        (
            "entry version 0, producer_id 7, first_offset 20, last_offset 10, last_stable_offset"
            " 21: it ends before it begins"
        ),
    )


def test_producers_of_a_snapshot_are_read() -> None:
    states = ProducerStates()
    batch = a_batch(3, base_offset=5, producer_id=7, producer_epoch=2, base_sequence=4)
    states.replay(parse_batch_header(batch))
    data = states.snapshot()

    assert read_snapshot(data) == Contents((ProducerRow(7, 2, 6, 7, 2, NOW_MS, -1, -1),), ())
    assert read_snapshot(data[:-1] + b"\7") == Contents((), ("producer snapshot has a wrong CRC",))


def test_checkpoints_are_read_line_by_line() -> None:
    assert read_leader_epochs(b"0\n2\n0 0\n3 17\n") == Contents(
        (EpochEntry(0, 0), EpochEntry(3, 17)), ()
    )
    assert read_offset_checkpoint(b"0\n1\norders 2 9\n") == Contents(
        (OffsetRow("orders", 2, 9),), ()
    )
    assert read_leader_epochs(b"") == Contents((), ())


def test_what_is_wrong_in_a_checkpoint_is_told() -> None:
    assert read_leader_epochs(b"1\n3\n5 9\n4 9\nx y\n").faults == (
        "its version is '1', only 0 is known",
        "line 5 is not 2 fields: 'x y'",
        "it announces '3' entries and has 2",
        "entry epoch 4, start_offset 9 does not ascend: entry epoch 5, start_offset 9 is before it",
    )


@given(st.binary(max_size=200))
def test_no_bytes_raise(data: bytes) -> None:
    for contents in (
        read_offset_index(data, 0),
        read_time_index(data, 0),
        read_aborted(data),
        read_snapshot(data),
        read_leader_epochs(b"0\n1\n" + data),
        read_offset_checkpoint(data),
    ):
        check = IndexCheck(
            [row for row in contents.rows if isinstance(row, IndexEntry)],
            [row for row in contents.rows if isinstance(row, TimeEntry)],
        )
        check.batch(0, a_header(0, NOW_MS))
        check.rest()
