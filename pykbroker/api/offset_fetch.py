"""OffsetFetch: tell how far groups have read.

Follows `KafkaApis.handleOffsetFetchRequest`. Nothing committed is an answer, not an error.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pykbroker.api.handler import Asker, Response, handles
from pykbroker.api.parts import Parts
from pykbroker.coordinator.commands import FetchedOffset, FetchOffsetsCommand, FetchOffsetsReply
from pykbroker.errors import ErrorCode, KafkaError
from pykbroker.wire.messages.offset_fetch import OffsetFetch

GROUP_ERROR_SINCE = 2
"""Before, what is wrong with the group is told of every partition."""
SEVERAL_GROUPS_SINCE = 8
"""KIP-709: before, a request is about one group."""
TOPIC_IDS_SINCE = 10
"""KIP-848: topics are told by id."""

NO_TOPIC_ID = bytes(16)
NOTHING = {"committed_offset": -1, "committed_leader_epoch": -1, "metadata": ""}


@handles(OffsetFetch, versions="1-10")
async def offset_fetch(parts: Parts, request: Any, asker: Asker) -> Response:
    """Answer each group for itself."""
    version, require_stable = asker.api_version, request.require_stable
    if version < SEVERAL_GROUPS_SINCE:
        told = await _told(parts, request, version, require_stable=require_stable)
        for topic in told["topics"]:
            del topic["topic_id"]  # which never was a field here
        return told
    return {
        "groups": [
            {"group_id": group.group_id}
            | await _told(parts, group, version, require_stable=require_stable)
            for group in request.groups
        ]
    }


async def _told(parts: Parts, asked: Any, version: int, *, require_stable: bool) -> dict[str, Any]:
    """Give the topics and error code of one group, as whom it is asked by expects them."""
    names = None if asked.topics is None else [_name(parts, each, version) for each in asked.topics]
    names_members = version >= SEVERAL_GROUPS_SINCE
    command = FetchOffsetsCommand(
        asked.group_id,
        member_id=asked.member_id if names_members else None,
        member_epoch=asked.member_epoch if names_members else -1,
        topics=None
        if names is None
        else tuple(
            (name, tuple(topic.partition_indexes))
            for name, topic in zip(names, asked.topics, strict=True)
            if name is not None
        ),
        require_stable=require_stable,
    )
    try:
        reply = await parts.groups.ask(command)
    except KafkaError as refusal:
        if version >= GROUP_ERROR_SINCE:
            return {"error_code": refusal.code, "topics": []}
        return {"topics": [_refused(topic, refusal.code) for topic in asked.topics]}
    assert isinstance(reply, FetchOffsetsReply)
    if names is None:
        return {"error_code": ErrorCode.NONE, "topics": _every(parts, reply, version)}
    told = iter(reply.topics)
    topics = [
        _refused(topic, ErrorCode.UNKNOWN_TOPIC_ID)
        if name is None
        else _topic(topic, next(told)[1], version)
        for name, topic in zip(names, asked.topics, strict=True)
    ]
    return {"error_code": ErrorCode.NONE, "topics": topics}


def _name(parts: Parts, topic: Any, version: int) -> str | None:
    """Give the name of a topic asked for; None for an id that no topic has."""
    if version >= TOPIC_IDS_SINCE:
        return parts.topic_name(topic.topic_id)
    name: str = topic.name
    return name


def _topic(asked: Any, fetched: Iterable[FetchedOffset], version: int) -> dict[str, Any]:
    topic_id = asked.topic_id if version >= TOPIC_IDS_SINCE else None
    return {
        "name": asked.name,
        "topic_id": topic_id or NO_TOPIC_ID,
        "partitions": [_partition(each, topic_id) for each in fetched],
    }


def _every(parts: Parts, reply: FetchOffsetsReply, version: int) -> list[dict[str, Any]]:
    """Give all that a group has committed, but of topics that are gone nothing by id."""
    topics: list[dict[str, Any]] = []
    for name, fetched in reply.topics:
        topic = parts.image.topics.get(name)
        if topic is None and version >= TOPIC_IDS_SINCE:
            continue
        topics.append(
            {
                "name": name,
                "topic_id": NO_TOPIC_ID if topic is None else topic.topic_id,
                "partitions": [_partition(each) for each in fetched],
            }
        )
    return topics


def _partition(fetched: FetchedOffset, topic_id: bytes | None = None) -> Response:
    """Give an offset; what is known to be an earlier topic's of the same name is none."""
    value = fetched.value
    told = {"partition_index": fetched.partition, "error_code": fetched.error_code}
    if value is None or (topic_id and value.topic_id not in (topic_id, NO_TOPIC_ID)):
        return told | NOTHING
    return told | {
        "committed_offset": value.offset,
        "committed_leader_epoch": value.leader_epoch,
        "metadata": value.metadata,
    }


def _refused(asked: Any, code: ErrorCode) -> dict[str, Any]:
    return {
        "name": asked.name,
        "topic_id": asked.topic_id if "topic_id" in asked else NO_TOPIC_ID,
        "partitions": [
            {"partition_index": index, "error_code": code} | NOTHING
            for index in asked.partition_indexes
        ],
    }
