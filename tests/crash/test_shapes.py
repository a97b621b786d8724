"""The shapes that a power cut leaves in segment files are told apart."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.api.requests import a_batch
from tests.crash.shapes import Shape, shapes_in

PAGE = 4096


def batch(offset: int, size: int = 3 * PAGE) -> bytes:
    """Build a batch of one record that spans pages and has none that is zero."""
    return a_batch(values=[b"v" * size], base_offset=offset)


def shapes(directory: Path, *segments: tuple[int, bytes]) -> dict[Shape, int]:
    """Look at one partition with these segments."""
    partition = directory / "topic-0"
    partition.mkdir()
    for base_offset, data in segments:
        (partition / f"{base_offset:020}.log").write_bytes(data)
    return dict(shapes_in(directory))


WHOLE = batch(0) + batch(1)


@pytest.mark.parametrize(
    ("data", "shape"),
    [
        (WHOLE, Shape.WHOLE),
        (b"", Shape.EMPTY),
        (WHOLE[:-1], Shape.TORN_TAIL),
        (WHOLE + bytes(2 * PAGE), Shape.ZERO_TAIL),
        (batch(0) + bytes(3 * PAGE) + batch(2), Shape.ZERO_PAGES),
        (batch(0)[:PAGE] + bytes(PAGE) + batch(0)[2 * PAGE :] + batch(1), Shape.ZERO_PAGES),
        (batch(0)[:-1] + b"x" + batch(1), Shape.UNREADABLE),
        (batch(0) + bytes(PAGE // 2) + batch(1), Shape.UNREADABLE),
    ],
)
def test_a_segment_file_has_one_shape(tmp_path: Path, data: bytes, shape: Shape) -> None:
    assert shapes(tmp_path, (0, data)) == {shape: 1}


def test_a_segment_that_ends_before_the_next_begins_is_told(tmp_path: Path) -> None:
    found = shapes(tmp_path, (0, batch(0)), (2, batch(2)))

    assert found == {Shape.WHOLE: 2, Shape.SHORT: 1}


def test_segments_that_follow_each_other_are_whole(tmp_path: Path) -> None:
    assert shapes(tmp_path, (0, WHOLE), (2, batch(2)), (3, b"")) == {Shape.WHOLE: 2, Shape.EMPTY: 1}
