"""The fast scan of records: always the verdict of the plain reading, whatever the records are."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pykbroker.errors import ProtocolError
from pykbroker.wire.record_run import find_run
from pykbroker.wire.record_scan import RecordScan, scan_records
from pykbroker.wire.record_walk import MalformedRecordError, RecordFields, walk_records
from pykbroker.wire.records import (
    BATCH_HEADER_BYTES,
    NewRecord,
    build_batch,
    encode_varint,
    to_int64,
)

NOW = 1_700_000_000_000


@dataclass(frozen=True, slots=True)
class Refused:
    """The verdict on records that are none."""

    index: int
    why: str


def plain(data: bytes | bytearray, count: int, base_timestamp: int) -> RecordScan | Refused:
    """The verdict as the plain reading gives it."""
    try:
        records = list(walk_records(data, count))
    except MalformedRecordError as error:
        return Refused(error.index, str(error))
    timestamps = [to_int64(base_timestamp + record.timestamp_delta) for record in records]
    keyless = [index for index, record in enumerate(records) if not record.has_key]
    misplaced = [index for index, record in enumerate(records) if record.offset_delta != index]
    return RecordScan(min(timestamps), max(timestamps), (*keyless, -1)[0], (*misplaced, -1)[0])


def fast(data: bytes | bytearray, count: int, base_timestamp: int) -> RecordScan | Refused:
    """The verdict of the scan."""
    try:
        return scan_records(memoryview(data), count, base_timestamp)
    except MalformedRecordError as error:
        return Refused(error.index, str(error))


def payload_of(records: list[NewRecord]) -> bytes:
    return build_batch(records)[BATCH_HEADER_BYTES:]


# Runs of records of one shape, of any length and following each other: what the scan is made for.
shapes = st.tuples(
    st.none() | st.binary(max_size=3) | st.just(b"k" * 80),
    st.none() | st.binary(max_size=3) | st.sampled_from([b"v" * 63, b"v" * 64, b"v" * 9000]),
    st.sampled_from([(), (("h", b"1"),), (("h", None), ("", b"")), (("x" * 70, b"y" * 70),)]),
)
runs = st.lists(
    st.tuples(shapes, st.integers(1, 90), st.sampled_from([0, 1, 5, -3, 70, 10_000, -(2**40)])),
    min_size=1,
    max_size=5,
)


def records_of(some: list[tuple[tuple[bytes | None, bytes | None, object], int, int]]) -> bytes:
    records: list[NewRecord] = []
    timestamp = NOW
    for (key, value, headers), count, step in some:
        for _ in range(count):
            records.append((timestamp, key, value, headers))  # type: ignore[arg-type]
            timestamp += step
    return payload_of(records)


@settings(deadline=None)
@given(runs)
def test_the_scan_of_good_records_is_that_of_the_plain_reading(
    some: list[tuple[tuple[bytes | None, bytes | None, object], int, int]],
) -> None:
    data = records_of(some)
    count = sum(run[1] for run in some)

    verdict = fast(data, count, NOW)

    assert verdict == plain(data, count, NOW)
    assert isinstance(verdict, RecordScan)
    assert verdict.first_misplaced == -1


def test_a_length_of_three_bytes_is_not_taken_for_one_of_two() -> None:
    damaged = bytearray(payload_of([(NOW, None, b"v" * 9000, ())]))
    damaged[3] ^= 1  # the attributes, which nobody reads

    assert fast(damaged, 1, NOW) == RecordScan(NOW, NOW, 0, -1)


@settings(deadline=None)
@given(runs, st.data())
def test_the_scan_of_damaged_records_is_that_of_the_plain_reading(
    some: list[tuple[tuple[bytes | None, bytes | None, object], int, int]], data: st.DataObject
) -> None:
    damaged = bytearray(records_of(some))
    count = sum(run[1] for run in some) + data.draw(st.sampled_from([0, 0, 0, 1, -1]))
    for position in data.draw(st.lists(st.integers(0, len(damaged) - 1), max_size=3)):
        damaged[position] ^= data.draw(st.integers(1, 255))
    del damaged[data.draw(st.sampled_from([len(damaged), len(damaged) - 1])) :]
    if count < 1:
        return

    assert fast(bytes(damaged), count, NOW) == plain(bytes(damaged), count, NOW)


@settings(deadline=None)
@given(st.binary(max_size=60), st.integers(1, 20), st.integers(-(2**63), 2**63 - 1))
def test_the_scan_of_anything_is_that_of_the_plain_reading(
    data: bytes, count: int, base_timestamp: int
) -> None:
    assert fast(data, count, base_timestamp) == plain(data, count, base_timestamp)


@settings(deadline=None)
@given(st.lists(st.integers(-(2**62), 2**62), min_size=1, max_size=200))
@example([0] * 100)
def test_the_extremes_of_any_timestamps_are_found(timestamps: list[int]) -> None:
    data = payload_of([(timestamp, None, b"v", ()) for timestamp in timestamps])

    verdict = fast(data, len(timestamps), timestamps[0])

    assert verdict == RecordScan(min(timestamps), max(timestamps), 0, -1)


@pytest.mark.parametrize("step_ms", [0, 1, -1, 3, 100, -100])
@pytest.mark.parametrize("count", [63, 64, 65, 8_191, 8_192, 8_193, 20_000])
def test_long_runs_are_scanned_across_every_width_of_the_offsets(count: int, step_ms: int) -> None:
    data = payload_of([(NOW + step_ms * index, b"k", b"v", ()) for index in range(count)])

    last = NOW + step_ms * (count - 1)
    assert fast(data, count, NOW) == RecordScan(min(NOW, last), max(NOW, last), -1, -1)


@pytest.mark.parametrize("damaged", [0, 1, 40, 64, 700, 8_191, 8_192, 9_999])
def test_one_misplaced_record_of_many_is_found(damaged: int) -> None:
    data = bytearray(payload_of([(NOW, b"k", b"value", ()) for _ in range(10_000)]))
    position = len(payload_of([(NOW, b"k", b"value", ()) for _ in range(damaged)] or [ONE]))
    position = 0 if damaged == 0 else position
    data[position + 3] ^= 2  # the lowest bits of the offset delta

    assert fast(bytes(data), 10_000, NOW) == RecordScan(NOW, NOW, -1, damaged)


ONE: NewRecord = (NOW, None, None, ())


@pytest.mark.parametrize("damaged", [0, 1, 25])
def test_any_change_of_any_byte_in_a_run_is_seen(damaged: int) -> None:
    """Each byte of one record takes each value, so that no column of the run goes unread."""
    row: NewRecord = (NOW, b"k", b"v", (("h", b"1"),))
    data = bytearray(payload_of([row] * 30))
    size = len(data) // 30

    for position in range(damaged * size, (damaged + 1) * size):
        before = data[position]
        for value in range(0x100):
            data[position] = value
            assert fast(data, 30, NOW) == plain(data, 30, NOW)
        data[position] = before


def test_the_first_record_without_a_key_is_found_in_a_run_and_outside() -> None:
    keyed: list[NewRecord] = [(NOW, b"k", b"v", ())] * 100
    keyless: list[NewRecord] = [(NOW, None, b"vv", ())] * 100

    assert fast(payload_of(keyed + keyless), 200, NOW) == RecordScan(NOW, NOW, 100, -1)
    assert fast(payload_of([*keyed, keyless[0], *keyed]), 201, NOW) == RecordScan(NOW, NOW, 100, -1)
    assert fast(payload_of(keyed), 100, NOW) == RecordScan(NOW, NOW, -1, -1)


def test_timestamps_beyond_64_bits_wrap_as_java_does() -> None:
    data = payload_of([(0, None, None, ()), (2**62, None, None, ())])

    assert fast(data, 2, 2**62) == RecordScan(-(2**63), 2**62, 0, -1)


def test_overlong_varints_are_read_for_what_they_are() -> None:
    usual = b"\x0c\0\0\0\x01\x01\0"
    overlong = b"\x92\0" + b"\0" + b"\x80\0" + b"\x82\0" + b"\x81\0" + b"\x01\0"

    for count in (1, 30):
        records = usual + overlong * count
        verdict = fast(records, 1 + count, NOW)
        assert verdict == plain(records, 1 + count, NOW)
        assert verdict == RecordScan(NOW, NOW, 0, -1 if count == 1 else 2)


@pytest.mark.parametrize("count", [1, 2, 40])
def test_a_count_that_is_wrong_is_refused(count: int) -> None:
    data = payload_of([(NOW, None, b"v", ())] * 39)

    with pytest.raises(ProtocolError):
        scan_records(data, count, NOW)


def test_counts_and_lengths_of_a_liar_cost_nothing() -> None:
    huge = encode_varint(2**30)
    for record in (
        encode_varint(2**31 - 1) + b"\0" * 20,
        b"\x18\0\0\0" + huge + b"\0" * 4,
        b"\x18\0\0\0\x01" + huge + b"\0" * 3,
        b"\x18\0\0\0\x01\x01" + huge + b"\0" * 2,
    ):
        with pytest.raises(ProtocolError):
            scan_records(record, 2**31 - 1, NOW)


def test_a_malformed_record_is_named_by_its_index() -> None:
    data = payload_of([(NOW, None, b"v", ())] * 50)

    with pytest.raises(MalformedRecordError, match="record 49 ") as caught:
        scan_records(data[:-1], 50, NOW)
    assert caught.value.index == 49


def test_the_plain_reading_gives_what_decides_about_each_record() -> None:
    data = payload_of([(NOW, b"k", b"v", (("h", None),)), (NOW - 9, None, None, ())])

    assert list(walk_records(data, 2)) == [RecordFields(0, 0, True), RecordFields(-9, 1, False)]


@pytest.mark.parametrize(
    "record",
    [
        b"",
        b"\x01",
        b"\x0c\0\0\0\x01\x01",
        b"\x0c\0\0\0\x01\x01\x01",
        b"\x0c\0\0\0\x01\x01\x02",
        b"\x10\0\0\0\x01\x01\x02\x01\x01",
        b"\x0e\0\0\0\x01\x01\0\0",
        b"\x0a\0\0\0\x01\x01\0",
        b"\x80\x80\x80\x80\x80\x80",
        b"\x0c\0\0\0\x01\x01\0!",
    ],
)
def test_malformed_records_are_refused_by_both_readings(record: bytes) -> None:
    assert isinstance(plain(record, 1, NOW), Refused)
    assert fast(record, 1, NOW) == plain(record, 1, NOW)


def test_a_run_ends_where_the_shape_changes() -> None:
    records: list[NewRecord] = [(NOW, None, value, ()) for value in [b"v"] * 40 + [b"vv"] * 5]
    data = payload_of(records)

    run = find_run(data, 0, index=0, count=45)

    assert run is not None
    assert (run.length, run.end, run.has_key) == (40, 40 * 8, False)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        payload_of([(NOW, None, None, ((("h", b""),) * 17))]),
        b"\x0c\0\0\x02\x01\x01\0",  # misplaced
        b"\x10\0\0\0\x01\x01\x02\x01\x01",  # a header without a name
        b"\x0e\0\0\0\x01\x01\0\0",
        b"\x01\0\0\0\x01\x01\0\0",
    ],
)
def test_what_cannot_begin_a_run_is_left_to_the_plain_reading(data: bytes) -> None:
    assert find_run(data, 0, index=0, count=1) is None


def test_a_timestamp_too_wide_for_a_run_is_left_to_the_plain_reading() -> None:
    data = payload_of([(0, None, None, ()), (-(2**63), None, None, ())])

    assert find_run(data, 7, index=1, count=1) is None
    assert fast(data, 2, 0) == RecordScan(-(2**63), 0, 0, -1)
