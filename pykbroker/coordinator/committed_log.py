"""What a coordinator needs of the partition that is its memory; a partition's leader serves it."""

from __future__ import annotations

from typing import Protocol


class CommittedLog(Protocol):
    """A log that a coordinator writes, and reads once from its start."""

    @property
    def start_offset(self) -> int:
        """The first offset that can be read, inclusive."""
        ...

    @property
    def end_offset(self) -> int:
        """The offset the next record gets."""
        ...

    @property
    def batch_bytes_max(self) -> int:
        """The largest batch that `append` takes."""
        ...

    @property
    def codec(self) -> int:
        """The compression that batches are to have, by its number."""
        ...

    def append(self, batch: bytes, now_ms: int) -> int:
        """Append one record batch and give the end offset it leads to, exclusive.

        Raises KafkaError where it cannot be, and then nothing of it is in the log.
        """
        ...

    def is_committed(self, end_offset: int) -> bool:
        """Tell whether all below `end_offset` can no more be lost."""
        ...

    async def wait_committed(self, end_offset: int) -> None:
        """Return when all below `end_offset` is committed; raises KafkaError when it never is."""
        ...

    async def read(self, offset: int) -> bytes:
        """Give whole batches from the one that holds `offset` on; empty at the end of the log.

        Raises KafkaError where the log cannot be read.
        """
        ...
