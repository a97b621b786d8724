"""OffsetDelete: forget how far a group has read topics that it reads no more (KIP-496).

Follows `KafkaApis.handleOffsetDeleteRequest`; what is wrong with the group says all there is.
"""

from __future__ import annotations

from typing import Any

from pykbroker.api.handler import Asker, Response, handles
from pykbroker.api.parts import Parts
from pykbroker.coordinator.commands import DeleteOffsetsCommand
from pykbroker.errors import ErrorCode, KafkaError
from pykbroker.wire.messages.offset_delete import OffsetDelete


@handles(OffsetDelete, versions="0")
async def offset_delete(parts: Parts, request: Any, asker: Asker) -> Response:
    """Delete what the cluster has, and tell of each partition."""
    del asker
    image = parts.image
    offsets = tuple(
        (topic.name, partition.partition_index)
        for topic in request.topics
        for partition in topic.partitions
        if image.partition(topic.name, partition.partition_index) is not None
    )
    try:
        codes = await parts.groups.ask(DeleteOffsetsCommand(request.group_id, offsets))
    except KafkaError as refusal:
        return {"error_code": refusal.code}
    assert isinstance(codes, tuple)
    told = dict(zip(offsets, codes, strict=True))
    return {
        "error_code": ErrorCode.NONE,
        "topics": [
            {
                "name": topic.name,
                "partitions": [
                    {
                        "partition_index": partition.partition_index,
                        "error_code": told.get(
                            (topic.name, partition.partition_index),
                            ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
                        ),
                    }
                    for partition in topic.partitions
                ],
            }
            for topic in request.topics
        ],
    }
