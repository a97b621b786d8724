"""What an append comes to: the answer to a leader's, and a follower's taken apart."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from pykbroker.storage.append import Prepared


class Appended(NamedTuple):
    """Where a leader's append went; both offsets inclusive, the time -1 unless LogAppendTime."""

    first_offset: int
    last_offset: int
    log_append_time_ms: int


def one_by_one(prepared: Prepared) -> Iterator[Prepared]:
    """Yield the batches of a follower's append as appends of their own, for separate segments."""
    position = 0
    for header in prepared.headers:
        batch = prepared.batches[position : position + header.size_bytes]
        position += header.size_bytes
        yield prepared._replace(
            headers=(header,),
            batches=batch,
            first_offset=header.base_offset,
            last_offset=header.last_offset,
            max_timestamp=header.max_timestamp,
            offset_of_max_timestamp=header.last_offset,
            producer_update=(header,) if header.producer_id >= 0 else (),
        )
