"""What handlers work with: the parts of one broker, and where its brokers are reached.

Handlers see the cluster through `image`, the newest one whose partitions are ready here, so that
what Metadata tells can be produced to at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pykbroker.replication.deadlines import Deadlines

if TYPE_CHECKING:
    from random import Random

    from pykbroker.api.handler import Asker, Handler
    from pykbroker.clock import Clock
    from pykbroker.config import Config
    from pykbroker.coordinator.service import Groups
    from pykbroker.metadata.cluster import Metadata
    from pykbroker.metadata.image import ClusterImage
    from pykbroker.replication.auto_creation import AutoCreation
    from pykbroker.replication.fetch_sessions import FetchSessions
    from pykbroker.replication.partitions import Partitions
    from pykbroker.replication.producer_ids import ProducerIds
    from pykbroker.replication.settings import LiveSettings
    from pykbroker.replication.topic_creation import TopicCreation

AUTO = "auto"
"""As a host in the metadata: the address which the client itself connected to."""


@dataclass(slots=True)
class Parts:
    """The parts of one broker."""

    node_id: int
    clock: Clock
    random: Random
    settings: LiveSettings
    metadata: Metadata
    """Changes the cluster; what it is now is told by `image`."""
    partitions: Partitions
    topic_creation: TopicCreation
    auto_creation: AutoCreation
    fetch_sessions: FetchSessions
    producer_ids: ProducerIds
    groups: Groups
    handlers: Mapping[int, Handler]
    """Every API served, by key: what ApiVersions tells."""
    deadlines: Deadlines = field(default_factory=Deadlines)
    """Of requests that wait; its `run` must be running."""

    async def applied(self) -> None:
        """Wait until this broker acts by everything that the metadata shows now."""
        await self.partitions.applied(self.metadata.image.revision)

    @property
    def image(self) -> ClusterImage:
        """The cluster as this broker acts by it."""
        return self.partitions.image

    @property
    def config(self) -> Config:
        """The broker's properties that hold now."""
        return self.settings.config

    def topic_name(self, topic_id: bytes) -> str | None:
        """Give the name of an active topic, None for an id the cluster does not have."""
        return self.image.topic_name(topic_id)

    def endpoint(self, broker_id: int, asker: Asker) -> tuple[str, int] | None:
        """Give host and port of a live broker on the asker's listener, None where it has none."""
        broker = self.image.brokers.get(broker_id)
        endpoint = None if broker is None else broker.endpoint(asker.listener)
        if endpoint is None:
            return None
        if endpoint.host == AUTO:
            return asker.local_address
        return endpoint.host, endpoint.port

    def endpoints(self, asker: Asker) -> dict[int, tuple[str, int]]:
        """Give host and port of every live broker that has the asker's listener, by id."""
        found = ((broker_id, self.endpoint(broker_id, asker)) for broker_id in self.image.brokers)
        return {broker_id: endpoint for broker_id, endpoint in found if endpoint is not None}

    def current_leader(self, topic: str, index: int) -> dict[str, int]:
        """Give the leader and its epoch as KIP-951's hint, -1 and -1 where none is known."""
        partition = self.image.partition(topic, index)
        if partition is None:
            return {"leader_id": -1, "leader_epoch": -1}
        return {"leader_id": partition.leader, "leader_epoch": partition.leader_epoch}

    def node_endpoints(
        self, hints: Iterable[Mapping[str, int]], asker: Asker
    ) -> list[dict[str, Any]]:
        """Give the addresses of the leaders named in hints, each once."""
        nodes = []
        for broker_id in dict.fromkeys(hint["leader_id"] for hint in hints):
            endpoint = self.endpoint(broker_id, asker)
            if endpoint is not None:
                host, port = endpoint
                rack = self.image.brokers[broker_id].rack
                nodes.append({"node_id": broker_id, "host": host, "port": port, "rack": rack})
        return nodes
