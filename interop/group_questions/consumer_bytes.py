"""What consumers put inside JoinGroup and SyncGroup: the version, then the message.

Subscriptions must be well-formed where the protocol type is `consumer`: Kafka reads them, and
leaves a join unanswered over bytes that claim more than there is.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from typing import Any

from pykbroker.wire.messages.consumer_protocol import (
    ConsumerProtocolAssignment,
    ConsumerProtocolSubscription,
)


def subscription(*topics: str, version: int = 3, **fields: Any) -> bytes:
    """Give the metadata of a consumer that wants topics; `fields` replace or add."""
    told = {"topics": topics} | fields
    return struct.pack(">h", version) + ConsumerProtocolSubscription.version(version).build(told)


SUBSCRIBED = subscription("subscribed")
OTHERWISE = subscription("otherwise")
WELL_KNOWN = {SUBSCRIBED: "<subscribed>", OTHERWISE: "<otherwise>"}
"""What most questions send, and how answers show it."""


def owned(partitions: Mapping[str, Iterable[int]]) -> list[dict[str, Any]]:
    """Give the value of `owned_partitions` in a subscription."""
    return [{"topic": topic, "partitions": list(some)} for topic, some in partitions.items()]


def assignment(partitions: Mapping[str, Iterable[int]], version: int = 3) -> bytes:
    """Give a consumer's share."""
    told = {
        "assigned_partitions": [
            {"topic": topic, "partitions": list(some)} for topic, some in partitions.items()
        ]
    }
    return struct.pack(">h", version) + ConsumerProtocolAssignment.version(version).build(told)


def read_assignment(data: bytes) -> Any:
    """Give version, partitions by topic and user data of a share; None of an empty one."""
    if not data:
        return None
    (version,) = struct.unpack_from(">h", data)
    told = ConsumerProtocolAssignment.version(version).parse(data[2:])
    return {
        "version": version,
        "partitions": {each.topic: sorted(each.partitions) for each in told.assigned_partitions},
        "user_data": told.user_data,
    }
