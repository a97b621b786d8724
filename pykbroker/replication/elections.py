"""Who leads which partition, given who is alive: KIP-966, level-triggered.

Pure: looks at the image alone, never at what happened. A replica whose recorded broker epoch is not
that of the broker alive under its id was away, and is no member any more; where nothing needs to
change nothing is said, so that deciding again after writing changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from pykbroker.metadata.changes import PartitionChange
from pykbroker.metadata.image import ClusterImage
from pykbroker.metadata.values import NO_EPOCH, NO_LEADER, BrokerImage, PartitionImage, TopicImage

MinInsyncReplicas = Callable[[str], int]
"""Gives a topic's min.insync.replicas."""


def elections(
    image: ClusterImage,
    min_insync_replicas: MinInsyncReplicas,
    *,
    settled: ClusterImage | None = None,
) -> tuple[PartitionChange, ...]:
    """Give the changes that the partitions of active topics need.

    `settled` is an earlier image that needed none: what has not changed since is not looked at.
    """
    before = settled.topics if settled is not None and settled.brokers is image.brokers else {}
    if image.topics is before:
        return ()
    topics = [topic for name, topic in image.topics.items() if before.get(name) is not topic]
    return tuple(
        change for topic in topics for change in _needed(topic, image, min_insync_replicas)
    )


def _needed(
    topic: TopicImage, image: ClusterImage, min_insync_replicas: MinInsyncReplicas
) -> Iterator[PartitionChange]:
    for partition in topic.partitions:
        if not _is_settled(partition, image):
            least = min(min_insync_replicas(topic.name), len(partition.replicas))
            after = elected(partition, image, least)
            if after != partition:
                yield PartitionChange(topic.topic_id, partition, after)


def elected(partition: PartitionImage, image: ClusterImage, least: int) -> PartitionImage:
    """Give the partition's next state, itself where nothing changes.

    A member that went away leaves the ISR, and stays eligible (ELR) while fewer than `least` are in
    sync. The leader is the present one, else the first replica in sync, else an eligible one that
    was shut down cleanly, else the last known leader when no other replica may hold more.
    """
    members = dict(zip(partition.isr, partition.isr_epochs, strict=True))
    in_sync = {b: epoch for b, epoch in members.items() if _is_live(image, b, epoch)}
    eligible = dict(zip(partition.elr, partition.elr_epochs, strict=True))
    eligible |= {b: epoch for b, epoch in members.items() if b not in in_sync}
    last_known = partition.last_known_elr
    if partition.leader in in_sync:
        leader: int | None = partition.leader
    else:
        leader = next((b for b in partition.replicas if b in in_sync), None)
    if leader is None:
        leader = _eligible_leader(partition, image, eligible)
        if leader is not None:
            in_sync = {leader: image.brokers[leader].epoch}
    if leader is None and partition.leader != NO_LEADER:
        last_known = (partition.leader,)
    if len(in_sync) >= least:
        eligible, last_known = {}, ()
    return _with_members(partition, image, leader, in_sync, eligible, last_known)


def _is_settled(partition: PartitionImage, image: ClusterImage) -> bool:
    """Whether all members are who they were; the leader is one of them, if there is one."""
    return partition.leader != NO_LEADER and all(
        map(lambda b, e: _is_live(image, b, e), partition.isr, partition.isr_epochs)
    )


def _is_live(image: ClusterImage, broker_id: int, epoch: int) -> bool:
    broker = image.brokers.get(broker_id)
    return broker is not None and broker.epoch == epoch


def _eligible_leader(
    partition: PartitionImage, image: ClusterImage, eligible: dict[int, int]
) -> int | None:
    def back(broker_id: int) -> BrokerImage | None:
        return image.brokers.get(broker_id) if broker_id in eligible else None

    for broker in map(back, partition.replicas):
        if broker is not None and broker.clean_of == eligible[broker.broker_id]:
            return broker.broker_id
    alone = {*eligible, *partition.last_known_elr} - {NO_LEADER}
    if len(alone) == 1 and (only := alone.pop()) in image.brokers:
        # It came back unclean, but nobody else was in sync: whoever led would hold no more.
        return only
    return None


def _with_members(
    partition: PartitionImage,
    image: ClusterImage,
    leader: int | None,
    in_sync: dict[int, int],
    eligible: dict[int, int],
    last_known: tuple[int, ...],
) -> PartitionImage:
    after = replace(
        partition,
        leader=NO_LEADER if leader is None else leader,
        leader_broker_epoch=NO_EPOCH if leader is None else image.brokers[leader].epoch,
        isr=tuple(in_sync),
        isr_epochs=tuple(in_sync.values()),
        elr=tuple(b for b in eligible if b not in in_sync),
        elr_epochs=tuple(e for b, e in eligible.items() if b not in in_sync),
        last_known_elr=last_known,
    )
    if after == partition:
        return partition
    return replace(after, leader_epoch=partition.leader_epoch + 1)
