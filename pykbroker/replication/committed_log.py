"""A partition as a coordinator's memory: what `coordinator.committed_log` asks, of its leader.

It is read to its end, also what is not committed yet: whoever coordinates tells nobody of that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pykbroker.errors import ErrorCode, KafkaError
from pykbroker.replication.partition import PartitionLeader
from pykbroker.storage.append import Duplicate, Origin

if TYPE_CHECKING:
    from pykbroker.replication.checkpoints import Offload

READ_BYTES = 1 << 20


class PartitionLog:
    """The log of a partition that this broker leads."""

    def __init__(self, leader: PartitionLeader, offload: Offload, codec: int) -> None:
        self._leader = leader
        self._offload = offload
        self.codec = codec

    @property
    def start_offset(self) -> int:
        """The first offset that can be read, inclusive."""
        return self._leader.log_start_offset

    @property
    def end_offset(self) -> int:
        """The offset the next record gets."""
        return self._leader.end_offset

    @property
    def batch_bytes_max(self) -> int:
        """The largest batch that `append` takes."""
        config = self._leader.partition_log.config
        return min(config.max_message_bytes, config.segment_bytes)

    def append(self, batch: bytes, now_ms: int) -> int:
        """Append a batch, give the end offset it leads to; raises as `PartitionLeader.append`."""
        appended = self._leader.append(
            memoryview(bytearray(batch)), acks_all=True, now_ms=now_ms, origin=Origin.COORDINATOR
        )
        assert not isinstance(appended, Duplicate), "a coordinator's batch has no producer id"
        return appended.last_offset + 1

    def is_committed(self, end_offset: int) -> bool:
        """Tell whether all below `end_offset` is committed."""
        return self._leader.is_committed(end_offset)

    async def wait_committed(self, end_offset: int) -> None:
        """Return when all below `end_offset` is; raises as `PartitionLeader.wait_committed`."""
        await self._leader.wait_committed(end_offset)

    async def read(self, offset: int) -> bytes:
        """Give whole batches from the one that holds `offset` on; empty at the end of the log.

        Raises KAFKA_STORAGE_ERROR when the disk fails, and the partition is offline, or when it has
        failed: what was not committed by then never is.
        """
        leader = self._leader
        _check_leads(leader)
        if leader.is_read_only:
            raise KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, "the disk failed")
        partition_log = leader.partition_log
        try:
            # Found here, read elsewhere: segments come and go, but a slice stays what it is.
            found = partition_log.read(
                offset,
                max_bytes=READ_BYTES,
                end_offset=partition_log.end_offset,
                at_least_one=True,
            )
            return b"" if found is None else bytes(await self._offload(found.read))
        except OSError as failure:
            _check_leads(leader)
            raise leader.fail(failure) from failure


def _check_leads(leader: PartitionLeader) -> None:
    if leader.is_retired or leader.is_offline:
        raise KafkaError(ErrorCode.NOT_LEADER_OR_FOLLOWER)
