"""ListOffsets: the offset of a timestamp, or of the beginning or end (KIP-79).

Follows `KafkaApis.handleListOffsetRequest` and `ReplicaManager.fetchOffset`.

Not served: tiered storage (KIP-405), whose timestamps are answered as for a topic without it.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from pykbroker.api.handler import Asker, Response, answer, handles
from pykbroker.api.parts import Parts
from pykbroker.errors import ErrorCode, KafkaError
from pykbroker.replication.offset_lookup import check_timestamp, find_offset
from pykbroker.wire.messages.list_offsets import ListOffsets

READ_COMMITTED = 1


@handles(ListOffsets, versions="1-11")
async def list_offsets(parts: Parts, request: Any, asker: Asker) -> Response:
    """Look each partition's offset up; a partition named twice is refused."""
    named = Counter((t.name, p.partition_index) for t in request.topics for p in t.partitions)
    committed_only = request.isolation_level == READ_COMMITTED

    async def look_up(topic: str, partition: Any) -> Response:
        if named[topic, partition.partition_index] > 1:
            raise KafkaError(ErrorCode.INVALID_REQUEST)
        check_timestamp(partition.timestamp, asker.api_version)
        leader = parts.partitions.leader(topic, partition.partition_index)
        leader.check_epoch(partition.current_leader_epoch)
        return find_offset(leader, partition.timestamp, committed_only=committed_only)._asdict()

    return {
        "topics": [
            {
                "name": topic.name,
                "partitions": [
                    {"partition_index": p.partition_index} | await answer(look_up(topic.name, p))
                    for p in topic.partitions
                ],
            }
            for topic in request.topics
        ]
    }
