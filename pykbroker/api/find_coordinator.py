"""FindCoordinator: which broker keeps a group's or a transaction's state (KIP-98, KIP-699).

The coordinator of a group leads partition `abs(hash) % count` of the topic that keeps its state;
a missing topic is created, and COORDINATOR_NOT_AVAILABLE lets the client ask again, unless
`pykbroker.offsets.topic.mode=instant` has it wait for the topic.

Not served: share groups (KIP-932); transactions, which are refused for good so that a
transactional producer fails at once instead of asking for ever.
"""

from __future__ import annotations

from typing import Any

from pykbroker.api.handler import Asker, Response, answer, handles
from pykbroker.api.parts import Parts
from pykbroker.coordinator.java_hash import partition_for
from pykbroker.errors import ErrorCode, KafkaError
from pykbroker.replication.topic_names import GROUP_METADATA_TOPIC
from pykbroker.wire.messages.find_coordinator import FindCoordinator

BATCHED_SINCE = 4
GROUP, TRANSACTION = 0, 1
CREATION_MODE = "pykbroker.offsets.topic.mode"
NO_ERROR = "NONE"
"""What the oldest versions have for a message where there is nothing to tell, as in Kafka."""
NOWHERE = {"node_id": -1, "host": "", "port": -1}


@handles(FindCoordinator, versions="0-6")
async def find_coordinator(parts: Parts, request: Any, asker: Asker) -> Response:
    """Tell each key's coordinator."""

    async def find(key: str) -> Response:
        if request.key_type == TRANSACTION:
            raise KafkaError(
                ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED, "transactions are not served"
            )
        if request.key_type != GROUP:
            raise KafkaError(ErrorCode.INVALID_REQUEST, "the only key type served is 0, a group")
        if GROUP_METADATA_TOPIC not in parts.image.topics:
            await parts.auto_creation.ask([GROUP_METADATA_TOPIC], mode=CREATION_MODE)
        topic = parts.image.topics.get(GROUP_METADATA_TOPIC)
        if topic is None:
            raise KafkaError(ErrorCode.COORDINATOR_NOT_AVAILABLE)
        await parts.groups.followed(parts.image.revision)
        leader = topic.partitions[partition_for(key, len(topic.partitions))].leader
        endpoint = parts.endpoint(leader, asker)
        if endpoint is None:
            raise KafkaError(ErrorCode.COORDINATOR_NOT_AVAILABLE)
        host, port = endpoint
        return {"node_id": leader, "host": host, "port": port}

    if asker.api_version < BATCHED_SINCE:
        found = await answer(find(request.key), **NOWHERE, error_message=None)
        return {"error_message": NO_ERROR} | found
    return {
        "coordinators": [
            {"key": key} | await answer(find(key), **NOWHERE, error_message=None)
            for key in request.coordinator_keys
        ]
    }
