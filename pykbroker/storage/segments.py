"""The segments of one log, oldest first, found by offset; as Kafka's LogSegments.

A list and nothing else: who changes it has changed the files before. There is always at least one
segment, save while a log is being cut down to nothing.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence

from pykbroker.storage.retention import Candidate
from pykbroker.storage.segment import Segment


class Segments:
    """Segments in the order of their base offsets."""

    __slots__ = ("_base_offsets", "_list")

    def __init__(self, segments: Iterable[Segment]) -> None:
        self._list = list(segments)
        self._base_offsets = [segment.base_offset for segment in self._list]

    def __len__(self) -> int:
        return len(self._list)

    def __iter__(self) -> Iterator[Segment]:
        return iter(self._list)

    def __getitem__(self, number: int) -> Segment:
        return self._list[number]

    def as_tuple(self) -> tuple[Segment, ...]:
        """Return them all, as they are now."""
        return tuple(self._list)

    @property
    def size_bytes(self) -> int:
        """The bytes of all batches."""
        return sum(segment.size for segment in self._list)

    def count_up_to(self, offset: int) -> int:
        """Return how many begin at or below `offset`."""
        return bisect_right(self._base_offsets, offset)

    def number_at(self, offset: int) -> int:
        """Return the number of the segment that `offset` belongs to; 0 below all of them."""
        return max(bisect_right(self._base_offsets, offset) - 1, 0)

    def since(self, offset: int) -> list[Segment]:
        """Return the segment that `offset` belongs to and all later ones."""
        return self._list[self.number_at(offset) :]

    def between(self, offset: int, last_offset: int) -> list[Segment]:
        """Return the segments that the offsets [offset, last_offset] belong to."""
        return self._list[self.number_at(offset) : self.number_at(last_offset) + 1]

    def end_of(self, number: int, end_offset: int) -> int:
        """Return where segment `number` ends, exclusive, in a log that ends at `end_offset`."""
        later = number + 1
        return self._base_offsets[later] if later < len(self._list) else end_offset

    def candidates(self, end_offset: int) -> Iterator[Candidate]:
        """Yield what retention asks of each segment of a log that ends at `end_offset`.

        One by one: a segment that nobody asks for needs no index in memory. Raises OSError.
        """
        for number, segment in enumerate(self.as_tuple()):
            newest_ms = segment.largest.timestamp_ms
            if newest_ms < 0:
                modified_ms = segment.file.modified_ms()
                newest_ms = segment.created_ms if modified_ms is None else modified_ms
            yield Candidate(
                segment.base_offset,
                self.end_of(number, end_offset),
                segment.size,
                newest_ms,
                is_last=number + 1 == len(self._list),
            )

    def end_below(self, offset: int) -> int:
        """Return where the last batch ends that lies wholly below `offset`, in its segment.

        Without one it is where the segment begins; below all segments `offset` itself.
        """
        segment = self._list[self.number_at(offset)]
        segment.locate(offset)  # puts right an index that lies
        end_offset = segment.base_offset
        for _, header in segment.headers(segment.offset_index.position_before(offset - 1)):
            if header.last_offset >= offset:
                break
            end_offset = header.next_offset
        return min(end_offset, offset)

    def add(self, segment: Segment) -> None:
        """Put a segment behind all others."""
        self._list.append(segment)
        self._base_offsets.append(segment.base_offset)

    def take_from(self, number: int) -> list[Segment]:
        """Take out the segments from `number` on, and return them."""
        taken = self._list[number:]
        del self._list[number:], self._base_offsets[number:]
        return taken

    def replace(self, first: int, count: int, new: Sequence[Segment] = ()) -> list[Segment]:
        """Put `new` in place of `count` segments from number `first` on; return the old ones."""
        old = self._list[first : first + count]
        self._list[first : first + count] = new
        self._base_offsets[first : first + count] = [segment.base_offset for segment in new]
        return old
