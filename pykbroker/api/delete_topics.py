"""DeleteTopics: topics by name or by id, gone when answered (KIP-4, KIP-516)."""

from __future__ import annotations

from typing import Any

from pykbroker.api.handler import Asker, Response, check_time_left, handles, refused
from pykbroker.api.parts import Parts
from pykbroker.errors import ErrorCode, KafkaError
from pykbroker.replication.controller import TopicDeletion, decide_delete_topics
from pykbroker.wire.messages.delete_topics import DeleteTopics

TOPIC_IDS_SINCE = 6
DISABLED_CODE_SINCE = 3
"""Older clients do not know TOPIC_DELETION_DISABLED."""
NO_ID = bytes(16)


@handles(DeleteTopics, versions="1-6")
async def delete_topics(parts: Parts, request: Any, asker: Asker) -> Response:
    """Delete each topic on its own; one refusal does not touch the others."""
    if asker.api_version >= TOPIC_IDS_SINCE:
        wanted = [(topic.name, topic.topic_id) for topic in request.topics]
    else:
        wanted = [(name, NO_ID) for name in request.topic_names]
    try:
        _check_enabled(parts, asker)
        check_time_left(request.timeout_ms)
    except KafkaError as refusal:
        return {"responses": [_answer(TopicDeletion(*topic, refusal), refusal) for topic in wanted]}
    deletions = decide_delete_topics(parts.metadata.image, wanted)
    doomed = [deletion.topic_id for deletion in deletions if deletion.refusal is None]
    refusals = await parts.metadata.delete_topics(doomed)
    await parts.applied()
    by_id = {topic_id for name, topic_id in wanted if name is None}
    for topic_id, late in refusals.items():
        if late.code is ErrorCode.UNKNOWN_TOPIC_ID and topic_id not in by_id:
            # Somebody else was faster; who asked by name knows no id.
            gone = KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, "There is no such topic.")
            refusals[topic_id] = gone
    return {
        "responses": [
            _answer(deletion, deletion.refusal or refusals.get(deletion.topic_id))
            for deletion in deletions
        ]
    }


def _check_enabled(parts: Parts, asker: Asker) -> None:
    if parts.config.boolean("delete.topic.enable"):
        return
    code = (
        ErrorCode.TOPIC_DELETION_DISABLED
        if asker.api_version >= DISABLED_CODE_SINCE
        else ErrorCode.INVALID_REQUEST
    )
    raise KafkaError(code, "topics are not deleted where delete.topic.enable is false")


def _answer(deletion: TopicDeletion, refusal: KafkaError | None) -> dict[str, Any]:
    about = {"name": deletion.name, "topic_id": deletion.topic_id, "error_message": None}
    if refusal is None:
        return {**about, "error_code": ErrorCode.NONE}
    return refused(refusal, **about)
