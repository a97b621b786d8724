"""DeleteRecords: records below an offset become unreadable; their segments go later (KIP-107).

What is answered lasts: the log starts are on disk before, where Kafka may lose them in a crash.
"""

from __future__ import annotations

from typing import Any

from pykbroker.api.handler import Asker, Response, answer, handles
from pykbroker.api.parts import Parts
from pykbroker.errors import ErrorCode, KafkaError
from pykbroker.replication.topic_names import is_internal
from pykbroker.wire.messages.delete_records import DeleteRecords


@handles(DeleteRecords, versions="0-2")
async def delete_records(parts: Parts, request: Any, asker: Asker) -> Response:
    """Raise the log start offset of each partition, and store them all at once."""
    del asker

    async def trim(topic: str, partition: Any) -> Response:
        if parts.image.partition(topic, partition.partition_index) is None:
            raise KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
        if is_internal(topic):
            raise KafkaError(ErrorCode.INVALID_TOPIC_EXCEPTION)
        leader = parts.partitions.leader(topic, partition.partition_index)
        return {"low_watermark": leader.raise_log_start(partition.offset)}

    async def kept(topic: str, partition_index: int, trimmed: Response) -> Response:
        if trimmed["error_code"] == ErrorCode.NONE:
            leader = parts.partitions.leader(topic, partition_index)
            await parts.partitions.checkpoints.store_log_start(leader.partition_log)
        return trimmed

    trimmed = [
        (topic.name, p.partition_index, await answer(trim(topic.name, p), low_watermark=-1))
        for topic in request.topics
        for p in topic.partitions
    ]
    answers = iter([await answer(kept(*each), low_watermark=-1) for each in trimmed])
    return {
        "topics": [
            {
                "name": topic.name,
                "partitions": [
                    {"partition_index": p.partition_index} | next(answers) for p in topic.partitions
                ],
            }
            for topic in request.topics
        ]
    }
