"""OffsetForLeaderEpoch: where a leader epoch ended, to find out what was cut (KIP-101, KIP-320)."""

from __future__ import annotations

from typing import Any

from pykbroker.api.handler import Asker, Response, answer, handles
from pykbroker.api.parts import Parts
from pykbroker.wire.messages.offset_for_leader_epoch import OffsetForLeaderEpoch


@handles(OffsetForLeaderEpoch, versions="2-4")
async def offset_for_leader_epoch(parts: Parts, request: Any, asker: Asker) -> Response:
    """Answer each partition with the largest epoch not above the one asked, and its end offset."""
    del asker

    async def find(topic: str, partition: Any) -> Response:
        leader = parts.partitions.leader(topic, partition.partition)
        leader.check_epoch(partition.current_leader_epoch)
        epoch, end_offset = leader.end_offset_for_epoch(partition.leader_epoch)
        return {"leader_epoch": epoch, "end_offset": end_offset}

    return {
        "topics": [
            {
                "topic": topic.topic,
                "partitions": [
                    {"partition": p.partition} | await answer(find(topic.topic, p))
                    for p in topic.partitions
                ],
            }
            for topic in request.topics
        ]
    }
