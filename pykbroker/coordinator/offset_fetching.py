"""OffsetFetch: what a group has committed; of what it has not, that there is nothing.

A group that does not exist has committed nothing, which is no error
(OffsetMetadataManager.fetchOffsets).
"""

from __future__ import annotations

from collections.abc import Iterable

from pykbroker.coordinator.commands import FetchedOffset, FetchOffsetsCommand, FetchOffsetsReply
from pykbroker.coordinator.effects import Effects, Now, Token, answered
from pykbroker.coordinator.shard import Shard
from pykbroker.errors import ErrorCode, KafkaError

PartitionsByTopic = Iterable[tuple[str, Iterable[int]]]


def fetch(shard: Shard, command: FetchOffsetsCommand, token: Token, now: Now) -> Effects:
    """Tell the offsets asked for, or all; refused with the group's own codes."""
    del now
    group_id, require_stable = command.group_id, command.require_stable
    committed = shard.offsets.of(group_id) if _exists(shard, command) else {}
    wanted: PartitionsByTopic
    wanted = committed.items() if command.topics is None else command.topics

    def fetched(topic: str, partition: int) -> FetchedOffset:
        if require_stable and shard.offsets.has_pending(group_id, topic, partition):
            return FetchedOffset(partition, None, ErrorCode.UNSTABLE_OFFSET_COMMIT)
        return FetchedOffset(partition, committed.get(topic, {}).get(partition))

    topics = tuple(
        (topic, tuple(fetched(topic, partition) for partition in partitions))
        for topic, partitions in wanted
    )
    return answered(token, FetchOffsetsReply(topics))


def _exists(shard: Shard, command: FetchOffsetsCommand) -> bool:
    """Whether there is such a group; refuse who is not what it says it is."""
    group = shard.groups.get(command.group_id)
    if group is None:
        return False
    try:
        group.check_fetch(command.member_id, command.member_epoch)
    except KafkaError as refusal:
        if refusal.code is not ErrorCode.GROUP_ID_NOT_FOUND:
            raise
        return False
    return True
