"""The list of a log's segments finds them by offset, whatever is put in, taken out or replaced."""

from __future__ import annotations

from pykbroker.storage.log_config import LogConfig
from pykbroker.storage.memory_fs import MemoryFileSystem
from pykbroker.storage.segment import Segment
from pykbroker.storage.segments import Segments


def a_segment(base_offset: int) -> Segment:
    fs = MemoryFileSystem()
    file = fs.create(str(base_offset))
    return Segment(fs, "", base_offset, file=file, config=LogConfig(), now_ms=0)


def bases(segments: Segments) -> list[int]:
    return [segment.base_offset for segment in segments]


def test_an_offset_belongs_to_the_last_segment_that_begins_at_or_below_it() -> None:
    segments = Segments([a_segment(10), a_segment(20), a_segment(30)])

    found = [(segments.number_at(offset), segments.count_up_to(offset)) for offset in (9, 10, 29)]

    assert found == [(0, 0), (0, 1), (1, 2)]


def test_a_segment_ends_where_the_next_begins_and_the_last_with_the_log() -> None:
    segments = Segments([a_segment(10), a_segment(20)])

    assert [segments.end_of(number, 25) for number in range(2)] == [20, 25]


def test_segments_are_given_from_an_offset_on_or_between_two() -> None:
    segments = Segments([a_segment(10), a_segment(20), a_segment(30)])

    assert [segment.base_offset for segment in segments.since(25)] == [20, 30]
    assert [segment.base_offset for segment in segments.between(5, 20)] == [10, 20]


def test_what_is_taken_from_the_end_is_not_found_any_more() -> None:
    segments = Segments([a_segment(10), a_segment(20), a_segment(30)])

    taken = segments.take_from(1)

    assert [segment.base_offset for segment in taken] == [20, 30]
    assert (bases(segments), segments.number_at(35)) == ([10], 0)


def test_some_are_replaced_by_fewer() -> None:
    segments = Segments([a_segment(10), a_segment(20), a_segment(30), a_segment(40)])

    old = segments.replace(1, 2, [a_segment(22)])

    assert [segment.base_offset for segment in old] == [20, 30]
    assert (bases(segments), segments.number_at(21), segments.number_at(22)) == ([10, 22, 40], 0, 1)
