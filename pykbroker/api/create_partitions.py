"""CreatePartitions: more partitions for a topic, ready when answered (KIP-195)."""

from __future__ import annotations

from typing import Any

from pykbroker.api.handler import Asker, Response, check_time_left, handles, refused
from pykbroker.api.parts import Parts
from pykbroker.errors import ErrorCode, KafkaError
from pykbroker.metadata.changes import PartitionsPlan
from pykbroker.replication.controller import MorePartitions, decide_create_partitions
from pykbroker.wire.messages.create_partitions import CreatePartitions


@handles(CreatePartitions, versions="0-3")
async def create_partitions(parts: Parts, request: Any, asker: Asker) -> Response:
    """Enlarge each topic on its own; one refusal does not touch the others."""
    del asker
    try:
        check_time_left(request.timeout_ms)
    except KafkaError as refusal:
        return {"results": [_refused(refusal, topic.name) for topic in request.topics]}
    wanted = [_more(topic) for topic in request.topics]
    decided = decide_create_partitions(parts.metadata.image, wanted, dice=parts.random)
    refusals = {name: d for name, d in decided.items() if isinstance(d, KafkaError)}
    if not request.validate_only:
        plans = [plan for plan in decided.values() if isinstance(plan, PartitionsPlan)]
        refusals |= await parts.metadata.add_partitions(plans)
        await parts.applied()
    return {
        "results": [
            _refused(refusals[name], name)
            if name in refusals
            else {"name": name, "error_code": ErrorCode.NONE}
            for name in decided
        ]
    }


def _refused(refusal: KafkaError, name: str) -> dict[str, Any]:
    return refused(refusal, name=name, error_message=None)


def _more(topic: Any) -> MorePartitions:
    assignments = (
        None
        if topic.assignments is None
        else tuple(tuple(assignment.broker_ids) for assignment in topic.assignments)
    )
    return MorePartitions(topic.name, topic.count, assignments)
