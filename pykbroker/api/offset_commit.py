"""OffsetCommit: remember how far a group has read, of topics and partitions that there are.

Follows `KafkaApis.handleOffsetCommitRequest`; what is not there is told beside what is committed.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import repeat
from typing import TYPE_CHECKING, Any

from pykbroker.api.handler import Asker, Response, handles
from pykbroker.api.parts import Parts
from pykbroker.coordinator.commands import CommitCommand, OffsetToCommit
from pykbroker.errors import ErrorCode, KafkaError
from pykbroker.wire.messages.offset_commit import OffsetCommit

if TYPE_CHECKING:
    from pykbroker.metadata.values import TopicImage

CONSUMER_GROUPS_SINCE = 9
"""KIP-848: the client knows the errors of consumer groups."""
TOPIC_IDS_SINCE = 10
"""KIP-848: topics are told by id."""


@handles(OffsetCommit, versions="2-10")
async def offset_commit(parts: Parts, request: Any, asker: Asker) -> Response:
    """Commit what the cluster has; the coordinator is not asked where that is nothing."""
    by_id = asker.api_version >= TOPIC_IDS_SINCE
    offsets: list[OffsetToCommit] = []
    refused: list[ErrorCode | None] = []
    for topic in request.topics:
        _sort_out(topic, _known(parts, topic, by_id=by_id), offsets, refused)
    codes = iter(await _committed(parts, _command(request, offsets, asker)) if offsets else ())
    refusals = iter(refused)
    return {
        "topics": [
            {
                "name": topic.name,
                "topic_id": topic.topic_id,
                "partitions": [
                    {
                        "partition_index": partition.partition_index,
                        "error_code": next(codes) if (code := next(refusals)) is None else code,
                    }
                    for partition in topic.partitions
                ],
            }
            for topic in request.topics
        ]
    }


def _known(parts: Parts, asked: Any, *, by_id: bool) -> TopicImage | ErrorCode:
    """Give the topic as the cluster has it, or what is said where it has none."""
    image = parts.image
    if not by_id:
        return image.topics.get(asked.name) or ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    name = image.topic_name(asked.topic_id)
    return ErrorCode.UNKNOWN_TOPIC_ID if name is None else image.topics[name]


def _sort_out(
    asked: Any,
    topic: TopicImage | ErrorCode,
    offsets: list[OffsetToCommit],
    refused: list[ErrorCode | None],
) -> None:
    """Add the partitions there are to `offsets`; add to `refused` None for those, else a code."""
    if isinstance(topic, ErrorCode):
        refused += [topic] * len(asked.partitions)
        return
    name, topic_id, count = topic.name, topic.topic_id, len(topic.partitions)
    for partition in asked.partitions:
        index = partition.partition_index
        if not 0 <= index < count:
            refused.append(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
            continue
        refused.append(None)
        offsets.append(
            OffsetToCommit(
                name,
                index,
                topic_id,
                committed_offset=partition.committed_offset,
                committed_leader_epoch=partition.committed_leader_epoch,
                committed_metadata=partition.committed_metadata,
            )
        )


def _command(request: Any, offsets: list[OffsetToCommit], asker: Asker) -> CommitCommand:
    return CommitCommand(
        request.group_id,
        request.member_id,
        group_instance_id=request.group_instance_id,
        generation_id_or_member_epoch=request.generation_id_or_member_epoch,
        offsets=tuple(offsets),
        knows_consumer_groups=asker.api_version >= CONSUMER_GROUPS_SINCE,
        retention_time_ms=request.retention_time_ms,
    )


async def _committed(parts: Parts, command: CommitCommand) -> Iterable[ErrorCode]:
    """Give what became of each offset; a refusal is told of every one."""
    try:
        codes = await parts.groups.ask(command)
    except KafkaError as refusal:
        return repeat(refusal.code)
    assert isinstance(codes, tuple)
    return codes
