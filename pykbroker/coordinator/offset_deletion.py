"""Offsets that are deleted: because somebody asks, or because their topic is no more (KIP-496)."""

from __future__ import annotations

from itertools import islice

from pykbroker.coordinator.commands import DeleteOffsetsCommand, ForgetPartitionsCommand
from pykbroker.coordinator.effects import Effects, Now, Token, answered
from pykbroker.coordinator.records import CommittedOffset, OffsetRecord
from pykbroker.coordinator.shard import Shard
from pykbroker.errors import ErrorCode, KafkaError

FORGOTTEN_AT_ONCE = 1_000
"""Offsets of deleted topics that are forgotten in one go, for others not to wait long."""


def delete(shard: Shard, command: DeleteOffsetsCommand, token: Token, now: Now) -> Effects:
    """Forget offsets, but none of a topic that the group reads, and tell of each partition.

    Refused as a whole with INVALID_GROUP_ID, GROUP_ID_NOT_FOUND or the group's own code.
    """
    del now
    group_id = command.group_id
    if not group_id:
        raise KafkaError(ErrorCode.INVALID_GROUP_ID)
    group = shard.groups.get(group_id)
    if group is None:
        raise KafkaError(ErrorCode.GROUP_ID_NOT_FOUND)
    group.check_delete_offsets()
    topics = {topic for topic, _ in command.offsets}
    refused = {topic for topic in topics if group.is_subscribed_to(topic)}
    offsets = shard.offsets
    forgotten = dict.fromkeys(
        OffsetRecord(group_id, topic, partition, None)
        for topic, partition in command.offsets
        if topic not in refused
        and (
            offsets.get(group_id, topic, partition) is not None
            or offsets.has_pending(group_id, topic, partition)
        )
    )
    codes = tuple(
        ErrorCode.GROUP_SUBSCRIBED_TO_TOPIC if topic in refused else ErrorCode.NONE
        for topic, _ in command.offsets
    )
    return answered(token, codes, forgotten)


def forget(shard: Shard, command: ForgetPartitionsCommand, token: Token, now: Now) -> Effects:
    """Forget what was committed for topics that were deleted, whoever reads them: some at a time.

    What was committed for a topic that has taken over the name since stays
    (OffsetMetadataManager.onTopicsDeleted).
    """
    del now
    offsets, topics = shard.offsets, sorted(command.topics)
    every = (
        OffsetRecord(group_id, topic, partition, None)
        for group_id in offsets.group_ids
        for topic in topics
        for partition, value in offsets.of(group_id).get(topic, {}).items()
        if not _is_current(shard, topic, value)
    )
    records = tuple(islice(every, FORGOTTEN_AT_ONCE))
    return answered(token, len(records) == FORGOTTEN_AT_ONCE, records)


def _is_current(shard: Shard, topic: str, value: CommittedOffset) -> bool:
    """Whether an offset was committed for the topic that has this name now."""
    shape = shard.topics.by_name.get(topic)
    return shape is not None and value.topic_id == shape.topic_id
