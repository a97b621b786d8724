"""The map from keys to the newest record of each."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pykbroker.storage.cleaning.offset_map import OffsetMap


def test_a_key_belongs_to_its_newest_record() -> None:
    keys = OffsetMap(10, b"salt")

    assert keys.put_all([b"a", b"b", b"a", None], 5) == [5]
    assert keys.put_all([b"b", b"c"], 9) == [6]

    assert keys.size == 3
    assert keys.find_all([b"d", b"a", None, b"c"]) == [1, 3]


@given(
    st.lists(st.lists(st.one_of(st.none(), st.binary(max_size=40), st.sampled_from([b"", b"\0"])))),
    st.integers(0, 3),
)
def test_it_answers_as_a_dict_does(batches: list[list[bytes | None]], spare: int) -> None:
    newest: dict[bytes, int] = {}
    keys = OffsetMap(sum(map(len, batches)) + spare, b"salt")
    number = 0
    for batch in batches:
        expected = []
        for index, key in enumerate(batch):
            if key is not None:
                if key in newest:
                    expected.append(newest[key])
                newest[key] = number + index
        assert keys.put_all(batch, number) == expected
        number += len(batch)

    assert keys.size == len(newest)
    assert keys.find_all(newest) == [*range(len(newest))]
    assert keys.find_all([b"\xff" * 41, None]) == []


@pytest.mark.parametrize("length", [14, 15, 16, 17])
def test_short_keys_and_digests_are_told_apart_by_every_byte(length: int) -> None:
    keys = OffsetMap(3 * length, b"salt")
    some = [bytes(length), *(bytes(at) + b"\1" + bytes(length - at - 1) for at in range(length))]

    assert keys.put_all(some, 0) == []
    assert keys.find_all([bytes(length - 1), bytes(length + 1)]) == []


def test_when_it_is_full_what_is_missing_is_still_found_missing() -> None:
    keys = OffsetMap(101, b"salt")
    full = [b"%d" % number for number in range(keys.slots)]
    assert keys.slots >= 101

    assert keys.put_all(full, 0) == []

    assert keys.find_all(full) == [*range(keys.slots)]
    assert keys.find_all([b"another"]) == []
