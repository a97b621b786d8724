"""ConsumerGroupDescribe: the state and the members of groups of the consumer protocol (KIP-848).

Follows `KafkaApis.handleConsumerGroupDescribe`. Partitions of topics that are gone are left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pykbroker.api.group_operations import authorized_operations
from pykbroker.api.handler import Asker, Response, answer, handles
from pykbroker.api.parts import Parts
from pykbroker.coordinator.commands import (
    ConsumerDescription,
    DescribeConsumerGroupCommand,
    DescribedConsumer,
)
from pykbroker.wire.messages.consumer_group_describe import ConsumerGroupDescribe

if TYPE_CHECKING:
    from pykbroker.coordinator.records import Partitions

CLASSIC, CONSUMER = 0, 1
"""As types of members (KIP-1099)."""


@handles(ConsumerGroupDescribe, versions="0-1")
async def consumer_group_describe(parts: Parts, request: Any, asker: Asker) -> Response:
    """Describe each group for itself."""
    del asker

    async def describe(group_id: str) -> Response:
        described = await parts.groups.ask(DescribeConsumerGroupCommand(group_id))
        assert isinstance(described, ConsumerDescription)
        return {
            "group_state": described.group_state,
            "group_epoch": described.group_epoch,
            "assignment_epoch": described.assignment_epoch,
            "assignor_name": described.assignor_name,
            "members": [_member(parts, member) for member in described.members],
        }

    groups = []
    for group_id in request.group_ids:
        told = await answer(describe(group_id), error_message=None)
        operations = authorized_operations(
            told["error_code"], asked=request.include_authorized_operations
        )
        groups.append({"group_id": group_id, "authorized_operations": operations} | told)
    return {"groups": groups}


def _member(parts: Parts, member: DescribedConsumer) -> Response:
    return {
        "member_id": member.member_id,
        "instance_id": member.instance_id,
        "rack_id": member.rack_id,
        "member_epoch": member.member_epoch,
        "client_id": member.client_id,
        "client_host": member.client_host,
        "subscribed_topic_names": member.subscribed_topic_names,
        "subscribed_topic_regex": member.subscribed_topic_regex,
        "assignment": _assignment(parts, member.assignment),
        "target_assignment": _assignment(parts, member.target_assignment),
        "member_type": CLASSIC if member.is_classic else CONSUMER,
    }


def _assignment(parts: Parts, partitions: Partitions) -> Response:
    return {
        "topic_partitions": [
            {"topic_id": topic_id, "topic_name": name, "partitions": sorted(indexes)}
            for topic_id, indexes in partitions.items()
            if (name := parts.topic_name(topic_id)) is not None
        ]
    }
