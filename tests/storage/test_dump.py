from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pykbroker.errors import ProtocolError
from pykbroker.storage.dump.batches import Batch, Damage, records_of, walk
from pykbroker.wire.records import (
    Record,
    build_batch,
    crc_of,
    iterate_records,
    parse_batch_header,
    patch,
)
from tests.storage.logs import NOW_MS, a_batch

BASE = 100
CODECS = range(5)
ZEROS = "zeros: room taken in advance, or bytes that never reached the disk"


@dataclass
class Bytes:
    """A file in memory that is longer than `read_to`, if that is given, only by what it says."""

    data: bytes
    read_to: int | None = None

    @property
    def size(self) -> int:
        return len(self.data)

    def pread(self, length: int, position: int) -> bytes:
        return self.data[: self.read_to][position : position + length]


def some_batches() -> list[bytes]:
    """Three batches of offsets 100-101, 102-104, 105-105."""
    return [
        a_batch(2, base_offset=100),
        a_batch(3, base_offset=102, codec=1, producer_id=7, producer_epoch=0, base_sequence=0),
        a_batch(1, base_offset=105),
    ]


def found_in(data: bytes, base_offset: int | None = BASE) -> list[Batch | Damage]:
    return list(walk(Bytes(data), base_offset))


def whole(*batches: bytes, position: int = 0) -> list[Batch | Damage]:
    found: list[Batch | Damage] = []
    for batch in batches:
        found.append(Batch(position, parse_batch_header(batch), None))
        position += len(batch)
    return found


@pytest.mark.parametrize("base_offset", [BASE, None])
@pytest.mark.parametrize("read_bytes", [61, 100, 1 << 20])
def test_batches_are_found_however_much_is_read_at_once(
    base_offset: int | None, read_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pykbroker.storage.dump.batches.READ_BYTES", read_bytes)
    batches = some_batches()

    assert found_in(b"".join(batches), base_offset) == whole(*batches)


def test_an_empty_file_has_nothing() -> None:
    assert found_in(b"") == []


@pytest.mark.parametrize("codec", CODECS)
def test_records_of_every_codec_are_read(codec: int) -> None:
    rows = [(NOW_MS + n, b"k%d" % n, b"v" * 100, (("h", None),)) for n in range(9)]
    data = build_batch(rows, base_offset=BASE, codec=codec)
    (batch,) = found_in(data)
    assert isinstance(batch, Batch)

    assert list(records_of(Bytes(data), batch)) == [
        Record(BASE + n, NOW_MS + n, b"k%d" % n, b"v" * 100, (("h", None),)) for n in range(9)
    ]


def test_a_tail_cut_at_any_byte_is_the_only_damage() -> None:
    *before, last = some_batches()
    for size in range(1, len(last)):
        found = found_in(b"".join(before) + last[:size])

        what = f"the header of a batch is cut off after {size} of 61 bytes"
        if size < 8:
            what = ZEROS  # that is how the offset begins
        if size >= 61:
            what = f"a batch of offsets 105 to 105: it is cut off after {size} of {len(last)} bytes"
        position = sum(map(len, before))
        assert found == [*whole(*before), Damage(position, size, what, batches_follow=False)]


@pytest.mark.parametrize("zeros", [1, 60, 61, 5000])
def test_zeros_behind_the_last_batch_are_told_from_other_damage(zeros: int) -> None:
    batches = some_batches()
    data = b"".join(batches)

    found = found_in(data + bytes(zeros))

    assert found == [*whole(*batches), Damage(len(data), zeros, ZEROS, batches_follow=False)]


def test_a_batch_with_a_wrong_crc_is_shown_as_such_where_the_next_one_follows() -> None:
    first, second, third = some_batches()
    broken = second[:-1] + bytes([second[-1] ^ 1])

    found = found_in(first + broken + third)

    expected = whole(first, second, third)
    header = parse_batch_header(second)
    fault = f"its CRC is {crc_of(broken)}, its header says {header.crc}"
    assert found == [expected[0], Batch(len(first), header, fault), expected[2]]


def test_a_last_batch_with_a_wrong_crc_is_a_torn_tail() -> None:
    first, second, _ = some_batches()
    broken = second[:-1] + bytes([second[-1] ^ 1])

    found = found_in(first + broken)

    fault = f"its CRC is {crc_of(broken)}, its header says {parse_batch_header(second).crc}"
    what = f"a batch of offsets 102 to 104: {fault}"
    assert found == [*whole(first), Damage(len(first), len(second), what, batches_follow=False)]


@pytest.mark.parametrize(
    ("position", "value", "what"),
    [
        (16, 7, "no batch begins here: its magic would be 7"),
        (16, 1, "no batch begins here, or a message of the old format 1"),
        (11, 0, "a batch says that it has 12 bytes"),
        (23, 0x80, "a batch says that it ends 2147483646 offsets before it begins"),
        (6, 1, "a batch says that it begins at offset 18446744073709551615, outside the segment"),
        (10, 9, "a batch of offsets 102 to 104: it is cut off after {left} of {size} bytes"),
    ],
)
def test_the_search_goes_on_behind_a_header_that_cannot_be(
    position: int, value: int, what: str
) -> None:
    first, second, third = some_batches()
    broken = bytearray(second)
    broken[position] = value
    if position == 6:
        patch(broken, -1, 0)
        what = "a batch says that it begins at offset -1, outside the segment"
    size = parse_batch_header(broken).size_bytes
    what = what.format(left=len(second) + len(third), size=size)

    found = found_in(first + broken + third)

    damage = Damage(len(first), len(second), what, batches_follow=True)
    assert found == [
        *whole(first),
        damage,
        *whole(third, position=len(first) + len(second)),
    ]


@pytest.mark.parametrize("garbage", range(1, 200))
def test_the_next_batch_is_found_wherever_a_piece_ends(
    garbage: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pykbroker.storage.dump.batches.READ_BYTES", 150)
    first, _, third = some_batches()

    found = found_in(first + b"\2" * garbage + third)

    assert [each.position for each in found] == [0, len(first), len(first) + garbage]
    assert found[2:] == whole(third, position=len(first) + garbage)


def test_offsets_that_go_back_are_a_fault_of_the_batch() -> None:
    first, second, third = some_batches()

    found = found_in(second + first + third, BASE)

    expected = whole(second, first, third)
    assert isinstance(expected[1], Batch)
    fault = "its offsets go back: offset 105 was to follow"
    assert found == [expected[0], expected[1]._replace(fault=fault), expected[2]]


def test_whatever_byte_is_damaged_nothing_raises_and_no_byte_is_passed_over() -> None:
    batches = some_batches()
    data = b"".join(batches)
    starts = {len(b"".join(batches[:n])): parse_batch_header(batches[n]) for n in range(3)}
    for position in range(len(data)):
        for flipped in (0x01, 0x80, 0xFF):
            damaged = bytearray(data)
            damaged[position] ^= flipped

            found = found_in(bytes(damaged))

            ends = [0]
            for each in found:
                assert each.position == ends[-1]
                size = each.header.size_bytes if isinstance(each, Batch) else each.length
                ends.append(each.position + size)
            assert ends[-1] == len(data)
            hit = max(start for start in starts if start <= position)
            unharmed = {each.position for each in found if isinstance(each, Batch)}
            assert unharmed >= starts.keys() - {hit}


@given(st.binary(max_size=400), st.sampled_from([None, 0, BASE]))
def test_no_bytes_raise(data: bytes, base_offset: int | None) -> None:
    found = found_in(data, base_offset)

    assert [each.position for each in found[:1]] == [0] * bool(data)
    assert all(before.position < after.position for before, after in pairwise(found))


def test_records_that_are_broken_although_the_crc_is_right_are_refused() -> None:
    data = bytearray(build_batch([(NOW_MS, b"k", b"v", ())], base_offset=BASE))
    data[61] = 0x7F
    data[17:21] = crc_of(data).to_bytes(4, "big")
    (batch,) = found_in(bytes(data))
    assert isinstance(batch, Batch)

    with pytest.raises(ProtocolError):
        list(records_of(Bytes(bytes(data)), batch))


def test_a_batch_too_large_is_not_looked_into(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pykbroker.storage.dump.batches.RECORDS_BYTES_MAX", 1000)
    data = a_batch(1, base_offset=BASE, value_bytes=1000)
    (large,) = found_in(data)
    assert isinstance(large, Batch)
    packed = a_batch(1, base_offset=BASE, value_bytes=100_000, codec=4)
    (expanding,) = found_in(packed)
    assert isinstance(expanding, Batch)

    with pytest.raises(ProtocolError):
        list(records_of(Bytes(data), large))
    with pytest.raises(ProtocolError):
        list(records_of(Bytes(packed), expanding))
    assert len(list(iterate_records(packed))) == 1


def test_a_file_that_becomes_shorter_meanwhile_ends_the_walk() -> None:
    batches = some_batches()
    data = b"".join(batches)
    for read_to in range(len(data)):
        found = list(walk(Bytes(data, read_to), BASE))

        ends = [len(b"".join(batches[:n])) for n in range(4)]
        expected = whole(*batches[: ends.index(read_to)]) if read_to in ends else found
        assert found == expected
