"""Offsets by timestamp, as ListOffsets asks; follows `Partition.fetchOffsetForTimestamp`."""

from __future__ import annotations

from typing import NamedTuple

from pykbroker.errors import ErrorCode, KafkaError
from pykbroker.replication.partition import PartitionLeader

LATEST = -1
EARLIEST = -2
MAX_TIMESTAMP = -3
EARLIEST_LOCAL = -4
LATEST_TIERED = -5
EARLIEST_PENDING_UPLOAD = -6

NO_TIMESTAMP = -1
NO_OFFSET = -1


class FoundOffset(NamedTuple):
    """An offset, the timestamp of its record where one was looked for, and its leader epoch."""

    timestamp: int = NO_TIMESTAMP
    offset: int = NO_OFFSET
    leader_epoch: int = -1


def find_offset(leader: PartitionLeader, timestamp: int, *, committed_only: bool) -> FoundOffset:
    """Find the first record with at least `timestamp` (ms), or what a special timestamp names.

    Nothing found, or nothing that the asker may read, is (-1, -1) and no error. Nothing is ever
    tiered here, so the offsets of tiered storage are -1.
    """
    partition_log = leader.partition_log
    end_offset = leader.readable_end(committed_only=committed_only)
    if timestamp == LATEST:
        return FoundOffset(NO_TIMESTAMP, end_offset, leader.leader_epoch)
    if timestamp in (EARLIEST, EARLIEST_LOCAL):
        start_offset = leader.log_start_offset
        epoch = partition_log.leader_epochs.epoch_for_offset(start_offset)
        return FoundOffset(NO_TIMESTAMP, start_offset, epoch)
    if timestamp in (LATEST_TIERED, EARLIEST_PENDING_UPLOAD):
        return FoundOffset()
    try:
        if timestamp == MAX_TIMESTAMP:
            found = partition_log.offset_of_max_timestamp()
        else:
            found = partition_log.offset_for_timestamp(timestamp, end_offset)
    except OSError as failure:
        raise leader.fail(failure) from failure
    if found is None or found.offset >= end_offset:
        return FoundOffset()
    # Of records deleted lately, the largest timestamp is told still, as in Kafka.
    known_offset = max(found.offset, leader.log_start_offset)
    epoch = partition_log.leader_epochs.epoch_for_offset(known_offset)
    return FoundOffset(found.timestamp_ms, found.offset, epoch)


def check_timestamp(timestamp: int, version: int) -> None:
    """Refuse a special timestamp that the version of ListOffsets does not have.

    Raises UNSUPPORTED_VERSION (`ReplicaManager.isListOffsetsTimestampUnsupported`).
    """
    first = _FIRST_VERSIONS.get(timestamp)
    if timestamp < 0 and (first is None or version < first):
        raise KafkaError(ErrorCode.UNSUPPORTED_VERSION)


_FIRST_VERSIONS = {
    LATEST: 1,
    EARLIEST: 1,
    MAX_TIMESTAMP: 7,  # KIP-734
    EARLIEST_LOCAL: 8,  # KIP-405
    LATEST_TIERED: 9,  # KIP-1005
    EARLIEST_PENDING_UPLOAD: 11,  # KIP-1023
}
