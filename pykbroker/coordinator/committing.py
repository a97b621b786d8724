"""OffsetCommit: a group's offsets are remembered, if the group accepts who commits them.

A refusal of the committer is one of the whole commit; only metadata that is too long spoils no more
than its own partition (OffsetMetadataManager.commitOffset). No offset is too low or too high.
"""

from __future__ import annotations

from pykbroker.coordinator.classic.group import ClassicGroup, simple_group
from pykbroker.coordinator.classic.heartbeats import touch
from pykbroker.coordinator.commands import CommitCommand, OffsetToCommit
from pykbroker.coordinator.effects import Effects, Now, Token, answered
from pykbroker.coordinator.group import CheckPartition
from pykbroker.coordinator.records import CommittedOffset, OffsetRecord
from pykbroker.coordinator.shard import Shard
from pykbroker.errors import ErrorCode, KafkaError

BROKERS_RETENTION = -1
END_OF_TIME_MS = 2**63 - 1
_LAST_OF_ONE_UNIT = "\uffff"
"""The last character that is one unit of UTF-16."""


def commit(shard: Shard, command: CommitCommand, token: Token, now: Now) -> Effects:
    """Remember each offset, and tell by partition what became of it.

    Refused as a whole with the group's own codes, and for a member of a group that does not exist
    with GROUP_ID_NOT_FOUND, or ILLEGAL_GENERATION where the client would not know that.
    """
    check_partition = _check(shard, command, now)
    units_max = shard.settings().offset_metadata_max_bytes
    expires_ms = _expire_timestamp_ms(command.retention_time_ms, now)
    group_id = command.group_id
    records: list[OffsetRecord] = []
    codes: list[ErrorCode] = []
    for offset in command.offsets:
        metadata = offset.committed_metadata or ""
        if _is_longer(metadata, units_max):
            codes.append(ErrorCode.OFFSET_METADATA_TOO_LARGE)
            continue
        if check_partition is not None:
            check_partition(offset.topic_id, offset.partition)
        value = _value(offset, metadata, now_ms=now.wall_ms, expires_ms=expires_ms)
        records.append(OffsetRecord(group_id, offset.topic, offset.partition, value))
        codes.append(ErrorCode.NONE)
    return answered(token, tuple(codes), records)


def replay(shard: Shard, record: OffsetRecord) -> None:
    """Keep or forget an offset; who commits without ever joining has a group all the same."""
    group_id = record.group_id
    if record.value is not None and group_id not in shard.groups:
        shard.groups[group_id] = simple_group(group_id)
    shard.offsets.replay(record)


def _check(shard: Shard, command: CommitCommand, now: Now) -> CheckPartition | None:
    """Refuse who may not commit; a member of a classic group has then shown to be alive."""
    group = shard.groups.get(command.group_id)
    if group is None:
        if command.generation_id_or_member_epoch < 0:
            return None
        if command.knows_consumer_groups:
            raise KafkaError(ErrorCode.GROUP_ID_NOT_FOUND)
        raise KafkaError(ErrorCode.ILLEGAL_GENERATION)
    check_partition = group.check_commit(
        command.member_id,
        command.group_instance_id,
        command.generation_id_or_member_epoch,
        knows_consumer_groups=command.knows_consumer_groups,
    )
    if isinstance(group, ClassicGroup):
        touch(shard, group, command.member_id, now)
    return check_partition


def _value(
    offset: OffsetToCommit, metadata: str, *, now_ms: int, expires_ms: int | None
) -> CommittedOffset:
    if expires_ms is not None:
        # The record's one version with an expiry has neither leader epoch nor topic id.
        return CommittedOffset(
            offset=offset.committed_offset,
            metadata=metadata,
            commit_timestamp_ms=now_ms,
            expire_timestamp_ms=expires_ms,
        )
    return CommittedOffset(
        offset=offset.committed_offset,
        leader_epoch=offset.committed_leader_epoch,
        metadata=metadata,
        commit_timestamp_ms=now_ms,
        topic_id=offset.topic_id,
    )


def _expire_timestamp_ms(retention_time_ms: int, now: Now) -> int | None:
    """Tell when offsets expire whose client says how long to keep them, wall clock.

    Kafka lets a sum beyond the end of time wrap round, so that the offset is gone at once.
    """
    if retention_time_ms == BROKERS_RETENTION:
        return None
    return min(max(now.wall_ms + retention_time_ms, 0), END_OF_TIME_MS)


def _is_longer(text: str, units_max: int) -> bool:
    """Whether a text has more than so many units of UTF-16, which is what Java counts."""
    length = len(text)
    if length > units_max or 2 * length <= units_max:
        return length > units_max
    return length + sum(character > _LAST_OF_ONE_UNIT for character in text) > units_max
