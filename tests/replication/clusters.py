"""Images of clusters for tests of pure decisions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

from pykbroker.metadata.image import ClusterImage
from pykbroker.metadata.keys import Keys
from pykbroker.metadata.values import (
    BrokerImage,
    BrokerState,
    PartitionImage,
    Registration,
    TopicImage,
    TopicState,
)


class NoDice(Random):
    """Always gives the first choice and leaves the order as it is."""

    def randrange(self, *_: Any, **__: Any) -> int:
        return 0

    def shuffle(self, _: Any) -> None:
        pass


def a_live_broker(broker_id: int, *, epoch: int = 0, **fields: Any) -> BrokerImage:
    return BrokerImage(broker_id, "run", "disk", epoch=epoch or 10 * broker_id, **fields)


def a_draining_broker(broker_id: int) -> BrokerImage:
    return a_live_broker(broker_id, state=BrokerState.DRAINING)


def an_id(name: str) -> bytes:
    return name.encode().ljust(16, b".")


def a_topic(name: str, partitions: int = 1, *, replicas: tuple[int, ...] = (1,)) -> TopicImage:
    return TopicImage(
        name,
        an_id(name),
        partitions,
        len(replicas),
        partitions=tuple(PartitionImage(index, replicas) for index in range(partitions)),
    )


def a_cluster(
    *topics: TopicImage,
    brokers: Sequence[BrokerImage] = (a_live_broker(1),),
    registered: Sequence[int] = (),
    configs: Mapping[tuple[str, str], Mapping[str, str]] | None = None,
) -> ClusterImage:
    active = {t.name: t for t in topics if t.state is TopicState.ACTIVE}
    return ClusterImage(
        Keys.of("c"),
        brokers={broker.broker_id: broker for broker in brokers},
        registrations={i: Registration(i, "disk", 0, 0) for i in registered},
        topics=active,
        pending={t.name: t for t in topics if t.name not in active},
        topic_names={t.topic_id: t.name for t in topics},
        configs=configs or {},
    )
