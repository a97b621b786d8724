"""CreateTopics: new topics, answered when they can be produced to (KIP-4, KIP-525).

Not served: quotas on mutations (KIP-599), policies.
"""

from __future__ import annotations

from operator import attrgetter
from typing import Any

from pykbroker.api.handler import Asker, Response, check_time_left, handles, refused
from pykbroker.api.parts import Parts
from pykbroker.config import created_topic
from pykbroker.errors import ErrorCode, KafkaError
from pykbroker.metadata.changes import TopicPlan
from pykbroker.replication.controller import NewTopic
from pykbroker.wire.messages.create_topics import CreateTopics


@handles(CreateTopics, versions="2-7")
async def create_topics(parts: Parts, request: Any, asker: Asker) -> Response:
    """Create each topic on its own; one refusal does not touch the others."""
    del asker
    try:
        check_time_left(request.timeout_ms)
    except KafkaError as refusal:
        return {"topics": [_refused(refusal, topic.name) for topic in request.topics]}
    decided = await parts.topic_creation.create(
        [_new_topic(topic) for topic in request.topics], validate_only=request.validate_only
    )
    return {
        "topics": [
            _refused(outcome, name) if isinstance(outcome, KafkaError) else _created(parts, outcome)
            for name, outcome in decided.items()
        ]
    }


def _new_topic(topic: Any) -> NewTopic:
    return NewTopic(
        name=topic.name,
        partitions=topic.num_partitions,
        replication_factor=topic.replication_factor,
        assignments=tuple((a.partition_index, tuple(a.broker_ids)) for a in topic.assignments),
        configs=tuple((config.name, config.value) for config in topic.configs),
    )


def _refused(refusal: KafkaError, name: str) -> dict[str, Any]:
    return refused(refusal, name=name, error_message=None, configs=[])


def _created(parts: Parts, plan: TopicPlan) -> dict[str, Any]:
    return {
        "name": plan.name,
        "topic_id": plan.topic_id,
        "error_code": ErrorCode.NONE,
        "error_message": None,
        "num_partitions": len(plan.replicas),
        "replication_factor": plan.replication_factor,
        "configs": [
            {
                "name": entry.name,
                "value": entry.value,
                "read_only": entry.read_only,
                "config_source": entry.source,
                "is_sensitive": entry.is_sensitive,
            }
            for entry in sorted(created_topic(plan.configs, parts.config), key=attrgetter("name"))
        ],
    }
