"""DescribeTopicPartitions: topics page by page, with their eligible leaders (KIP-966)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pykbroker.api.handler import Asker, Response, handles
from pykbroker.api.partition_state import TOPIC_OPERATIONS, partition_state
from pykbroker.api.parts import Parts
from pykbroker.errors import ErrorCode, KafkaError
from pykbroker.metadata.values import PartitionImage
from pykbroker.replication.topic_names import check_topic_name, is_internal
from pykbroker.wire.messages.describe_topic_partitions import DescribeTopicPartitions


@handles(DescribeTopicPartitions, versions="0")
async def describe_topic_partitions(parts: Parts, request: Any, asker: Asker) -> Response:
    """Describe topics in the order of their names, from the cursor on, up to the limit."""
    try:
        names = _names(parts, request)
    except KafkaError as refusal:
        return {"topics": [{"error_code": refusal.code, "name": t.name} for t in request.topics]}
    left = min(
        parts.config.integer("max.request.partition.size.limit"), request.response_partition_limit
    )
    topics, cursor = _page(parts, request, names, max(left, 1), asker)
    return {"topics": topics, "next_cursor": cursor}


def _names(parts: Parts, request: Any) -> list[str]:
    """Give the names to describe, sorted; refuse a cursor that fits nothing."""
    cursor = request.cursor
    first = "" if cursor is None else cursor.topic_name
    asked: Iterable[str] = [topic.name for topic in request.topics] or parts.image.topics
    names = sorted({name for name in asked if name >= first})
    if cursor is not None:
        if request.topics and first not in names:
            raise KafkaError(ErrorCode.INVALID_REQUEST)
        if cursor.partition_index < 0:
            raise KafkaError(ErrorCode.INVALID_REQUEST)
    return names


def _page(
    parts: Parts, request: Any, names: list[str], left: int, asker: Asker
) -> tuple[list[dict[str, Any]], dict[str, Any] | None]:
    topics: list[dict[str, Any]] = []
    for name in names:
        if left == 0:
            return topics, {"topic_name": name, "partition_index": 0}
        topic = parts.image.topics.get(name)
        if topic is None:
            if request.topics:
                topics.append(_missing(name))
            continue
        at_cursor = request.cursor is not None and name == request.cursor.topic_name
        first = request.cursor.partition_index if at_cursor else 0
        page = topic.partitions[first : first + left]
        topics.append(
            {
                "error_code": ErrorCode.NONE,
                "name": name,
                "topic_id": topic.topic_id,
                "is_internal": is_internal(name),
                "partitions": [_described(parts, name, partition, asker) for partition in page],
                "topic_authorized_operations": TOPIC_OPERATIONS,
            }
        )
        if first + len(page) < len(topic.partitions):
            return topics, {"topic_name": name, "partition_index": first + len(page)}
        left -= len(page)
    return topics, None


def _described(parts: Parts, name: str, partition: PartitionImage, asker: Asker) -> dict[str, Any]:
    return partition_state(parts, name, partition, asker) | {
        "eligible_leader_replicas": list(partition.elr),
        "last_known_elr": list(partition.last_known_elr),
    }


def _missing(name: str) -> dict[str, Any]:
    code = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    try:
        check_topic_name(name)
    except KafkaError as refusal:
        code = refusal.code
    return {
        "error_code": code,
        "name": name,
        "is_internal": is_internal(name),
        "topic_authorized_operations": TOPIC_OPERATIONS,
    }
