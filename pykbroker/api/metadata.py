"""Metadata: brokers, topics and who leads what (KIP-4, KIP-516).

A topic that is asked for by name and does not exist is created where that is allowed, but this
answer is still UNKNOWN_TOPIC_OR_PARTITION, as in Kafka; `auto.create.topics.mode=instant` waits
for it instead. Follows `KafkaApis.handleTopicMetadataRequest`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pykbroker.api.handler import Asker, Response, handles
from pykbroker.api.partition_state import (
    CLUSTER_OPERATIONS,
    NOT_ASKED,
    TOPIC_OPERATIONS,
    partition_state,
)
from pykbroker.api.parts import Parts
from pykbroker.errors import ErrorCode, KafkaError
from pykbroker.metadata.values import TopicImage
from pykbroker.replication.topic_names import check_topic_name, is_internal
from pykbroker.wire.messages.metadata import Metadata

NULL_ASKS_ALL_SINCE = 1
"""KIP-4: an empty list asks for no topic; before, it asked for all."""
LISTENER_ERROR_SINCE = 6
TOPIC_IDS_SINCE = 12
NO_ID = bytes(16)


@handles(Metadata, versions="0-13")
async def metadata(parts: Parts, request: Any, asker: Asker) -> Response:
    """Describe the cluster and the topics asked for."""
    asked = None if _asks_all(request, asker) else request.topics
    try:
        topics = await _topics(parts, request, asked, asker)
    except KafkaError as refusal:
        return {
            "topics": [
                _unknown(topic.name or "", refusal.code) | {"topic_id": topic.topic_id}
                for topic in asked or ()
            ],
            "error_code": refusal.code,
        }
    if request.include_topic_authorized_operations:
        for topic in topics:
            if topic["error_code"] != ErrorCode.UNKNOWN_TOPIC_ID:
                topic["topic_authorized_operations"] = TOPIC_OPERATIONS
    endpoints = parts.endpoints(asker)
    return {
        "brokers": [
            {"node_id": node, "host": host, "port": port, "rack": parts.image.brokers[node].rack}
            for node, (host, port) in endpoints.items()
        ],
        "cluster_id": parts.image.cluster_id,
        # As with KRaft, any live broker: it forwards what is for the controller.
        "controller_id": parts.random.choice(tuple(endpoints)) if endpoints else -1,
        "topics": topics,
        "cluster_authorized_operations": CLUSTER_OPERATIONS
        if request.include_cluster_authorized_operations
        else NOT_ASKED,
    }


def _asks_all(request: Any, asker: Asker) -> bool:
    return request.topics is None or (
        asker.api_version < NULL_ASKS_ALL_SINCE and not request.topics
    )


async def _topics(
    parts: Parts, request: Any, asked: Iterable[Any] | None, asker: Asker
) -> list[dict[str, Any]]:
    if asked is None:
        return [_described(parts, topic, asker) for topic in parts.image.topics.values()]
    for topic in asked:
        if asker.api_version < TOPIC_IDS_SINCE and (topic.name is None or topic.topic_id != NO_ID):
            raise KafkaError(ErrorCode.INVALID_REQUEST)
    ids = dict.fromkeys(topic.topic_id for topic in asked if topic.topic_id != NO_ID)
    if ids:
        return [_by_id(parts, topic_id, asker) for topic_id in ids]
    names = dict.fromkeys(topic.name for topic in asked)
    return await _by_name(parts, request, names, asker)


def _by_id(parts: Parts, topic_id: bytes, asker: Asker) -> dict[str, Any]:
    topic = parts.image.topics_by_id.get(topic_id)
    if topic is None:
        return _unknown(None, ErrorCode.UNKNOWN_TOPIC_ID) | {"topic_id": topic_id}
    return _described(parts, topic, asker)


async def _by_name(
    parts: Parts, request: Any, names: Iterable[str], asker: Asker
) -> list[dict[str, Any]]:
    missing = [name for name in names if name not in parts.image.topics]
    refused: dict[str, ErrorCode] = {}
    may_create = parts.config.boolean("auto.create.topics.enable")
    if missing and may_create and request.allow_auto_topic_creation:
        refused = await parts.auto_creation.ask(missing)
    answers = []
    for name in names:
        topic = parts.image.topics.get(name)
        if topic is not None:
            answers.append(_described(parts, topic, asker))
        else:
            answers.append(_unknown(name, refused.get(name) or _code_of_missing(name)))
    return answers


def _code_of_missing(name: str) -> ErrorCode:
    try:
        check_topic_name(name)
    except KafkaError as refusal:
        return refusal.code
    return ErrorCode.UNKNOWN_TOPIC_OR_PARTITION


def _described(parts: Parts, topic: TopicImage, asker: Asker) -> dict[str, Any]:
    no_listener = (
        ErrorCode.LISTENER_NOT_FOUND
        if asker.api_version >= LISTENER_ERROR_SINCE
        else ErrorCode.LEADER_NOT_AVAILABLE
    )
    partitions = [
        partition_state(parts, topic.name, partition, asker, no_listener=no_listener)
        for partition in topic.partitions
    ]
    if asker.api_version == 0:
        for partition in partitions:
            if partition["error_code"] == ErrorCode.NONE and partition["offline_replicas"]:
                partition["error_code"] = ErrorCode.REPLICA_NOT_AVAILABLE
    return {
        "error_code": ErrorCode.NONE,
        "name": topic.name,
        "topic_id": topic.topic_id,
        "is_internal": is_internal(topic.name),
        "partitions": partitions,
    }


def _unknown(name: str | None, code: ErrorCode) -> dict[str, Any]:
    return {"error_code": code, "name": name, "is_internal": name is not None and is_internal(name)}
