"""The keys of records are read as the plain reading has them."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pykbroker.errors import ProtocolError
from pykbroker.wire.record_keys import (
    read_keys,
    record_ends,
    timestamp_delta,
    with_base_timestamp,
)
from pykbroker.wire.record_walk import MalformedRecordError, walk_records
from pykbroker.wire.records import BATCH_HEADER_BYTES, NewRecord, build_batch, iterate_records

texts = st.one_of(
    st.none(),
    st.binary(max_size=5),
    st.integers(60, 70).map(bytes),
    st.integers(8_190, 8_194).map(bytes),
)
rows = st.lists(
    st.tuples(
        st.integers(0, 1 << 45),
        texts,
        texts,
        st.sampled_from([(), (("name", b"value"),), (("x" * 70, None), ("", b""))]),
    ),
    min_size=1,
    max_size=70,
)


@given(rows)
def test_keys_tombstones_and_ends_are_those_of_the_records(records: list[NewRecord]) -> None:
    batch = build_batch(records)
    data = batch[BATCH_HEADER_BYTES:]

    keys, tombstones = read_keys(data, len(records))
    ends = record_ends(data, len(records))

    assert keys == [record[1] for record in records]
    assert tombstones == [number for number, record in enumerate(records) if record[2] is None]
    assert ends[-1] == len(data)
    starts = [0, *ends[:-1]]
    for start, end, record in zip(starts, ends, records, strict=True):
        assert timestamp_delta(data[start:end]) == record[0] - records[0][0]


@given(rows, st.integers(0, 1 << 45))
def test_with_another_base_timestamp_a_record_means_the_same(
    records: list[NewRecord], base: int
) -> None:
    data = build_batch([(base, b"", b"", ()), *records])[BATCH_HEADER_BYTES:]
    ends = record_ends(data, len(records) + 1)

    moved = [
        with_base_timestamp(data[start:end], base, base + 12_345) for start, end in pairwise(ends)
    ]
    back = [with_base_timestamp(record, base + 12_345, base) for record in moved]

    assert b"".join(back) == data[ends[0] :]
    for record, row in zip(moved, records, strict=True):
        assert timestamp_delta(record) == row[0] - base - 12_345


@given(st.binary(max_size=80), st.integers(1, 5))
def test_other_bytes_are_refused_or_read_without_harm(data: bytes, count: int) -> None:
    for read in (read_keys, record_ends):
        try:
            read(data, count)
        except MalformedRecordError:
            with pytest.raises(ProtocolError):
                list(walk_records(data, count))


@pytest.mark.parametrize("cut", range(1, 20))
def test_records_cut_off_are_refused(cut: int) -> None:
    batch = build_batch([(0, b"key", b"value", ())] * 2)
    assert len(list(iterate_records(batch))) == 2

    with pytest.raises(MalformedRecordError):
        read_keys(batch[BATCH_HEADER_BYTES:-cut], 2)
    with pytest.raises(MalformedRecordError):
        record_ends(batch[BATCH_HEADER_BYTES:-cut], 2)
