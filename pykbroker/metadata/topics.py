"""How topics come, grow, change and go in the store (T3, T5, T6).

Up to PARTITIONS_PER_TXN partitions are written in the one transaction that also writes the topic.
More need several; then nobody is shown the topic, or its added partitions, before the last one,
and a controller that takes over completes or removes what it finds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TypeVar

import trio

from pykbroker.errors import ErrorCode, KafkaError
from pykbroker.metadata.changes import PartitionChange, PartitionsPlan, TopicPlan
from pykbroker.metadata.commits import ATTEMPTS_MAX, Commits
from pykbroker.metadata.image import ClusterImage
from pykbroker.metadata.keys import ConfigType, decode, encode
from pykbroker.metadata.store import CreateRev, Delete, Guard, ModRev, Put, TxnResult
from pykbroker.metadata.values import (
    NO_LEADER,
    PartitionImage,
    TopicImage,
    TopicState,
    partition_value,
    topic_value,
)

PARTITIONS_PER_TXN = 100
ELECTIONS_PER_TXN = 60
"""Each may need a guard for its partition and one for its new leader."""

_Item = TypeVar("_Item")


class TopicTransactions:
    """Carries out the controller's plans; every method returns once the image shows its effect."""

    def __init__(self, commits: Commits) -> None:
        self._commits = commits
        self._keys = commits.keys

    async def create(self, plan: TopicPlan) -> None:
        """Create a topic (T5); raise TOPIC_ALREADY_EXISTS, or NOT_CONTROLLER."""
        controller = self._commits.as_controller()
        partitions = tuple(
            new_partition(self._commits.image, index, replicas)
            for index, replicas in enumerate(plan.replicas)
        )
        with self._in_hand(plan.topic_id):
            result = await self._create(plan, partitions, controller)
        await self._commits.catch_up(result)

    async def delete(self, topic_id: bytes) -> None:
        """Delete a topic (T6); raise UNKNOWN_TOPIC_ID, or NOT_CONTROLLER."""
        for _ in range(ATTEMPTS_MAX):
            controller = self._commits.as_controller()
            topic = self._commits.image.topic_of(topic_id)
            if topic is None:
                raise KafkaError(ErrorCode.UNKNOWN_TOPIC_ID)
            with self._in_hand(topic_id):
                result = await self._delete(topic, controller)
            await self._commits.catch_up(result)
            if result.ok:
                return
        raise KafkaError(ErrorCode.REQUEST_TIMED_OUT, "the topic keeps changing")

    async def add_partitions(self, plan: PartitionsPlan) -> None:
        """Add partitions to a topic.

        Raises UNKNOWN_TOPIC_OR_PARTITION when the topic is gone, INVALID_PARTITIONS when it grew
        since the plan was made, NOT_CONTROLLER.
        """
        for _ in range(ATTEMPTS_MAX):
            controller = self._commits.as_controller()
            topic = self._commits.image.topics.get(plan.name)
            if topic is None or topic.topic_id != plan.topic_id:
                raise KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
            if topic.count != plan.first_index:
                raise KafkaError(
                    ErrorCode.INVALID_PARTITIONS, f"Topic already has {topic.count} partition(s)."
                )
            with self._in_hand(plan.topic_id):
                result = await self._grow(topic, plan, controller)
            await self._commits.catch_up(result)
            if result.ok:
                return
        raise KafkaError(ErrorCode.REQUEST_TIMED_OUT, f"topic {plan.name} keeps changing")

    async def change_partitions(self, changes: Sequence[PartitionChange]) -> None:
        """Write elections and fencings (T3), in chunks.

        A chunk whose partitions, controller or new leaders are no longer as seen is left out: the
        image then differs too, and the next look at it decides again.
        """
        result: TxnResult | None = None
        for chunk in _chunks(changes, ELECTIONS_PER_TXN):
            guards: list[Guard] = [self._commits.as_controller()]
            leaders = {(c.after.leader, c.after.leader_broker_epoch) for c in chunk}
            for leader, epoch in sorted(leaders):
                if leader != NO_LEADER:
                    guards.append(CreateRev(self._keys.live(leader), epoch))
            keys = [self._keys.partition(c.topic_id, c.before.index) for c in chunk]
            guards += [ModRev(key, c.before.revision) for key, c in zip(keys, chunk, strict=True)]
            ops = [Put(key, partition_value(c.after)) for key, c in zip(keys, chunk, strict=True)]
            result = await self._commits.commit(guards, ops)
        if result is not None:
            await self._commits.catch_up(result)

    async def finish_half_made(self) -> None:
        """Complete or remove what a creation or deletion left unfinished.

        One attempt per topic, on what the image shows: where the image is behind, what it shows as
        half made may be whole by now, and the guards refuse.
        """
        for topic in tuple(self._commits.image.pending.values()):
            if topic.topic_id in self._commits.topics_in_hand:
                continue
            controller = self._commits.as_controller()
            with self._in_hand(topic.topic_id):
                if topic.state is TopicState.CREATING and len(topic.partitions) == topic.count:
                    active = topic_value(replace(topic, state=TopicState.ACTIVE))
                    result = await self._commits.commit(
                        self._as_seen(topic, controller),
                        [Put(self._keys.topic(topic.name), active)],
                    )
                else:
                    result = await self._delete(topic, controller)
            await self._commits.catch_up(result)

    async def confirm_gone(self, topic_id: bytes) -> None:
        """Note that this broker holds no more files of a deleted topic."""
        key, me = self._keys.gone(topic_id), self._commits.broker_id
        for _ in range(ATTEMPTS_MAX):
            snapshot = await self._commits.store.load(key)
            kv = snapshot.kvs.get(key)
            fields = decode(kv.value) if kv else {"brokers": ()}
            if kv is None or me not in fields["brokers"]:
                return
            rest = [broker for broker in fields["brokers"] if broker != me]
            op = Put(key, encode(fields | {"brokers": rest})) if rest else Delete(key)
            result = await self._commits.commit([ModRev(key, kv.mod_rev)], [op])
            if result.ok:
                await self._commits.catch_up(result)

    async def _create(
        self, plan: TopicPlan, partitions: Sequence[PartitionImage], controller: Guard
    ) -> TxnResult:
        keys, key = self._keys, self._keys.topic(plan.name)
        at_once = len(partitions) <= PARTITIONS_PER_TXN
        topic = TopicImage(
            name=plan.name,
            topic_id=plan.topic_id,
            count=len(partitions),
            replication_factor=plan.replication_factor,
            state=TopicState.ACTIVE if at_once else TopicState.CREATING,
        )
        ops: list[Put] = [
            Put(key, topic_value(topic)),
            Put(keys.topic_id(plan.topic_id), plan.name.encode()),
        ]
        if plan.configs:
            overrides = encode({"configs": dict(plan.configs)})
            ops.append(Put(keys.config(ConfigType.TOPIC, plan.name), overrides))
        if at_once:
            ops += self._puts(plan.topic_id, partitions)
        result = await self._commits.commit([controller, CreateRev(key, 0)], ops)
        if not result.ok:
            raise _creation_refused(plan.name, taken=key in result.current)
        if not at_once:
            seen = ModRev(key, result.rev)
            result = await self._write_all(plan.topic_id, partitions, [controller, seen])
            active = Put(key, topic_value(replace(topic, state=TopicState.ACTIVE)))
            if result.ok:
                result = await self._commits.commit([controller, seen], [active])
            if not result.ok:
                raise KafkaError(ErrorCode.NOT_CONTROLLER)
        return result

    async def _grow(self, topic: TopicImage, plan: PartitionsPlan, controller: Guard) -> TxnResult:
        key = self._keys.topic(topic.name)
        guards = self._as_seen(topic, controller)
        partitions = [
            new_partition(self._commits.image, plan.first_index + i, replicas)
            for i, replicas in enumerate(plan.replicas)
        ]
        grown = Put(key, topic_value(replace(topic, count=topic.count + len(partitions))))
        if len(partitions) <= PARTITIONS_PER_TXN:
            return await self._commits.commit(
                guards, [grown, *self._puts(topic.topic_id, partitions)]
            )
        result = await self._write_all(topic.topic_id, partitions, guards)
        return await self._commits.commit(guards, [grown]) if result.ok else result

    async def _delete(self, topic: TopicImage, controller: Guard) -> TxnResult:
        written = topic.partitions + topic.unshown
        # Highest index first, so that what is left at any revision is still 0 to n - 1.
        parts = [Delete(self._keys.partition(topic.topic_id, p.index)) for p in reversed(written)]
        result = TxnResult(True, topic.revision)
        if len(parts) > PARTITIONS_PER_TXN and topic.state is not TopicState.DELETING:
            topic = replace(topic, state=TopicState.DELETING)
            marks = [Put(self._keys.topic(topic.name), topic_value(topic)), *self._gone(topic)]
            result = await self._commits.commit(self._as_seen(topic, controller), marks)
            topic = replace(topic, revision=result.rev)
        while result.ok and len(parts) > PARTITIONS_PER_TXN:
            chunk, parts = parts[:PARTITIONS_PER_TXN], parts[PARTITIONS_PER_TXN:]
            result = await self._commits.commit(self._as_seen(topic, controller), chunk)
        if not result.ok:
            return result
        marks = [] if topic.state is TopicState.DELETING else self._gone(topic)
        rest = [
            Delete(self._keys.topic_id(topic.topic_id)),
            Delete(self._keys.config(ConfigType.TOPIC, topic.name)),
            Delete(self._keys.topic(topic.name)),
        ]
        return await self._commits.commit(self._as_seen(topic, controller), [*parts, *marks, *rest])

    def _gone(self, topic: TopicImage) -> list[Put]:
        written = topic.partitions + topic.unshown
        brokers = sorted({broker for partition in written for broker in partition.replicas})
        value = encode({"name": topic.name, "brokers": brokers})
        return [Put(self._keys.gone(topic.topic_id), value)] if brokers else []

    def _as_seen(self, topic: TopicImage, controller: Guard) -> list[Guard]:
        return [controller, ModRev(self._keys.topic(topic.name), topic.revision)]

    async def _write_all(
        self, topic_id: bytes, partitions: Sequence[PartitionImage], guards: Sequence[Guard]
    ) -> TxnResult:
        result = TxnResult(True, 0)
        for chunk in _chunks(partitions, PARTITIONS_PER_TXN):
            if result.ok:
                result = await self._commits.commit(guards, self._puts(topic_id, chunk))
        return result

    def _puts(self, topic_id: bytes, partitions: Sequence[PartitionImage]) -> list[Put]:
        return [
            Put(self._keys.partition(topic_id, p.index), partition_value(p)) for p in partitions
        ]

    @contextmanager
    def _in_hand(self, topic_id: bytes) -> Iterator[None]:
        """Let nothing come between the transactions of one change, the asker's going away least."""
        self._commits.topics_in_hand.add(topic_id)
        try:
            with trio.CancelScope(shield=True):
                yield
        finally:
            self._commits.topics_in_hand.discard(topic_id)


def new_partition(image: ClusterImage, index: int, replicas: tuple[int, ...]) -> PartitionImage:
    """Give a new partition's first state: in sync are its live brokers, and the first one leads.

    Raises INVALID_REPLICA_ASSIGNMENT when none of them is alive.
    """
    active = [image.brokers[r] for r in replicas if r in image.brokers]
    active = [broker for broker in active if broker.is_active]
    if not active:
        raise KafkaError(
            ErrorCode.INVALID_REPLICA_ASSIGNMENT,
            f"All brokers specified for partition {index} are fenced or in controlled shutdown.",
        )
    return PartitionImage(
        index=index,
        replicas=replicas,
        leader=active[0].broker_id,
        leader_broker_epoch=active[0].epoch,
        isr=tuple(broker.broker_id for broker in active),
        isr_epochs=tuple(broker.epoch for broker in active),
    )


def _creation_refused(name: str, *, taken: bool) -> KafkaError:
    if taken:
        return KafkaError(ErrorCode.TOPIC_ALREADY_EXISTS, f"Topic '{name}' already exists.")
    return KafkaError(ErrorCode.NOT_CONTROLLER)


def _chunks(items: Sequence[_Item], size: int) -> Iterator[Sequence[_Item]]:
    return (items[start : start + size] for start in range(0, len(items), size))
