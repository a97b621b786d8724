"""What the suite asks of every client library."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from interop.text import TextRecord

CODECS = ("none", "gzip", "snappy", "lz4", "zstd")


class InteropClient(Protocol):
    """One client library, used as its manual shows; every call makes its own clients."""

    name: str
    sets_timestamps: bool
    """Whether a producer can choose the records' timestamps."""

    def version(self) -> str:
        """Tell the library's version."""
        ...

    def create_topic(self, servers: str, topic: str, partitions: int) -> None:
        """Create a topic."""
        ...

    def produce(self, servers: str, topic: str, codec: str, records: Sequence[TextRecord]) -> None:
        """Produce every record to its partition and wait for all acknowledgements."""
        ...

    def read(
        self, servers: str, topic: str, partition: int, offset: int, count: int
    ) -> list[TextRecord]:
        """Read `count` records of a partition from an offset on."""
        ...

    def offset_at(self, servers: str, topic: str, partition: int, timestamp_ms: int) -> int:
        """Find the offset of the first record that is not older."""
        ...
