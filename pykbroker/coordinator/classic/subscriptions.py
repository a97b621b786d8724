"""What topics the members of a classic group say they read, where a broker can tell.

The metadata of protocol type "consumer" is a version and a ConsumerProtocolSubscription; every
version begins as version 0 does, so that alone is read. Whatever is no such thing reads as unknown.
"""

from __future__ import annotations

from collections.abc import Iterable

from pykbroker.errors import ProtocolError
from pykbroker.wire.messages.consumer_protocol import ConsumerProtocolSubscription

CONSUMER = "consumer"
"""The protocol type of consumers."""
VERSION_BYTES = 2


def topics_of(metadata: Iterable[bytes]) -> frozenset[str] | None:
    """Give the topics of all members together; None when any says what cannot be read."""
    subscription = ConsumerProtocolSubscription.version(0)
    topics: set[str] = set()
    for each in set(metadata):
        if len(each) < VERSION_BYTES:
            return None
        try:
            topics.update(subscription.parse(memoryview(each)[VERSION_BYTES:]).topics)
        except ProtocolError:
            return None
    return frozenset(topics)
