"""A coordinator's log in memory, committed when a test says so, refusing when a test says so."""

from __future__ import annotations

import trio

from pykbroker.errors import KafkaError
from pykbroker.wire.records import parse_batch_header, patch


class ListLog:
    """Batches in a list; follows `CommittedLog`."""

    def __init__(self, *batches: bytes, commits: bool = True) -> None:
        self.batches: list[bytes] = []
        self.commits = commits
        """Whether what is appended is committed at once."""
        self.committed_end = 0
        self.refusal: KafkaError | None = None
        """With what appends, reads and waits are refused from now on."""
        self.batch_bytes_max = 1 << 20
        self.codec = 0
        self.reads = 0
        self.may_read: trio.Event | None = None
        """Reads wait for it."""
        self._changed = trio.Event()
        for batch in batches:
            self.append(batch, 0)

    @property
    def start_offset(self) -> int:
        return 0

    @property
    def end_offset(self) -> int:
        return parse_batch_header(self.batches[-1]).next_offset if self.batches else 0

    def append(self, batch: bytes, now_ms: int) -> int:
        if self.refusal is not None:
            raise self.refusal
        stored = bytearray(batch)
        patch(stored, self.end_offset, 0)
        self.batches.append(bytes(stored))
        if self.commits:
            self.commit()
        return self.end_offset

    def commit(self) -> None:
        """Let all that is there be committed."""
        self.committed_end = self.end_offset
        self.wake()

    def wake(self) -> None:
        """Let who waits look again."""
        self._changed.set()
        self._changed = trio.Event()

    def is_committed(self, end_offset: int) -> bool:
        return self.committed_end >= end_offset

    async def wait_committed(self, end_offset: int) -> None:
        while not self.is_committed(end_offset):
            if self.refusal is not None:
                raise self.refusal
            await self._changed.wait()

    async def read(self, offset: int) -> bytes:
        """Give one batch at a time."""
        self.reads += 1
        if self.may_read is not None:
            await self.may_read.wait()
        if self.refusal is not None:
            raise self.refusal
        for batch in self.batches:
            if parse_batch_header(batch).next_offset > offset:
                return batch
        return b""
