"""Whose turn it is to receive or to give, among members with unlike loads. Pure.

Follows `MemberAssignmentBalancer` of Kafka's heterogeneous builder. Both are endless rounds among
equals: whoever is yielded is taken to receive (or to give) one partition before the next is asked.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Mapping, Sequence


def least_loaded(members: Sequence[str], loads: Mapping[str, int]) -> Iterator[str]:
    """Yield who receives next, for ever: the least loaded, the first in `members` among equals.

    `members` are sorted by load, ascending, and not empty. Loads 0, 1, 2 for A, B, C →
    A, A, B, A, B, C, A, …
    """
    heap = [(loads[member], position) for position, member in enumerate(members)]
    while True:
        load, position = heap[0]
        yield members[position]
        heapq.heapreplace(heap, (load + 1, position))


def most_loaded(
    members: Sequence[str], loads: Mapping[str, int], can_give: Callable[[str], object]
) -> Iterator[str]:
    """Yield who gives next: the most loaded that can, the last in `members` among equals.

    `members` are sorted by load, ascending; `loads` is read as it changes. Ends when no one can
    give. Loads 1, 2, 3 for A, B, C → C, C, B, C, B, A, …
    """
    order = list(members)
    start = end = len(order)
    """The round: those who share the highest load. Who cannot give is moved behind its end."""
    level = 0
    while end > 0:
        level = loads[order[start - 1]] if start == end else level - 1
        while start > 0 and loads[order[start - 1]] == level:
            start -= 1
        for position in reversed(range(start, end)):
            if can_give(order[position]):
                yield order[position]
            else:
                end -= 1
                order[position], order[end] = order[end], order[position]
