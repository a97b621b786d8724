"""One partition as Metadata and DescribeTopicPartitions tell it (`KRaftMetadataCache`)."""

from __future__ import annotations

from collections.abc import Container
from typing import Any

from pykbroker.api.handler import Asker
from pykbroker.api.parts import Parts
from pykbroker.errors import ErrorCode
from pykbroker.metadata.values import PartitionImage

TOPIC_OPERATIONS = 0b1101_1111_1000
"""All operations on a topic, as bits: what is authorized where there is no authorizer."""
CLUSTER_OPERATIONS = 0b1_1111_1010_0000
NOT_ASKED = -(2**31)


def partition_state(
    parts: Parts,
    topic: str,
    partition: PartitionImage,
    asker: Asker,
    *,
    no_listener: ErrorCode = ErrorCode.LISTENER_NOT_FOUND,
) -> dict[str, Any]:
    """Give the fields that both APIs have; `no_listener` is for a leader the asker cannot reach."""
    alive = parts.image.brokers
    offline = [replica for replica in partition.replicas if replica not in alive]
    if parts.node_id in partition.replicas and parts.partitions.is_offline(topic, partition.index):
        offline.append(parts.node_id)
    code, leader = ErrorCode.NONE, partition.leader
    if leader not in alive or leader in offline:
        code, leader = ErrorCode.LEADER_NOT_AVAILABLE, -1
    elif parts.endpoint(leader, asker) is None:
        code, leader = no_listener, -1
    return {
        "error_code": code,
        "partition_index": partition.index,
        "leader_id": leader,
        "leader_epoch": partition.leader_epoch,
        "replica_nodes": list(partition.replicas),
        "isr_nodes": _without(partition.isr, offline),
        "offline_replicas": offline,
    }


def _without(replicas: tuple[int, ...], offline: Container[int]) -> list[int]:
    return [replica for replica in replicas if replica not in offline]
